#pragma once
/// What people and programs read of timetables and their history. Pure; text for terminals, hostile
/// strings made harmless.
#include <string>

#include "kiln/v1/schedule.pb.h"
#include "lib/base/result.h"

namespace kiln::report {

/// A paragraph a schedule: when, what, its next times, and its newest start.
std::string schedules_to_text(const v1::ListSchedulesReply& reply);
std::string schedule_to_text(const v1::Schedule& schedule);
/// A line a planned time, newest first.
std::string firings_to_text(const v1::ListFiringsReply& reply);
/// "started run 412"
std::string firing_to_text(const v1::Firing& firing);

/// One document each, as report::to_json() of a report.
Result<std::string> to_json(const v1::Schedule& schedule);
Result<std::string> to_json(const v1::ListSchedulesReply& reply);
Result<std::string> to_json(const v1::Firing& firing);
Result<std::string> to_json(const v1::ListFiringsReply& reply);

}  // namespace kiln::report
