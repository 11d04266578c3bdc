#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/report/mail_header.h"
#include "lib/report/paragraph.h"
#include "lib/report/reach_view.h"
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

/// The headline says it, or the finding itself follows right below.
bool said_elsewhere(const v1::RunReport& report, const std::string& reason) {
  return report.verdict().headline().find(reason) != std::string::npos ||
         reason.starts_with("regression: ") || reason.starts_with("build-failure: ");
}

/// Header fields of a mail that answers to the series.
std::string fields(const v1::RunReport& report) {
  const std::string title =
      clean_line(report.series().title().empty() ? report.run().title() : report.series().title());
  const bool answers = title.starts_with("[");  // a mail of a list, "[PATCH 0/3] ..."
  std::string out =
      mail_subject(fmt::format("{}{}: {}", answers ? "Re: " : "", title, subject_words(report)));
  const std::string id = message_id_field(report.series().message_id());
  if (!id.empty()) out += "In-Reply-To: " + id + "\n";
  return out;
}

std::string head(const v1::RunReport& report) {
  std::string out = wrapped("Verdict: ", report.verdict().headline(), 0);
  if (!report.run().repro_of().empty())
    out += wrapped("  - ", fmt::format("this run repeats finding {} and looks at nothing else",
                                       clean_line(report.run().repro_of())));
  for (const std::string& reason : report.verdict().reasons()) {
    const std::string clean = clean_line(reason);
    if (said_elsewhere(report, clean)) continue;
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

}  // namespace

std::string to_text(const v1::RunReport& report) {
  std::string out = head(report);
  add_part(&out, text_last_good_night(report));
  add_part(&out, text_predecessor(report));
  add_part(&out, text_matrix(report));
  add_part(&out, text_findings(report));
  add_part(&out, text_known(report));
  add_part(&out, text_not_the_series(report));
  add_part(&out, text_not_tested(report));
  add_part(&out, text_reach(report));
  add_part(&out, text_statics(report));
  add_part(&out, text_lost(report));
  add_part(&out, text_performance(report));
  add_part(&out, text_claims(report));
  add_part(&out, text_foot(report));
  return without_last_newline(fields(report) + mime_fields(out) + "\n" + out);
}

}  // namespace kiln::report
