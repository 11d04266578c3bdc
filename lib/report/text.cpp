#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/report/paragraph.h"
#include "lib/report/report.h"
#include "lib/report/text_parts.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

/// "1 regression", "no regression", "no verdict": what a subject line has room for.
std::string subject_words(const v1::RunReport& report) {
  const v1::Verdict& verdict = report.verdict();
  if (verdict.result() == "regression")
    return count_words(verdict.regressions(), "regression", "regressions");
  return std::string(mark_of_result(verdict.result()).word);
}

std::string head(const v1::RunReport& report) {
  const std::string title =
      clean_line(report.series().title().empty() ? report.run().title() : report.series().title());
  const bool answers = title.starts_with("[");  // a mail of a list, "[PATCH 0/3] ..."
  std::string out = wrapped(
      "Subject: ", fmt::format("{}{}: {}", answers ? "Re: " : "", title, subject_words(report)), 1);
  std::string id = clean_line(report.series().message_id());
  if (!id.empty()) {
    if (id.front() != '<') id = "<" + id + ">";
    out += "In-Reply-To: " + id + "\n";
  }
  out += "\n" + wrapped("Verdict: ", report.verdict().headline(), 0);
  for (const std::string& reason : report.verdict().reasons()) {
    const std::string clean = clean_line(reason);
    if (report.verdict().headline().find(clean) != std::string::npos) continue;  // said already
    out += wrapped("  - ", clean);
  }
  if (!report.run().error().empty()) {
    out += "\n";
    for (const std::string& line : split_lines(report.run().error())) {
      const std::string clean = to_valid_utf8(line);
      out += "  " + (clean_line(clean).empty() ? "" : clean_line(clean)) + "\n";
    }
  }
  return out;
}

std::string without_last_newline(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void add_part(std::string* out, const std::string& part) {
  if (!part.empty()) *out += "\n" + part;
}

std::string session_line(const v1::Session& session) {
  int bad = 0;
  for (const v1::Result& result : session.results())
    bad += result.outcome() != "pass" && result.outcome() != "skip" && result.outcome() != "notrun";
  std::string what = clean_line(session.ending());
  if (session.results_size() > 0)
    what += ", " + count_words(session.results_size(), "result", "results");
  if (bad > 0) what += fmt::format(", {} bad", bad);
  if (session.measurements_size() > 0)
    what += ", " + count_words(session.measurements_size(), "value", "values");
  if (!session.error().empty()) what += ": " + clean_line(session.error());
  return wrapped(fmt::format("  s{:<4} {} ", session.id(),
                             padded(fmt::format("{} {}/{}", session.purpose(), session.variant(),
                                                session.config()),
                                    40)),
                 fmt::format("{}, {}", duration(session.elapsed_seconds()), what), 8);
}

}  // namespace

std::string to_text(const v1::RunReport& report) {
  std::string out = head(report);
  add_part(&out, text_matrix(report));
  add_part(&out, text_findings(report));
  add_part(&out, text_not_the_series(report));
  add_part(&out, text_not_tested(report));
  add_part(&out, text_lost(report));
  add_part(&out, text_performance(report));
  add_part(&out, text_claims(report));
  add_part(&out, text_foot(report));
  return without_last_newline(std::move(out));
}

std::string overview_to_text(const v1::RunReport& report) {
  const v1::Run& run = report.run();
  std::string out = wrapped(fmt::format("Run {}  ", run.id()),
                            run.title().empty() ? run.job_name() : run.title());
  out += wrapped("  ", fmt::format("{}, {}, {}", run.state(), time_words(run.started()),
                                   duration(run.elapsed_seconds())));
  out += wrapped("  ", report.verdict().headline());
  add_part(&out, text_matrix(report));
  if (report.findings_size() > 0) {
    out += "\nFINDINGS\n";
    for (const v1::Finding& finding : report.findings()) {
      std::string name = clean_line(finding.test());
      if (!name.empty() && finding.also_size() > 0)
        name += fmt::format(" and {} alike", finding.also_size());
      out += wrapped(fmt::format("  {} {} ", padded(finding.id(), 3),
                                 padded(mark_of_class(finding.class_()).word, 14)),
                     name.empty() ? finding.summary() : name, 6);
    }
  }
  if (report.builds_size() > 0) out += "\nBUILDS\n";
  for (const v1::Build& build : report.builds())
    out += wrapped(fmt::format("  {} ", padded(clean_line(build.cell()), 30)),
                   fmt::format("{}, {}{}", build.state(), duration(build.elapsed_seconds()),
                               build.error().empty() ? "" : ": " + build.error()),
                   4);
  if (report.sessions_size() > 0) out += "\nSESSIONS\n";
  for (const v1::Session& session : report.sessions()) out += session_line(session);
  return without_last_newline(std::move(out));
}

}  // namespace kiln::report
