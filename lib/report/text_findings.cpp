#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/text.h"
#include "lib/report/kernel_words.h"
#include "lib/report/paragraph.h"
#include "lib/report/text_parts.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

constexpr int kMostAlso = 12;
constexpr int kMostEvidence = 4;

/// "  label    text": the label's column is the same in every part of a finding.
std::string entry(std::string_view label, std::string_view text) {
  return wrapped("  " + padded(label, 9), text);
}

std::string title_of(const v1::Finding& finding) {
  if (finding.test().empty()) return "";
  return finding.also_size() == 0
             ? finding.test()
             : fmt::format("{} and {} alike", finding.test(), finding.also_size());
}

/// Both sides of a config on two lines, the config on the first.
std::string counts_lines(const v1::Finding& finding) {
  std::string out;
  std::string last_config;
  for (const v1::CellCounts& counts : finding.counts()) {
    const std::string where =
        counts.config() == last_config ? "" : fmt::format("  ({})", clean_line(counts.config()));
    last_config = counts.config();
    out += entry(clean_line(counts.variant()), padded(counts_words(counts), 30) + where);
  }
  return out;
}

}  // namespace

std::string text_finding(const v1::Finding& finding) {
  const Mark mark = mark_of_class(finding.class_());
  const std::string title = title_of(finding);
  const std::string& words = finding.explain().empty() ? finding.summary() : finding.explain();
  std::string out = wrapped(std::string(mark.word) + "  ", title.empty() ? words : title, 2);
  if (!title.empty()) out += wrapped("  ", words);
  out += counts_lines(finding);
  if (!finding.interaction().empty()) out += entry("where", finding.interaction());
  if (!finding.patch().empty()) out += entry("patch", finding.patch());
  for (const v1::KernelReport& report : finding.kernel()) {
    std::string_view label = "kernel";
    for (const std::string& line : kernel_report_lines(report, 4)) {
      out += entry(label, line);
      label = "";
    }
  }
  for (int i = 0; i < std::min(finding.evidence_size(), kMostEvidence); ++i)
    out += entry(i == 0 ? "seen in" : "", finding.evidence(i));
  if (finding.also_size() > 0) {
    std::vector<std::string> names;
    for (int i = 0; i < std::min(finding.also_size(), kMostAlso); ++i)
      names.push_back(clean_line(finding.also(i)));
    if (finding.also_size() > kMostAlso)
      names.push_back(fmt::format("and {} more", finding.also_size() - kMostAlso));
    out += entry("alike", join(names, " "));
  }
  if (!finding.reproduce().empty())
    // A command is not wrapped: it is there to be copied.
    out += "  " + padded("repeat", 9) + clean_line(finding.reproduce()) + "\n";
  return out;
}

std::string text_findings(const v1::RunReport& report) {
  std::string out;
  for (const v1::Finding& finding : report.findings()) {
    if (finding.class_() == "not-the-series" || finding.class_() == "new-test" ||
        finding.class_() == "known")
      continue;
    if (!out.empty()) out += "\n";
    out += text_finding(finding);
  }
  return out;
}

std::string text_not_the_series(const v1::RunReport& report) {
  std::string out;
  for (const v1::Finding& finding : report.findings()) {
    const bool is_new = finding.class_() == "new-test";
    if (finding.class_() != "not-the-series" && !is_new) continue;
    out += wrapped("  ", fmt::format("{}: {}", title_of(finding), finding.summary()), 4);
    if (!finding.interaction().empty() && !is_new) out += wrapped("    ", finding.interaction());
  }
  return out.empty() ? out : "NOT THE SERIES\n" + out;
}

std::string text_not_tested(const v1::RunReport& report) {
  std::string out;
  for (const v1::NotTested& place : report.not_tested()) {
    out += wrapped("  ", place_words(place), 4);
    std::string rest = place.what();
    if (!place.needs().empty()) rest += (rest.empty() ? "needs " : "; needs ") + place.needs();
    if (!rest.empty()) out += wrapped("    ", rest);
  }
  return out.empty() ? out : "NOT TESTED\n" + out;
}

std::string text_lost(const v1::RunReport& report) {
  if (report.verdict().results_planned() == 0) return "";
  if (report.lost().empty()) {
    const int missing = report.verdict().results_planned() - report.verdict().results_got();
    if (missing <= 0)
      return fmt::format("LOST  none of {} planned results\n", report.verdict().results_planned());
    return wrapped("LOST  ", fmt::format("{} of {} planned results: their boots never came",
                                         missing, report.verdict().results_planned()));
  }
  // Those that were lost in one cell for one reason belong together.
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> groups;
  for (const v1::LostResult& lost : report.lost()) {
    const std::string key = fmt::format("{}/{}: {}", lost.variant(), lost.config(), lost.why());
    if (groups[key].empty()) order.push_back(key);
    groups[key].push_back(clean_line(lost.test()));
  }
  std::string out = fmt::format("LOST  {} of {} planned results\n", report.lost_size(),
                                report.verdict().results_planned());
  for (const std::string& key : order) {
    std::vector<std::string>& names = groups[key];
    out += wrapped("  ", fmt::format("{} in {}", names.size(), key), 4);
    if (names.size() > kMostAlso) {
      const size_t more = names.size() - kMostAlso;
      names.resize(kMostAlso);
      names.push_back(fmt::format("and {} more", more));
    }
    out += wrapped("    ", join(names, " "));
  }
  return out;
}

}  // namespace kiln::report
