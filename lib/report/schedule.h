#pragma once
/// What people and programs read of timetables and their history. Pure; text for terminals, hostile
/// strings made harmless.
#include <string>

#include "kiln/v1/schedule.pb.h"

namespace kiln::report {

/// A paragraph a schedule: when, what, its next times, and its newest start.
std::string schedules_to_text(const v1::ListSchedulesReply& reply);
std::string schedule_to_text(const v1::Schedule& schedule);
/// A line a planned time, newest first.
std::string firings_to_text(const v1::ListFiringsReply& reply);
/// "started run 412"
std::string firing_to_text(const v1::Firing& firing);

}  // namespace kiln::report
