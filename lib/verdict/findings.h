#pragma once
/// From classified tests, kernel reports and builds to findings, those of one cause together. Pure.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/verdict/classify.h"

namespace kiln::verdict {

/// A finding, and what it means for the verdict.
struct Judged {
  Finding finding;
  bool unconfirmed = false;      ///< seen, and too few boots to say more
  bool only_patched = false;     ///< flaky, bad only with the series
  bool foreign = false;          ///< a kernel report that the series cannot have to do with
  bool no_baseline = false;      ///< bad, with nothing to compare with
  std::string config;            ///< of a confirmed regression: where its bisection boots
  std::string signature;         ///< of a regression that is a kernel report, not a test
  std::vector<Occurrence> seen;  ///< what it rests on, as far as known issues can cover it
  std::vector<int64_t> known;    ///< filters that together cover it
  std::string tool;              ///< that says it of a patch without running it, "" = it was seen
};

/// The word for where a difference shows: `in` are the configs that have it, of all `views` that
/// can be compared. "" when there is one config only, or no word fits.
std::string interaction_of(const std::vector<ConfigView>& views, const std::vector<size_t>& in,
                           Cls cls);

/// Findings of tests, in planned order, the worst class first.
std::vector<Judged> test_findings(const Input& input, const std::vector<ConfigView>& views);

/// Findings of reports that the kernel made with the series only, in no test or in a boot that
/// measured.
std::vector<Judged> kernel_findings(const Input& input, const std::vector<ConfigView>& views);
/// Such reports of functional sessions that need more boots.
struct KernelSuspicion {
  int boots_each = 0;           ///< on each side
  bool anywhere = false;        ///< any test may bring them
  std::set<std::string> tests;  ///< planned ones that bring them
};
/// By config.
std::map<std::string, KernelSuspicion> kernel_suspicions(const Input& input,
                                                         const std::vector<ConfigView>& views);

/// build-failure and build-warning findings; a baseline that does not build is "infrastructure".
std::vector<Judged> build_findings(const Input& input);

/// Warnings of the static side, one a patch and tool. What a build's findings say is not said
/// again.
std::vector<Judged> static_findings(const Input& input);

}  // namespace kiln::verdict
