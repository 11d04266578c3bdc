#include "lib/report/findings_list.h"

#include <fmt/format.h>

#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

/// "dismissed by anna: a bad cable"
std::string state_words(const v1::FindingRow& row) {
  std::string words = row.state() == "open" ? "" : clean_line(row.state());
  if (row.has_decision() && !words.empty()) {
    words += " by " + clean_line(row.decision().who());
    if (!row.decision().reason().empty()) words += ": " + clean_line(row.decision().reason());
  }
  if (!row.owner().empty())
    words += (words.empty() ? "" : "; ") + fmt::format("{} looks at it", clean_line(row.owner()));
  return words;
}

}  // namespace

std::string findings_to_text(const v1::ListFindingsReply& reply) {
  if (reply.findings().empty()) return "nothing waits for a decision here\n";
  std::string out;
  int64_t run = 0;
  for (const v1::FindingRow& row : reply.findings()) {
    if (row.run_id() != run) {
      run = row.run_id();
      out += fmt::format("{}run {}  {}  {}\n", out.empty() ? "" : "\n", run,
                         clean_line(row.job_name()), clean_line(row.title()));
    }
    const v1::Finding& finding = row.finding();
    out += fmt::format("  {}/{}  {}  {}\n", run, clean_line(finding.id()),
                       clean_line(finding.class_()), clean_line(finding.summary()));
    if (row.times_seen() > 1) out += fmt::format("      seen in {} runs\n", row.times_seen());
    if (const std::string words = state_words(row); !words.empty()) out += "      " + words + "\n";
  }
  if (reply.more())
    out += fmt::format("\n{} of {}; --limit shows more\n", reply.findings_size(), reply.total());
  return out;
}

std::string decision_to_text(const v1::Decision& decision) {
  std::string names;
  for (const v1::FindingRef& ref : decision.findings())
    names += fmt::format(" {}/{}", ref.run_id(), clean_line(ref.finding()));
  return fmt::format("decision {}{}: {}{}\n", decision.id(), decision.undone() ? " (undone)" : "",
                     clean_line(decision.action()), names) +
         (decision.undone() ? ""
                            : fmt::format("kiln findings undo {} takes it back\n", decision.id()));
}

}  // namespace kiln::report
