#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/text.h"
#include "lib/report/html_parts.h"
#include "lib/report/kernel_words.h"
#include "lib/report/paragraph.h"

namespace kiln::report {
namespace {

/// A square a boot, the bad ones marked, for up to 12 boots.
std::string boots(const v1::CellCounts& counts) {
  std::string good;
  std::string bad;
  int n = 0;
  for (const auto& [outcome, count] :
       std::map<std::string, int>(counts.outcomes().begin(), counts.outcomes().end())) {
    const bool fine = outcome == "pass" || outcome == "clean" || outcome == "skip";
    n += count;
    for (int i = 0; i < std::min(count, 12); ++i) (fine ? good : bad) += fine ? "□" : "■";
  }
  if (n == 0 || n > 12) return "";
  return fmt::format("<span class=\"boots\" aria-hidden=\"true\"><i>{}</i>{}</span>", bad, good);
}

const v1::CellCounts* find(const v1::Finding& finding, const std::string& variant,
                           const std::string& config) {
  for (const v1::CellCounts& counts : finding.counts())
    if (counts.variant() == variant && counts.config() == config) return &counts;
  return nullptr;
}

/// The 2x2: configs down, variants across.
std::string counts_table(const v1::Finding& finding) {
  std::vector<std::string> configs;
  std::vector<std::string> variants;
  const auto add = [](std::vector<std::string>* list, const std::string& name) {
    if (std::find(list->begin(), list->end(), name) == list->end()) list->push_back(name);
  };
  for (const v1::CellCounts& counts : finding.counts()) {
    add(&configs, counts.config());
    add(&variants, counts.variant());
  }
  if (configs.empty()) return "";
  std::string out = "<table><thead><tr><td></td>";
  for (const std::string& variant : variants)
    out += "<th scope=\"col\">" + escape(variant) + "</th>";
  out += "</tr></thead><tbody>";
  for (const std::string& config : configs) {
    out += "<tr><th scope=\"row\">" + escape(config) + "</th>";
    for (const std::string& variant : variants) {
      const v1::CellCounts* counts = find(finding, variant, config);
      out += counts == nullptr ? "<td class=\"dim\">not run</td>"
                               : "<td>" + boots(*counts) + escape(counts_words(*counts)) + "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table>";
}

std::string list(const google::protobuf::RepeatedPtrField<std::string>& items, bool mono) {
  std::string out = "<ul>";
  for (const std::string& item : items)
    out += mono ? "<li class=\"mono\">" + escape(item) + "</li>" : "<li>" + escape(item) + "</li>";
  return out + "</ul>";
}

std::string places(const v1::KernelReport& report) {
  google::protobuf::RepeatedPtrField<std::string> lines;
  for (std::string& line : kernel_report_places(report)) lines.Add(std::move(line));
  return lines.empty() ? "" : list(lines, true);
}

std::string kernel_words(const v1::Finding& finding) {
  std::string out;
  for (const v1::KernelReport& report : finding.kernel()) {
    std::string text = report.text().empty() ? report.title() : report.text();
    constexpr size_t kMost = 12'000;
    if (text.size() > kMost) text = text.substr(0, kMost) + "\n... (whole in the session's log)";
    if (const std::string facts = kernel_report_facts(report); !facts.empty())
      out += "<p class=\"note\">" + escape(facts) + "</p>";
    out += places(report) + "<pre>" + escape(text) + "</pre>";
  }
  return out.empty() ? "" : "<p class=\"note where\">The kernel's words</p>" + out;
}

}  // namespace

std::string html_finding(const v1::Finding& finding) {
  const Mark mark = mark_of_class(finding.class_());
  std::string title = chip_word(mark);
  if (!finding.test().empty())
    title += " <span class=\"mono\">" + escape(finding.test()) + "</span>";
  if (finding.also_size() > 0)
    title += fmt::format(" <span class=\"dim\">+{}</span>", finding.also_size());
  std::string out = fmt::format("<article id=\"{}\"><h3>{}</h3>\n", escape(finding.id()), title);
  const std::string& words = finding.explain().empty() ? finding.summary() : finding.explain();
  out += "<p class=\"where\">" + escape(words) + "</p>";
  std::string side;
  if (!finding.interaction().empty()) side += "<p><b>" + escape(finding.interaction()) + "</b></p>";
  if (!finding.patch().empty())
    side += "<p><span class=\"dim\">patch</span> " + escape(finding.patch()) + "</p>";
  if (!finding.known().empty())
    side += "<p><span class=\"dim\">known</span> " + escape(finding.known()) + "</p>";
  if (!finding.reproduce().empty())
    side += "<p><span class=\"dim\">repeat it</span> <code>" + escape(finding.reproduce()) +
            "</code></p>";
  if (finding.evidence_size() > 0)
    side += "<p class=\"note\">Seen in</p>" + list(finding.evidence(), false);
  const std::string table = counts_table(finding);
  if (table.empty()) {
    out += side;
  } else {
    out += "<div class=\"pair\"><div>" + table + "</div><div>" + side + "</div></div>";
  }
  out += kernel_words(finding);
  if (finding.also_size() > 0)
    out +=
        fmt::format("<details><summary>{} alike</summary>{}</details>",
                    count_words(finding.also_size(), "test", "tests"), list(finding.also(), true));
  return out + "</article>\n";
}

namespace {

bool is_quiet(const v1::Finding& finding) {
  return finding.class_() == "not-the-series" || finding.class_() == "new-test";
}

}  // namespace

std::string html_differences(const v1::RunReport& report) {
  std::string body;
  int n = 0;
  for (const v1::Finding& finding : report.findings()) {
    if (is_quiet(finding) || finding.class_() == "known") continue;
    body += html_finding(finding);
    ++n;
  }
  if (n == 0 && !report.outcome_counts().empty())
    body = "<p>Nothing differs between baseline and patched.</p>";
  return section("differences", "What differs", n > 0 ? count_words(n, "finding", "findings") : "",
                 body);
}

std::string html_not_the_series(const v1::RunReport& report) {
  std::string body;
  for (const v1::Finding& finding : report.findings())
    if (is_quiet(finding)) body += html_finding(finding);
  return section("not-the-series", "Not the series", "the same with and without it, or new", body);
}

std::string html_not_tested(const v1::RunReport& report) {
  std::string rows;
  for (const v1::NotTested& place : report.not_tested())
    rows += fmt::format(
        "<tr><td>{}<span class=\"place\">{}</span></td><td>{}</td>"
        "<td data-l=\"needs\">{}</td></tr>",
        chip({"∅", "", Role::kAttention}), escape(place_words(place)), escape(place.what()),
        escape(place.needs()));
  if (rows.empty()) return "";
  return section("not-tested", "Not tested", "changed code that nothing here executed",
                 "<table class=\"cards\"><thead><tr><th>Place</th><th>What</th><th>Needs</th></tr>"
                 "</thead><tbody>" +
                     rows + "</tbody></table>");
}

std::string html_lost(const v1::RunReport& report) {
  if (report.verdict().results_planned() == 0) return "";
  const int missing = report.verdict().results_planned() - report.verdict().results_got();
  if (report.lost().empty() && missing <= 0) return "";
  std::string body;
  if (report.lost().empty()) body = "<p>Their boots never came.</p>";
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> groups;
  for (const v1::LostResult& lost : report.lost()) {
    const std::string key = fmt::format("{}/{}: {}", lost.variant(), lost.config(), lost.why());
    if (groups[key].empty()) order.push_back(key);
    groups[key].push_back(lost.test());
  }
  for (const std::string& key : order) {
    body += fmt::format("<details><summary>{} in {}</summary><ul>",
                        count_words(static_cast<int>(groups[key].size()), "result", "results"),
                        escape(key));
    for (const std::string& test : groups[key])
      body += "<li class=\"mono\">" + escape(test) + "</li>";
    body += "</ul></details>";
  }
  return section("lost", "Lost results",
                 fmt::format("{} of {} planned", missing, report.verdict().results_planned()),
                 body);
}

}  // namespace kiln::report
