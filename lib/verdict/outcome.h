#pragma once
/// What igt_runner's words mean for a comparison, and how test names nest. Pure.
#include <string>
#include <string_view>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// Intel's classes: pass is good, skip and notrun say nothing, everything else is bad.
enum class Kind { kPass, kSkip, kBad, kMissing };

inline constexpr std::string_view kNoResult =
    "missing";  ///< the outcome of a test without a result

/// An unknown word is bad: what is not understood must not look like success.
Kind kind_of(std::string_view outcome);

/// Do the kernel's messages hold an error (level error or worse, a WARNING, an oops, a lockup)?
bool kernel_words_bad(std::string_view words);
/// Is the report of a boot about this test that ended so? It is the test's own, that of a part of
/// it (a dynamic subtest), or, when the test went bad, that of its whole binary: what the kernel
/// says between two subtests ends the binary, and the last subtest carries it.
bool tells_of(const KernelReport& report, std::string_view test, std::string_view outcome);

/// "text" of "<3> [   12.345678][  T412] text": logs write what stands before it in several ways.
std::string_view message_of(std::string_view line);

/// The line that says what is wrong, without level and time: the first error, else the first line.
std::string telling_line(std::string_view words);

/// What a report is known by in every boot: its signature, or its title when it has none.
const std::string& name_of(const KernelReport& report);
/// The first report, foreign ones aside, that belongs to the test; nullptr = none.
const KernelReport* report_of(const std::vector<KernelReport>& kernel, std::string_view test);

/// igt_runner's word, made worse when the kernel log of the test holds an error or a report: a pass
/// is then "dmesg-warn", a fail or warn "dmesg-fail". Foreign reports (foreign.h) do not count.
/// `kernel` are the reports of the row's session.
std::string effective_outcome(const ResultRow& row, const std::vector<KernelReport>& kernel);
/// The same of a row of this session: on an emulated machine, words that only say that its timers
/// were late make no pass a dmesg-warn. They come with either kernel when the host is busy.
std::string outcome_in(const SessionRow& session, const ResultRow& row);

/// Which rule made the kernel's words count against the test, for people: "it said success, but by
/// the dmesg rules: a message of level 3 (error)". `kernel` are the session's reports; "" when the
/// effective outcome is no dmesg-warn or dmesg-fail.
std::string dmesg_rule(const ResultRow& row, const std::vector<KernelReport>& kernel);

/// Is `name` the planned test, or a subtest or dynamic subtest of it?
bool covers(std::string_view planned, std::string_view name);

/// "igt@gem_pread" of "igt@gem_pread@basic@x"; the name itself when it has fewer parts.
std::string binary_of(std::string_view test);

/// "1 test", "3 tests".
std::string count_of(int n, std::string_view singular, std::string_view plural);

}  // namespace kiln::verdict
