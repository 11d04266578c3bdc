#pragma once
/// A night against an earlier one of the same job, test by test. The rules are those by which a
/// series is judged: the earlier night stands for "without", this one for "with". Pure.
#include <string>
#include <vector>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// One test that does not end as it did.
struct NightTest {
  std::string test;
  std::string config;
  std::string variant;  ///< whose boots are compared: those without the series, or with it
  std::string before;   ///< "pass in 1 of 1 boot"
  std::string now;
  bool operator==(const NightTest&) const = default;
};

struct NightChange {
  std::vector<NightTest> regressed;  ///< surely, by both nights' boots
  std::vector<NightTest> fixed;
  std::vector<NightTest> worse;   ///< bad now and good then, in too few boots to be sure
  std::vector<NightTest> better;  ///< the other way round
  std::vector<NightTest> lost;    ///< it passed, and now it skips or gives no result
};

/// `then`: the earlier night's sessions. `history`: how often tests were bad before that night;
/// one that was is no news when it is bad in a boot now. What the known issues of `now` cover is
/// left out. Tests of the baseline come first; those with the series follow where the baseline
/// says nothing of the test.
NightChange compare_nights(const Input& now, const std::vector<SessionRow>& then,
                           const std::vector<TestHistory>& history = {});

/// The tests whose history compare_nights() would look at.
std::vector<TestHistory> night_tests_to_look_up(const Input& now,
                                                const std::vector<SessionRow>& then);

}  // namespace kiln::verdict
