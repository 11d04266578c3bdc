#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/report/html_parts.h"

namespace kiln::report {
namespace {

bool is_bad(const std::string& outcome) {
  return outcome != "pass" && outcome != "skip" && outcome != "notrun";
}

std::string outcomes(const v1::OutcomeCount& counts) {
  std::string out = fmt::format("<td class=\"outcomes\" data-l=\"{}\">", escape(counts.variant()));
  for (const auto& [outcome, n] : sorted_outcomes(counts))
    out += fmt::format("<span class=\"{}\"><b>{}</b> {}</span>",
                       is_bad(outcome)     ? "bad"
                       : outcome == "pass" ? ""
                                           : "dim",
                       n, escape(outcome));
  return out + "</td>";
}

/// Do the two sides of this config end differently (or one side not always alike)?
bool differs_in(const v1::Finding& finding, const std::string& config) {
  std::map<std::string, std::set<std::string>> outcomes_by_variant;
  for (const v1::CellCounts& counts : finding.counts()) {
    if (counts.config() != config) continue;
    for (const auto& [outcome, n] : counts.outcomes())
      outcomes_by_variant[counts.variant()].insert(outcome);
  }
  const std::set<std::string>& baseline = outcomes_by_variant["baseline"];
  return baseline != outcomes_by_variant["patched"] || baseline.size() > 1;
}

/// The findings that touch a config, as links.
std::string what_differs(const v1::RunReport& report, const std::string& config) {
  std::string out;
  for (const v1::Finding& finding : report.findings()) {
    if (finding.class_() == "not-the-series" || !differs_in(finding, config)) continue;
    out += fmt::format("<a href=\"#{}\">{}<span class=\"mono\">{}</span></a><br>",
                       escape(finding.id()), chip(mark_of_class(finding.class_())),
                       escape(finding.test().empty() ? "kernel" : finding.test()));
  }
  return out.empty() ? "<span class=\"dim\">nothing</span>" : out;
}

std::string short_id(const std::string& id) {
  return id.substr(0, 8);
}

/// The modules that matter most for a driver test, in one line.
std::string module_ids(const google::protobuf::Map<std::string, std::string>& ids) {
  std::string out;
  const std::map<std::string, std::string> ordered(ids.begin(), ids.end());
  for (const auto& [module, id] : ordered)
    out += " · " + escape(module) + " " + escape(short_id(id));
  return out;
}

std::string identity(const v1::Session& session) {
  const v1::Identity& id = session.identity();
  if (id.release().empty() && id.boot_id().empty()) return "<span class=\"dim\">none</span>";
  std::string out = id.proved() ? "✓ " : "<b class=\"bad\">not proved</b> ";
  out += escape(short_id(id.kernel_build_id())) + module_ids(id.module_build_ids());
  out += fmt::format(" · high {} MiB", id.high_total_kib() / 1024);
  if (id.taint() != 0) out += fmt::format(" · taint {}", id.taint());
  return out;
}

std::string session_row(const v1::Session& session) {
  const auto bad = std::count_if(session.results().begin(), session.results().end(),
                                 [](const v1::Result& r) { return is_bad(r.outcome()); });
  std::string ending = escape(session.ending());
  if (session.ending() == "infrastructure") ending = chip({"!", "", Role::kQuiet}) + ending;
  if (!session.error().empty())
    ending += "<br><span class=\"dim\">" + escape(session.error()) + "</span>";
  if (session.restarts() > 0)
    ending += "<br><span class=\"dim\">" + count_words(session.restarts(), "restart", "restarts") +
              "</span>";
  std::string got;
  if (session.results_size() > 0) got = count_words(session.results_size(), "result", "results");
  if (bad > 0) got += fmt::format(", <span class=\"bad\">{} bad</span>", bad);
  if (session.measurements_size() > 0)
    got += (got.empty() ? "" : ", ") + count_words(session.measurements_size(), "value", "values");
  return fmt::format(
      "<tr><td class=\"num\">s{}</td><td class=\"one\">{}{}</td><td class=\"one\">{}/{}</td>"
      "<td>{}</td><td class=\"one\">{}</td><td class=\"num\" data-l=\"took\">{}</td>"
      "<td class=\"mono\" data-l=\"kernel\">{}</td></tr>\n",
      session.id(), escape(session.purpose()),
      session.pair() > 0 ? fmt::format(" {}", session.pair()) : "", escape(session.variant()),
      escape(session.config()), ending, got, duration(session.elapsed_seconds()),
      identity(session));
}

std::string warnings_of(const v1::Build& build) {
  const auto fresh = std::count_if(build.warnings().begin(), build.warnings().end(),
                                   [](const auto& warning) { return warning.is_new(); });
  if (build.warnings_size() == 0) return "<span class=\"dim\">none</span>";
  std::string out = fmt::format("<details><summary>{}{}</summary><ul>", build.warnings_size(),
                                fresh > 0 ? fmt::format(", {} new", fresh) : "");
  for (const v1::CompilerWarning& warning : build.warnings())
    out += fmt::format("<li class=\"mono\">{}{}:{}: {}</li>", warning.is_new() ? "<b>new</b> " : "",
                       escape(warning.file()), warning.line(), escape(warning.text()));
  return out + "</ul></details>";
}

}  // namespace

std::string html_matrix(const v1::RunReport& report) {
  const std::vector<std::string> variants = variants_of(report);
  std::string rows;
  for (const std::string& config : configs_of(report)) {
    rows += "<tr><th scope=\"row\">" + escape(config) + "</th>";
    for (const std::string& variant : variants) {
      std::string same;
      for (const v1::Cell& cell : report.cells())
        if (cell.variant() == variant && cell.config() == config) same = cell.same_as();
      const v1::OutcomeCount* counts = find_counts(report, variant, config);
      if (!same.empty()) {
        rows += "<td class=\"dim\">the same kernel as " + escape(same) + "</td>";
      } else {
        rows += counts == nullptr ? "<td class=\"dim\">no result</td>" : outcomes(*counts);
      }
    }
    rows += "<td data-l=\"differs:\">" + what_differs(report, config) + "</td></tr>\n";
  }
  if (rows.empty()) return "";
  std::string head = "<tr><td></td>";
  for (const std::string& variant : variants) head += "<th scope=\"col\">" + variant + "</th>";
  head += "<th scope=\"col\">what differs</th></tr>";
  return section(
      "matrix", "Matrix", results_words(report.verdict()),
      "<table class=\"cards\"><thead>" + head + "</thead><tbody>" + rows + "</tbody></table>");
}

std::string html_series(const v1::RunReport& report) {
  std::string rows;
  for (int i = 0; i < report.series().patches_size(); ++i) {
    const v1::Patch& patch = report.series().patches(i);
    rows += fmt::format(
        "<tr><td class=\"num\">{}/{}</td><td>{}</td><td class=\"num\">+{} -{}</td></tr>", i + 1,
        report.series().patches_size(), escape(patch.subject()), patch.insertions(),
        patch.deletions());
  }
  if (rows.empty()) return "";
  return section("series", "Series", report.series().author(),
                 "<table><tbody>" + rows + "</tbody></table>");
}

std::string html_builds(const v1::RunReport& report) {
  std::string rows;
  for (const v1::Build& build : report.builds()) {
    std::string state = escape(build.state());
    if (build.state() == "failed") state = chip({"▼", "", Role::kWorse}) + "failed";
    if (!build.error().empty())
      state += "<br><span class=\"mono\">" + escape(build.error()) + "</span>";
    const std::string ids =
        escape(short_id(build.kernel_build_id())) + module_ids(build.module_build_ids());
    const std::string took = build.state() == "cached" ? "" : duration(build.elapsed_seconds());
    rows += fmt::format(
        "<tr><td class=\"one\">{}</td><td>{}</td><td class=\"num\" data-l=\"took\">{}</td>"
        "<td data-l=\"warnings\">{}</td><td class=\"mono\" data-l=\"ids\">{}</td></tr>\n",
        escape(build.cell()), state, took, warnings_of(build), ids);
  }
  if (rows.empty()) return "";
  return section(
      "builds", "Builds", "",
      "<table class=\"cards\"><thead><tr><th>Cell</th><th>State</th>"
      "<th class=\"num\">Took</th><th>Warnings</th><th>Build ids</th></tr></thead><tbody>" +
          rows + "</tbody></table>");
}

std::string html_sessions(const v1::RunReport& report) {
  std::string rows;
  for (const v1::Session& session : report.sessions()) rows += session_row(session);
  if (rows.empty()) return "";
  return section("sessions", "Sessions", count_words(report.sessions_size(), "boot", "boots"),
                 "<table class=\"cards dense\"><thead><tr><th class=\"num\">Id</th><th>Purpose</th>"
                 "<th>Cell</th><th>Ending</th><th>Got</th><th class=\"num\">Took</th>"
                 "<th>Running kernel</th></tr></thead><tbody>" +
                     rows + "</tbody></table>");
}

/// Every test of the functional boots, one column a cell.
std::string html_results(const v1::RunReport& report) {
  std::vector<std::string> cells;
  std::vector<std::string> order;
  std::map<std::string, std::map<std::string, std::string>> table;
  for (const v1::Session& session : report.sessions()) {
    if (session.purpose() != "functional" || session.ending() == "infrastructure") continue;
    const std::string cell = session.variant() + "/" + session.config();
    if (std::find(cells.begin(), cells.end(), cell) == cells.end()) cells.push_back(cell);
    for (const v1::Result& result : session.results()) {
      auto& row = table[result.test()];
      if (row.empty()) order.push_back(result.test());
      row[cell] = result.outcome();
    }
  }
  if (order.empty()) return "";
  std::string out =
      "<details class=\"long\"><summary>every test in every "
      "cell</summary><table><thead><tr><th>Test</th>";
  for (const std::string& cell : cells) out += "<th>" + escape(cell) + "</th>";
  out += "</tr></thead><tbody>";
  for (const std::string& test : order) {
    out += "<tr><td class=\"mono\">" + escape(test) + "</td>";
    for (const std::string& cell : cells) {
      const auto found = table[test].find(cell);
      const std::string outcome = found == table[test].end() ? "missing" : found->second;
      out += fmt::format("<td class=\"{}\">{}</td>",
                         is_bad(outcome)     ? "bad"
                         : outcome == "pass" ? ""
                                             : "dim",
                         escape(outcome));
    }
    out += "</tr>\n";
  }
  return section("results", "Results", count_words(static_cast<int>(order.size()), "test", "tests"),
                 out + "</tbody></table></details>");
}

std::string html_reproduce(const v1::RunReport& report) {
  if (report.reproduce().empty()) return "";
  std::string commands;
  for (const std::string& command : report.reproduce()) commands += escape(command) + "\n";
  return section("reproduce", "Reproduce", "", "<pre>" + commands + "</pre>");
}

}  // namespace kiln::report
