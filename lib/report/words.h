#pragma once
/// Words and figures that every view of a report uses, so that they never differ. Pure.
#include <string>
#include <string_view>
#include <vector>

#include "kiln/v1/report.pb.h"
#include "lib/base/clock.h"

namespace kiln::report {

/// Patches that a text lists: of commits there may be a thousand.
inline constexpr int kMostPatches = 20;

/// What a mark means for the series: decides its colour where there is colour.
enum class Role { kWorse, kBetter, kAttention, kQuiet, kPlain };

/// How a class or an answer is shown: never by colour alone.
struct Mark {
  std::string_view glyph;  ///< "▼"
  std::string_view word;   ///< "REGRESSION"
  Role role = Role::kPlain;
};

Mark mark_of_class(std::string_view cls);
/// "faster" is better and "slower" worse; a count is "fewer" or "more", its role says which is
/// good.
Mark mark_of_answer(const v1::Comparison& comparison);
Mark mark_of_claim(std::string_view answer);
Mark mark_of_result(std::string_view result);

/// "pass 3 of 3 boots", "fail 2, pass 1 of 3 boots"
std::string counts_words(const v1::CellCounts& counts);
/// Pass first, then the others by count: "pass 420 · skip 4 · crash 1"
std::vector<std::pair<std::string, int>> sorted_outcomes(const v1::OutcomeCount& counts);

/// "+1.5 %", "-0.04 %": two decimals below 1 %, never "-0.00".
std::string percent(double value);
/// "[-4.6, -1.6]"
std::string interval(double low, double high);
/// A value as people read it: 3 to 4 significant digits, thousands as they are.
std::string number(double value);
/// "-3.1 % [-4.6, -1.6]" or "37 -> 0", by kind; see also verdict::figure_of.
std::string change_words(const v1::Comparison& comparison);
/// "6 pairs", or "12 boots" when both sides come from one boot; "12 pairs, 2 looks of at most 4".
std::string sample_words(const v1::Comparison& comparison);
/// It decides, and says that the effect differs or is the same.
bool says_something(const v1::Interaction& interaction);
/// "-15.9 % with HIGHMEM, -1.2 % without"
std::string effects_words(const v1::Interaction& interaction);
/// "the effect differs by -14.9 % [-15.1, -14.7]" or "the same effect"
std::string interaction_words(const v1::Interaction& interaction);
/// "24 pairs of baseline against itself spread by 1.2 % [0.9, 1.7]; 1 false alarm in 24 comparisons
/// (0 to 21 %): can be believed"
std::string noise_words(const v1::Noise& noise);
/// "governor performance, clocksource tsc, at most 71 °C; the clock of 2 boots does not count"
std::string hygiene_words(const v1::Hygiene& hygiene);
/// "session 12 (performance 3, patched/i386-highmem): heat slowed the CPUs once"
std::string unfit_words(const v1::UnfitBoot& boot);
/// Its p-values say something: not exact counts, and more than one pair.
bool is_tested(const v1::Comparison& comparison);
/// "0.03 with its looks, " where there are several, else "".
std::string looks_p_words(const v1::Comparison& comparison);
int pairs_counted(const v1::Comparison& comparison);
/// The counted pairs give an interval.
bool has_interval(const v1::Comparison& comparison);

/// "n of m planned results"
std::string results_words(const v1::Verdict& verdict);
std::string duration(double seconds);  ///< "41 s"; "-" when it is no sensible time
/// "2026-11-24 21:15 UTC", "-" when it was not set
std::string time_words(const google::protobuf::Timestamp& time);
/// "1 test", "3 tests"
std::string count_words(int n, std::string_view one, std::string_view many);
/// file:line, or file
std::string place_words(const v1::NotTested& place);
/// Configs in the order in which cells (or outcome counts) name them.
std::vector<std::string> configs_of(const v1::RunReport& report);
/// Variants that ran tests, baseline first.
std::vector<std::string> variants_of(const v1::RunReport& report);
const v1::OutcomeCount* find_counts(const v1::RunReport& report, std::string_view variant,
                                    std::string_view config);
/// "run 398 (3 nights ago, tree 3f9c1e0 -> 8a1c2bd): 1 regressed, 2 worse in too few boots to be
/// sure"
std::string night_words(const v1::LastGoodNight& night);
/// "igt@gem_pread@basic (i386-highmem): pass in 6 of 6 boots, now fail in 6 of 6 boots"
std::string night_test_words(const v1::NightTest& test);
/// The function lines of a kernel report, first ones: what a reader looks for.
std::vector<std::string> telling_lines(const v1::KernelReport& report, size_t most);

}  // namespace kiln::report
