#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/text_parts.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

std::string outcome_words(const v1::OutcomeCount* counts) {
  if (counts == nullptr) return "no result";
  std::vector<std::string> parts;
  for (const auto& [outcome, n] : sorted_outcomes(*counts))
    parts.push_back(fmt::format("{} {}", clean_line(outcome), n));
  return parts.empty() ? "no result" : join(parts, ", ");
}

std::string comparison_lines(const v1::Comparison& c) {
  const Mark mark = mark_of_answer(c);
  std::string out = wrapped("  ", fmt::format("{} ({}, {})", c.metric(), c.kind(), c.config()), 4);
  const bool has_unit = c.kind() == "counter" && !c.unit().empty();
  std::string line =
      fmt::format("{}{}{}, {}: {} against {}, {}", change_words(c), has_unit ? " " : "",
                  has_unit ? c.unit() : "", mark.word, c.right(), c.left(), sample_words(c));
  if (c.answer() == "inconclusive" && c.decides() && c.more_pairs() > 0)
    line += fmt::format(", {} more needed", c.more_pairs());
  out += wrapped("    ", line);
  if (is_tested(c))
    out +=
        wrapped("    ", fmt::format("p {:.2g} ({}{:.2g} among all; sign-flip {:.2g}); margin {:g} "
                                    "%; {} pairs show {:.1f} %",
                                    c.p_value(), looks_p_words(c), c.p_adjusted(), c.p_signflip(),
                                    c.margin_percent(), pairs_counted(c), c.detectable_percent()));
  std::set<std::string> excluded;
  for (const v1::PairValue& pair : c.pairs())
    if (!pair.excluded().empty()) excluded.insert(clean_line(pair.excluded()));
  for (const std::string& why : excluded) out += wrapped("    ", "excluded: " + why, 6);
  if (!c.note().empty()) out += wrapped("    ", c.note());
  return out;
}

/// Is what the series does to the figures HIGHMEM's doing? Only where it says something.
std::string interaction_lines(const v1::RunReport& report) {
  std::string out;
  std::string configs;
  for (const v1::Interaction& x : report.interactions()) {
    if (!says_something(x)) continue;
    const std::string pair = clean_line(x.on().config() + " against " + x.off().config());
    if (pair != configs) out += wrapped("  ", "HIGHMEM x PATCH: " + pair, 4);
    configs = pair;
    out += wrapped("    ",
                   fmt::format("{} ({}, {} against {})", x.metric(), x.kind(), x.right(), x.left()),
                   6);
    out += wrapped("      ", effects_words(x) + ": " + interaction_words(x));
  }
  return out;
}

/// What the machine makes of nothing, once there is something to say.
std::string noise_lines(const v1::RunReport& report) {
  std::string out;
  for (const v1::Noise& noise : report.noise())
    if (noise.pairs() > 1)
      out += wrapped(
          "  ",
          fmt::format("Noise of {}, {}: {}", noise.machine(), noise.family(), noise_words(noise)),
          4);
  return out;
}

/// How machines were set, where they say so, and each boot that this rules out.
std::string hygiene_lines(const v1::RunReport& report) {
  std::string out;
  for (const v1::Hygiene& one : report.hygiene()) {
    const std::string words = hygiene_words(one);
    if (words.empty()) continue;
    out += wrapped("  ", fmt::format("Conditions of {}: {}", one.machine(), words), 4);
    for (const v1::UnfitBoot& boot : one.unfit()) out += wrapped("    ", unfit_words(boot), 6);
  }
  return out;
}

}  // namespace

std::string text_matrix(const v1::RunReport& report) {
  std::string out;
  size_t width = 18;
  for (const std::string& config : configs_of(report))
    width = std::max(width, clean_line(config).size() + 2);
  for (const std::string& config : configs_of(report)) {
    for (const std::string& variant : variants_of(report)) {
      std::string words = outcome_words(find_counts(report, variant, config));
      for (const v1::Cell& cell : report.cells())
        if (cell.variant() == variant && cell.config() == config && !cell.same_as().empty())
          words = "the same kernel as " + cell.same_as();
      out += wrapped("  " + padded(clean_line(config), width) + padded(variant, 10), words);
    }
  }
  if (out.empty()) return out;
  return fmt::format("RESULTS  {}\n", results_words(report.verdict())) + out;
}

std::string text_performance(const v1::RunReport& report) {
  if (report.comparisons().empty()) return "";
  std::string out = "PERFORMANCE\n";
  for (const bool decides : {true, false}) {
    bool first = true;
    if (!decides) out += interaction_lines(report);
    for (const v1::Comparison& c : report.comparisons()) {
      if (c.decides() != decides) continue;
      if (!decides && first) out += "  For information only:\n";
      first = false;
      out += comparison_lines(c);
    }
  }
  return out + noise_lines(report) + hygiene_lines(report);
}

std::string text_claims(const v1::RunReport& report) {
  if (report.claims().empty()) return "";
  std::string out = "CLAIMS\n";
  for (const v1::Claim& claim : report.claims()) {
    out += wrapped("  ", fmt::format("\"{}\"", clean_line(claim.text())), 3);
    out += wrapped("    ", std::string(mark_of_claim(claim.answer()).word) +
                               (claim.figure().empty() ? "" : ": " + claim.figure()));
    if (!claim.why().empty()) out += wrapped("    ", claim.why());
  }
  return out;
}

std::string text_foot(const v1::RunReport& report) {
  const v1::Run& run = report.run();
  std::string out;
  const auto add = [&](std::string_view label, const std::string& text) {
    if (!clean_line(text).empty()) out += wrapped(padded(label, 10), text);
  };
  add("Base", run.source_tree().empty()
                  ? run.source()
                  : fmt::format("{} (tree {})", run.source(), run.source_tree().substr(0, 12)));
  for (int i = 0; i < std::min(kMostPatches, report.series().patches_size()); ++i) {
    const v1::Patch& patch = report.series().patches(i);
    add(i == 0 ? "Series" : "",
        fmt::format("{}/{} {} (+{} -{})", i + 1, report.series().patches_size(), patch.subject(),
                    patch.insertions(), patch.deletions()));
  }
  if (report.series().patches_size() > kMostPatches)
    add("", fmt::format("and {} more", report.series().patches_size() - kMostPatches));
  add("Toolchain", run.toolchain());
  add("Machine", run.machine());
  add("IGT", run.igt_version());
  for (int i = 0; i < report.builds_size(); ++i) {
    const v1::Build& build = report.builds(i);
    const auto fresh = std::count_if(build.warnings().begin(), build.warnings().end(),
                                     [](const auto& warning) { return warning.is_new(); });
    std::string text =
        fmt::format("{}: {} in {}", build.cell(), build.state(), duration(build.elapsed_seconds()));
    if (fresh > 0)
      text += ", " + count_words(static_cast<int>(fresh), "new warning", "new warnings");
    add(i == 0 ? "Builds" : "", text);
  }
  if (run.id() > 0)
    add("Run", fmt::format("{}, {}, {}, kiln {}, seed {}", run.id(), time_words(run.started()),
                           duration(run.elapsed_seconds()), run.kiln_version(), run.seed()));
  for (int i = 0; i < report.reproduce_size(); ++i)
    // A command is not wrapped: it is there to be copied.
    out += padded(i == 0 ? "Reproduce" : "", 10) + clean_line(report.reproduce(i)) + "\n";
  return out;
}

}  // namespace kiln::report
