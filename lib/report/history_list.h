#pragma once
/// Tests and metrics over many runs, for terminals. Pure; hostile strings made harmless.
#include <string>

#include "kiln/v1/history.pb.h"

namespace kiln::report {

/// A line a test and half: one letter a run, oldest first.
std::string tests_to_text(const v1::TestGridReply& reply);
std::string metric_names_to_text(const v1::MetricHistoryReply& reply);
/// A line a run, config and variant, and where it changed.
std::string metric_to_text(const v1::MetricHistoryReply& reply);
/// How its sessions ended, its noise, then a line a session, newest first.
std::string machine_to_text(const v1::MachineHistoryReply& reply);
std::string configs_to_text(const v1::CompareConfigsReply& reply);

}  // namespace kiln::report
