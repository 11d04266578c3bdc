#pragma once
/// From what came back of the machine to the session's results. Pure but for reading the folder.
#include <string>
#include <vector>

#include "agent/test/order.h"
#include "agent/test/test_phase.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Console lines [first, last] of a log as text.
std::string console_range(const std::vector<ConsoleLine>& lines, int64_t first, int64_t last);

/// A machine may die before the name of its last test has come over the wire: such a culprit gets
/// the first incomplete result that no other culprit claims, for igt_runner synced it to disk.
void name_culprits(std::vector<Culprit>& culprits, const std::vector<TestResult>& results);

/// A culprit's result carries the kernel's own words: the reports of `console` (the text of the
/// boot that ended), its end if there is none. Adds a result when the runner left none.
void blame(const Culprit& culprit, const std::string& console, const std::string& phase,
           std::vector<TestResult>& results);

/// Whole kernel reports of a console, attributed to tests by IGT's marks in it.
std::vector<KernelMessage> kernel_messages(std::string_view console);

}  // namespace kiln::agent
