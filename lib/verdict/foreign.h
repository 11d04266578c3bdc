#pragma once
/// Kernel reports that a series cannot have to do with (another driver's), and reports that are old
/// news. Pure.
#include <string>
#include <vector>

#include "lib/verdict/findings.h"

namespace kiln::verdict {

/// The next patch of the series under test, with the files that it touches.
void add_patch(const std::string& subject, const std::vector<std::string>& files, Input* input);

/// Sets KernelReport::foreign in all sessions, by the files that the series touches. Whoever makes
/// an Input calls it once its sessions are there.
void mark_foreign(Input* input);

/// What the kernel said while the test ran, without the lines of foreign reports.
std::string own_words(const ResultRow& row, const std::vector<KernelReport>& kernel);

/// One "infrastructure" finding a foreign report, whichever side's boots had it.
std::vector<Judged> foreign_findings(const Input& input);

/// Fills KernelReport::seen of a finding's reports: "this oops already happens on base: in 3 of 6
/// boots without the series (i386-nohighmem)".
void say_what_is_old(const Input& input, Finding* finding);

}  // namespace kiln::verdict
