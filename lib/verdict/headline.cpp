#include "lib/verdict/headline.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/verdict/observe.h"
#include "lib/verdict/outcome.h"
#include "lib/verdict/performance.h"

namespace kiln::verdict {
namespace {

std::string name_of(const Finding& finding) {
  if (finding.test.empty()) return finding.summary;
  if (finding.also.empty()) return finding.test;
  return fmt::format("{} and {} alike", finding.test, finding.also.size());
}

bool is_regression(const Finding& finding) {
  return finding.cls == "regression" || finding.cls == "build-failure";
}

/// A slowdown beyond the margin is still possible.
bool allows_slowdown(const Input& input, const Comparison& c) {
  if (!c.decides || !between_variants(c) || c.answer != "inconclusive") return false;
  for (const job::MetricSpec& spec : input.job.metrics) {
    if (!spec.left_arm.empty() || !glob_match(spec.metric, c.metric)) continue;
    if (c.ci90_low_percent == c.ci90_high_percent)
      return true;  // no interval: anything is possible
    return spec.lower_is_better ? c.ci90_high_percent > c.margin_percent
                                : c.ci90_low_percent < -c.margin_percent;
  }
  return true;
}

/// Another driver's trouble is told, and takes nothing from the results.
std::vector<std::string> infrastructure_reasons(const Input& input,
                                                const std::vector<Judged>& judged) {
  std::vector<std::string> reasons;
  if (!input.infrastructure_error.empty()) reasons.push_back(input.infrastructure_error);
  for (const Judged& one : judged)
    if (one.finding.cls == "infrastructure" && !one.foreign) reasons.push_back(one.finding.summary);
  return reasons;
}

/// Did any test of a first boot of these variants do more than skip?
bool any_ran(const Output& out, std::string_view variant) {
  return std::any_of(
      out.outcome_counts.begin(), out.outcome_counts.end(), [&](const CellCounts& cell) {
        return cell.variant == variant &&
               std::any_of(cell.outcomes.begin(), cell.outcomes.end(), [](const auto& outcome) {
                 const Kind kind = kind_of(outcome.first);
                 return kind == Kind::kPass || kind == Kind::kBad;
               });
      });
}

std::vector<std::string> open_reasons(const Input& input, const std::vector<Judged>& judged,
                                      const Output& out) {
  std::vector<std::string> reasons;
  for (const Judged& one : judged) {
    const Finding& finding = one.finding;
    if (is_regression(finding)) continue;
    if (finding.cls == "coverage-lost") {
      reasons.push_back(fmt::format("the series loses coverage: {}", name_of(finding)));
    } else if (one.no_baseline) {
      reasons.push_back(
          fmt::format("nothing to compare with on the baseline: {}", name_of(finding)));
    } else if (one.unconfirmed) {
      reasons.push_back(fmt::format("a difference is not confirmed: {}", name_of(finding)));
    } else if (one.only_patched) {
      reasons.push_back(fmt::format("too few boots to clear the series of {}: {}", name_of(finding),
                                    finding.summary));
    }
  }
  for (const Comparison& c : out.comparisons)
    if (allows_slowdown(input, c))
      reasons.push_back(fmt::format("{} in {} may still be slower: {} more pairs are needed",
                                    c.metric, c.config, std::max(1, c.more_pairs)));
  if (out.results_planned > 0 && reasons.empty()) {
    if (out.results_got == 0) {
      reasons.emplace_back("no planned test gave a result");
    } else if (has_series(input) && !any_ran(out, "patched")) {
      reasons.emplace_back("every test skipped with the series");
    }
  }
  return reasons;
}

/// "1 flaky, 2 new compiler warnings", what a reader must know besides.
std::string besides(const Output& out) {
  std::vector<std::string> parts;
  const auto add = [&](int n, std::string_view one, std::string_view many) {
    if (n > 0) parts.push_back(count_of(n, one, many));
  };
  add(out.fixes, "fix", "fixes");
  add(out.flaky, "flaky test", "flaky tests");
  add(out.warnings, "warning", "warnings");
  const auto faster = std::count_if(
      out.comparisons.begin(), out.comparisons.end(),
      [](const Comparison& c) { return c.decides && between_variants(c) && c.answer == "faster"; });
  add(static_cast<int>(faster), "metric better", "metrics better");
  add(static_cast<int>(out.not_tested.size()), "place NOT TESTED", "places NOT TESTED");
  return join(parts, ", ");
}

std::string results_words(const Output& out) {
  return out.results_got == out.results_planned
             ? fmt::format("all {} planned results arrived", out.results_planned)
             : fmt::format("{} of {} planned results arrived", out.results_got,
                           out.results_planned);
}

std::string regression_headline(const Output& out) {
  const Finding& first = *std::find_if(out.findings.begin(), out.findings.end(), is_regression);
  std::string details = name_of(first);
  if (out.regressions > 1) details = "first " + details;
  if (!first.interaction.empty()) details += ", " + first.interaction;
  if (!first.patch.empty())
    details += ", from patch " + first.patch.substr(0, first.patch.find(' '));
  return fmt::format("Do not apply yet: {} ({}).",
                     count_of(out.regressions, "regression", "regressions"), details);
}

std::string success_headline(const Input& input, const Output& out) {
  const std::string extra = besides(out);
  const std::string tail = extra.empty() ? "." : "; " + extra + ".";
  if (out.results_planned == 0)
    return fmt::format(
        "No regression in {}{}",
        count_of(static_cast<int>(out.comparisons.size()), "comparison", "comparisons"), tail);
  const bool complete = out.results_got == out.results_planned;
  const bool series = input.job.series.kind != job::SeriesSpec::Kind::kNone;
  if (!series)
    return fmt::format("No series to judge: {} from the baseline{}", results_words(out), tail);
  if (!complete)
    return fmt::format("No regression in what ran, but only {}{}", results_words(out), tail);
  const std::string known =
      out.known == 0 ? "" : ", " + count_of(out.known, "known issue", "known issues") + " aside";
  // A test that is bad on both sides may be so in another way: a warning.
  const bool other = std::any_of(out.findings.begin(), out.findings.end(), [](const Finding& one) {
    return one.cls == "warning" && !one.test.empty();
  });
  return fmt::format("No regression: {}{}{}{}", results_words(out),
                     other ? "" : " and none is worse with the series", known, tail);
}

}  // namespace

void conclude(const Input& input, const std::vector<Judged>& judged, Output* out) {
  const std::vector<std::string> infrastructure = infrastructure_reasons(input, judged);
  const std::vector<std::string> open = open_reasons(input, judged, *out);
  out->reasons.clear();
  for (const Judged& one : judged)
    if (is_regression(one.finding))
      out->reasons.push_back(fmt::format("{}: {}", one.finding.cls,
                                         one.finding.test.empty()
                                             ? one.finding.summary
                                             : name_of(one.finding) + ": " + one.finding.summary));
  out->reasons.insert(out->reasons.end(), infrastructure.begin(), infrastructure.end());
  out->reasons.insert(out->reasons.end(), open.begin(), open.end());
  if (input.interrupted) {
    out->result = "interrupted";
    out->exit_code = 130;
    out->headline =
        fmt::format("Interrupted: so far {} and {}.", results_words(*out),
                    out->regressions > 0 ? count_of(out->regressions, "regression", "regressions")
                                         : "no regression among them");
  } else if (out->regressions > 0) {
    out->result = "regression";
    out->exit_code = 1;
    out->headline = regression_headline(*out);
  } else if (!infrastructure.empty()) {
    out->result = "infrastructure";
    out->exit_code = 3;
    out->headline =
        fmt::format("No verdict: {}; no result blames the series.", infrastructure.front());
  } else if (!open.empty()) {
    out->result = "inconclusive";
    out->exit_code = 3;
    out->headline = open.size() == 1 ? fmt::format("No verdict yet: {}.", open.front())
                                     : fmt::format("No verdict yet, for {} reasons; first: {}.",
                                                   open.size(), open.front());
  } else {
    out->result = "no-regression";
    out->exit_code = 0;
    out->headline = success_headline(input, *out);
  }
}

}  // namespace kiln::verdict
