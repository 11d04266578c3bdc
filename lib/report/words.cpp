#include "lib/report/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"

namespace kiln::report {

Mark mark_of_class(std::string_view cls) {
  if (cls == "regression") return {"▼", "REGRESSION", Role::kWorse};
  if (cls == "build-failure") return {"▼", "BUILD FAILS", Role::kWorse};
  if (cls == "fix") return {"▲", "FIX", Role::kBetter};
  if (cls == "flaky") return {"≈", "FLAKY", Role::kAttention};
  if (cls == "coverage-lost") return {"∅", "COVERAGE LOST", Role::kAttention};
  if (cls == "warning") return {"△", "WARNING", Role::kAttention};
  if (cls == "build-warning") return {"△", "BUILD WARNING", Role::kAttention};
  if (cls == "new-test") return {"+", "NEW", Role::kQuiet};
  if (cls == "infrastructure") return {"!", "INFRASTRUCTURE", Role::kQuiet};
  if (cls == "not-the-series") return {"◇", "NOT THE SERIES", Role::kQuiet};
  if (cls == "known") return {"◇", "KNOWN", Role::kQuiet};
  return {"·", cls, Role::kPlain};
}

Mark mark_of_answer(const v1::Comparison& c) {
  const bool count = c.kind() != "wall-clock";
  const bool fewer = c.right_typical() < c.left_typical();
  if (c.answer() == "faster")
    return {"▲", count ? (fewer ? "fewer" : "more") : "faster", Role::kBetter};
  if (c.answer() == "slower")
    return {"▼", count ? (fewer ? "fewer" : "more") : "slower", Role::kWorse};
  if (c.answer() == "equivalent") return {"=", "the same", Role::kQuiet};
  if (c.answer() == "changed") return {"≠", "changed", Role::kAttention};
  return {"?", "unsure", Role::kAttention};
}

Mark mark_of_claim(std::string_view answer) {
  if (answer == "confirmed") return {"✓", "confirmed", Role::kBetter};
  if (answer == "refuted") return {"✗", "refuted", Role::kWorse};
  return {"?", "not decidable here", Role::kAttention};
}

Mark mark_of_result(std::string_view result) {
  if (result == "no-regression") return {"·", "no regression", Role::kPlain};
  if (result == "regression") return {"▼", "regression", Role::kWorse};
  if (result == "interrupted") return {"!", "interrupted", Role::kQuiet};
  if (result == "infrastructure") return {"!", "no verdict", Role::kQuiet};
  if (result == "inconclusive") return {"?", "no verdict yet", Role::kAttention};
  return {"?", "no verdict yet", Role::kQuiet};
}

std::string counts_words(const v1::CellCounts& counts) {
  int boots = 0;
  std::string out;
  const std::map<std::string, int> ordered(counts.outcomes().begin(), counts.outcomes().end());
  for (const auto& [outcome, n] : ordered) {
    boots += n;
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {}", clean_line(outcome), n);
  }
  if (out.empty()) return "no boot";
  return fmt::format("{} of {}", out, count_words(boots, "boot", "boots"));
}

std::vector<std::pair<std::string, int>> sorted_outcomes(const v1::OutcomeCount& counts) {
  std::vector<std::pair<std::string, int>> out(counts.outcomes().begin(), counts.outcomes().end());
  const auto rank = [](const std::string& outcome) {
    return outcome == "pass" ? 0 : outcome == "skip" ? 1 : outcome == "missing" ? 3 : 2;
  };
  std::sort(out.begin(), out.end(), [&](const auto& a, const auto& b) {
    return std::tuple(rank(a.first), -a.second, a.first) <
           std::tuple(rank(b.first), -b.second, b.first);
  });
  return out;
}

std::string percent(double value) {
  std::string out =
      std::fabs(value) < 1 ? fmt::format("{:+.2f} %", value) : fmt::format("{:+.1f} %", value);
  if (out == "-0.00 %" || out == "+0.00 %") return "0.00 %";
  return out;
}

std::string interval(double low, double high) {
  const bool fine = std::max(std::fabs(low), std::fabs(high)) < 2;
  return fine ? fmt::format("[{:+.2f}, {:+.2f}]", low, high)
              : fmt::format("[{:+.1f}, {:+.1f}]", low, high);
}

std::string number(double value) {
  const double size = std::fabs(value);
  if (value == 0) return "0";
  if (size >= 1e15 || size < 1e-4) return fmt::format("{:.3g}", value);
  if (size >= 1000 || value == std::round(value)) return fmt::format("{:.0f}", value);
  if (size >= 100) return fmt::format("{:.1f}", value);
  if (size >= 10) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3g}", value);
}

int pairs_counted(const v1::Comparison& c) {
  return static_cast<int>(std::count_if(c.pairs().begin(), c.pairs().end(),
                                        [](const auto& pair) { return pair.excluded().empty(); }));
}

bool has_interval(const v1::Comparison& c) {
  return pairs_counted(c) > 0 && (c.ci_low_percent() != 0 || c.ci_high_percent() != 0);
}

std::string change_words(const v1::Comparison& c) {
  if (pairs_counted(c) == 0) return "no pair";
  if (c.kind() == "counter")
    return fmt::format("{} -> {}", number(c.left_typical()), number(c.right_typical()));
  std::string out = percent(c.change_percent());
  if (has_interval(c)) out += " " + interval(c.ci_low_percent(), c.ci_high_percent());
  return out;
}

std::string sample_words(const v1::Comparison& c) {
  const bool same_boot = c.pairs_size() > 0 && c.pairs(0).order() == "same boot";
  std::string out = same_boot ? count_words(pairs_counted(c), "boot", "boots")
                              : count_words(pairs_counted(c), "pair", "pairs");
  if (c.looks_at_most() > 1)
    out += fmt::format(", {} of at most {}", count_words(c.looks_taken(), "look", "looks"),
                       c.looks_at_most());
  return out;
}

bool says_something(const v1::Interaction& x) {
  return x.decides() && x.answer() != "inconclusive";
}

std::string effects_words(const v1::Interaction& x) {
  const auto words = [&](const v1::InteractionSide& side) {
    return x.kind() == "counter"
               ? fmt::format("{} -> {}", number(side.left_typical()), number(side.right_typical()))
               : percent(side.change_percent());
  };
  return fmt::format("{} with HIGHMEM, {} without", words(x.on()), words(x.off()));
}

std::string interaction_words(const v1::Interaction& x) {
  if (x.answer() != "differs") return x.answer() == "equal" ? "the same effect" : "undecided";
  if (!x.has_percent()) return "the effect differs";
  return fmt::format("the effect differs by {} {}", percent(x.difference_percent()),
                     interval(x.ci_low_percent(), x.ci_high_percent()));
}

std::string noise_words(const v1::Noise& noise) {
  std::string out = count_words(noise.pairs(), "pair", "pairs") + " of the baseline against itself";
  if (noise.sd_percent() > 0)
    out += fmt::format(" spread by {:.1f} % [{:.1f}, {:.1f}]", noise.sd_percent(),
                       noise.sd_low_percent(), noise.sd_high_percent());
  if (noise.experiments() == 0)
    return out + "; too few to say whether this machine's alarms can be believed";
  out += fmt::format("; {} in {} ({:.0f} to {:.0f} %)",
                     count_words(noise.alarms(), "false alarm", "false alarms"),
                     count_words(noise.experiments(), "comparison", "comparisons"),
                     100 * noise.rate_low(), 100 * noise.rate_high());
  if (noise.not_believed().empty()) return out + ": as it should be";
  const std::vector<std::string> metrics(noise.not_believed().begin(), noise.not_believed().end());
  return out + ": cannot be believed for " + join(metrics, ", ");
}

std::string hygiene_words(const v1::Hygiene& hygiene) {
  std::vector<std::string> parts;
  if (!hygiene.usual().empty()) parts.push_back(clean_line(hygiene.usual()));
  if (hygiene.celsius() > 0) parts.push_back(fmt::format("at most {:.0f} °C", hygiene.celsius()));
  std::string out = join(parts, ", ");
  if (hygiene.unfit_size() == 0) return out;
  return out + fmt::format("{}the clock of {} does not count", out.empty() ? "" : "; ",
                           count_words(hygiene.unfit_size(), "boot", "boots"));
}

std::string unfit_words(const v1::UnfitBoot& boot) {
  const std::string pair = boot.pair() > 0 ? fmt::format(" {}", boot.pair()) : "";
  return clean_line(fmt::format("session {} ({}{}, {}/{}): {}", boot.session_id(), boot.purpose(),
                                pair, boot.variant(), boot.config(), boot.why()));
}

bool is_tested(const v1::Comparison& c) {
  return pairs_counted(c) > 1 && (c.kind() == "wall-clock" || c.looks_at_most() > 1);
}

std::string looks_p_words(const v1::Comparison& c) {
  return c.looks_at_most() > 1 ? fmt::format("{:.2g} with its looks, ", c.p_repeated()) : "";
}

std::string results_words(const v1::Verdict& verdict) {
  return fmt::format("{} of {} planned results", verdict.results_got(), verdict.results_planned());
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "-";
  return human_duration(Millis(static_cast<int64_t>(seconds * 1000)));
}

std::string time_words(const google::protobuf::Timestamp& time) {
  if (time.seconds() <= 0 || time.seconds() > 253'402'300'799) return "-";
  const std::string full = to_rfc3339(WallTime(Millis(time.seconds() * 1000)));
  return full.substr(0, 10) + " " + full.substr(11, 5) + " UTC";
}

std::string count_words(int n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::string place_words(const v1::NotTested& place) {
  return place.line() > 0 ? fmt::format("{}:{}", place.file(), place.line()) : place.file();
}

std::vector<std::string> configs_of(const v1::RunReport& report) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& config) {
    if (!config.empty() && std::find(out.begin(), out.end(), config) == out.end())
      out.push_back(config);
  };
  for (const v1::Cell& cell : report.cells()) add(cell.config());
  for (const v1::OutcomeCount& counts : report.outcome_counts()) add(counts.config());
  return out;
}

std::vector<std::string> variants_of(const v1::RunReport& report) {
  std::vector<std::string> out;
  for (const char* variant : {"baseline", "patched"}) {
    const bool there =
        std::any_of(report.outcome_counts().begin(), report.outcome_counts().end(),
                    [&](const auto& counts) { return counts.variant() == variant; }) ||
        std::any_of(report.cells().begin(), report.cells().end(),
                    [&](const auto& cell) { return cell.variant() == variant; });
    if (there) out.emplace_back(variant);
  }
  return out;
}

const v1::OutcomeCount* find_counts(const v1::RunReport& report, std::string_view variant,
                                    std::string_view config) {
  for (const v1::OutcomeCount& counts : report.outcome_counts())
    if (counts.variant() == variant && counts.config() == config) return &counts;
  return nullptr;
}

std::string night_words(const v1::LastGoodNight& night) {
  if (night.run_id() == 0)
    return fmt::format("no earlier night of {} was good: nothing to compare with",
                       clean_line(night.schedule()));
  std::string out = fmt::format("run {} ({} ago, tree {} -> {}):", night.run_id(),
                                count_words(night.nights_since(), "night", "nights"),
                                clean_line(night.source_tree().substr(0, 12)),
                                clean_line(night.source_tree_now().substr(0, 12)));
  std::vector<std::string> parts;
  const auto add = [&](int n, std::string_view word) {
    if (n > 0) parts.push_back(fmt::format("{} {}", n, word));
  };
  add(night.regressed_size(), "regressed");
  add(night.worse_size(), "worse in too few boots to be sure");
  add(night.lost_size(), "lost");
  add(night.fixed_size(), "fixed");
  add(night.better_size(), "better in too few boots to be sure");
  return out + " " + (parts.empty() ? "every test ends as it did" : join(parts, ", "));
}

std::string night_test_words(const v1::NightTest& test) {
  return fmt::format("{} ({}{}): {}, now {}", clean_line(test.test()), clean_line(test.config()),
                     test.variant() == "patched" ? ", with the series" : "",
                     clean_line(test.before()), clean_line(test.now()));
}

std::vector<std::string> telling_lines(const v1::KernelReport& report, size_t most) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& line) {
    if (!line.empty() && out.size() < most && std::find(out.begin(), out.end(), line) == out.end())
      out.push_back(line);
  };
  add(clean_line(report.title()));
  for (const std::string& raw : split_lines(report.text())) {
    if (out.size() >= most) break;
    std::string line = clean_line(raw);
    if (const size_t stamp = line.find("] "); stamp != std::string::npos && stamp < 32)
      line = std::string(trim(line.substr(stamp + 2)));  // behind the time
    const bool place = line.starts_with("RIP:") || line.starts_with("EIP:") ||
                       (line.find("+0x") != std::string::npos && !line.starts_with("?"));
    if (place) add(line);
  }
  return out;
}

}  // namespace kiln::report
