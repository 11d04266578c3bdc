#include <fmt/format.h>

#include <algorithm>

#include "lib/report/html_parts.h"
#include "lib/report/paragraph.h"
#include "lib/report/reach_view.h"
#include "lib/report/report.h"

namespace kiln::report {
namespace {

std::string title_of(const v1::RunReport& report) {
  const std::string& series = report.series().title();
  const std::string& run = report.run().title();
  return clean_line(!series.empty() ? series : !run.empty() ? run : report.run().job_name());
}

std::string_view banner_style(const v1::RunReport& report) {
  switch (mark_of_result(report.verdict().result()).role) {
    case Role::kWorse:
      return "verdict worse";
    case Role::kAttention:
      return "verdict attention";
    default:
      return "verdict";
  }
}

std::string fact(std::string_view label, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", label, escape(value));
}

std::string facts(const v1::RunReport& report) {
  const v1::Verdict& v = report.verdict();
  std::string out = "<dl class=\"facts\">";
  if (v.results_planned() > 0)
    out += fact("results", fmt::format("{} / {}", v.results_got(), v.results_planned()));
  out += fact("regressions", std::to_string(v.regressions()));
  out += fact("fixes", std::to_string(v.fixes()));
  out += fact("flaky", std::to_string(v.flaky()));
  out += fact("warnings", std::to_string(v.warnings()));
  if (v.known() > 0) out += fact("known issues", std::to_string(v.known()));
  out += fact("not tested", std::to_string(report.not_tested_size()));
  if (!report.claims().empty()) {
    const auto confirmed =
        std::count_if(report.claims().begin(), report.claims().end(),
                      [](const auto& claim) { return claim.answer() == "confirmed"; });
    out += fact("claims confirmed", fmt::format("{} / {}", confirmed, report.claims_size()));
  }
  out += fact("boots", std::to_string(report.sessions_size()));
  out += fact("took", duration(report.run().elapsed_seconds()));
  return out + "</dl>";
}

std::string banner(const v1::RunReport& report) {
  const v1::Verdict& v = report.verdict();
  std::string out = fmt::format("<div class=\"{}\" role=\"status\"><p class=\"word\">{}</p>",
                                banner_style(report), chip_word(mark_of_result(v.result())));
  out += "<p class=\"say\">" + escape(v.headline()) + "</p>";
  std::string reasons;
  if (!report.run().repro_of().empty())
    reasons += "<li>this run repeats finding " + escape(report.run().repro_of()) +
               " and looks at nothing else</li>";
  for (const std::string& reason : v.reasons())
    if (v.headline().find(reason) == std::string::npos && !reason.starts_with("regression: ") &&
        !reason.starts_with("build-failure: "))
      reasons += "<li>" + escape(reason) + "</li>";
  if (!reasons.empty()) out += "<ul>" + reasons + "</ul>";
  if (!report.run().error().empty()) out += "<pre>" + escape(report.run().error()) + "</pre>";
  return out + facts(report) + "</div>\n";
}

std::string head(const v1::RunReport& report) {
  const Mark mark = mark_of_result(report.verdict().result());
  const int n = report.verdict().regressions();
  const std::string count = n > 0 ? std::to_string(n) : "";
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      // Nothing may run and nothing may be fetched, whatever a hostile string achieves.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
      "viewBox='0 0 16 16'%3E%3Ctext x='8' y='13' font-size='14' text-anchor='middle'%3E{}"
      "%3C/text%3E%3C/svg%3E\">\n"
      "<title>{}{} {}</title>\n<style>{}</style></head>\n<body>\n",
      mark.glyph, mark.glyph, count, escape(title_of(report)), html_styles());
}

/// Links to the sections that are there, in their order.
std::string navigation(const std::string& sections) {
  std::string out;
  constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
      {"differences", "Differences"},
      {"not-the-series", "Not the series"},
      {"known", "Known"},
      {"last-good-night", "Since the last good night"},
      {"predecessor", "Since before"},
      {"not-tested", "Not tested"},
      {"reach", "Reach"},
      {"static-side", "Static side"},
      {"lost", "Lost"},
      {"performance", "Performance"},
      {"claims", "Claims"},
      {"series", "Series"},
      {"builds", "Builds"},
      {"sessions", "Sessions"},
      {"results", "Results"},
      {"reproduce", "Reproduce"}};
  for (const auto& [id, name] : kLinks)
    if (sections.find(fmt::format("<section id=\"{}\">", id)) != std::string::npos)
      out += fmt::format("<a href=\"#{}\">{}</a>", id, name);
  return "<nav aria-label=\"Sections\">" + out + "</nav>\n";
}

std::string foot(const v1::RunReport& report) {
  const v1::Run& run = report.run();
  std::vector<std::string> parts;
  const auto add = [&](std::string_view label, const std::string& value) {
    if (!value.empty()) parts.push_back(fmt::format("{}{}", label, value));
  };
  add("base ", run.source());
  add("tree ", run.source_tree().substr(0, 12));
  add("", run.toolchain());
  add("", run.machine());
  add("igt ", run.igt_version());
  add("kiln ", run.kiln_version());
  add("seed ", std::to_string(run.seed()));
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " · ") + escape(part);
  return "<footer>" + text + "</footer>\n";
}

std::string page(const v1::RunReport& report, const std::string& above,
                 const std::string& sections) {
  const v1::Run& run = report.run();
  std::string out = head(report);
  out += fmt::format(
      "<header><div class=\"eyebrow\">Kiln · run {} · {} · {}</div><h1>{}</h1></header>\n",
      run.id(), escape(run.job_name()), time_words(run.started()), escape(title_of(report)));
  out += "<main>\n" + above + navigation(sections) + sections + "</main>\n";
  return out + foot(report) + "</body></html>\n";
}

}  // namespace

std::string to_html(const v1::RunReport& report) {
  const std::string sections =
      html_matrix(report) + html_last_good_night(report) + html_predecessor(report) +
      html_differences(report) + html_known(report) + html_not_the_series(report) +
      html_not_tested(report) + html_reach(report) + html_statics(report) + html_lost(report) +
      html_performance(report) + html_claims(report) + html_series(report) + html_builds(report) +
      html_sessions(report) + html_results(report) + html_reproduce(report);
  return page(report, banner(report), sections);
}

std::string reach_to_html(const v1::RunReport& report) {
  return page(report, "", html_reach(report) + html_not_tested(report));
}

}  // namespace kiln::report
