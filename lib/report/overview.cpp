#include "lib/report/overview.h"

#include <fmt/format.h>

#include "lib/report/words.h"

namespace kiln::report {
namespace {

/// Control bytes of hostile text never reach a terminal.
std::string printable(std::string_view text, size_t most) {
  std::string out;
  for (const char c : text.substr(0, most))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  return out;
}

std::string counts_text(const google::protobuf::Map<std::string, int32_t>& outcomes) {
  std::string text;
  for (const char* word : {"pass", "fail", "dmesg-fail", "dmesg-warn", "warn", "crash", "timeout",
                           "incomplete", "abort", "skip", "notrun"}) {
    const auto found = outcomes.find(word);
    if (found != outcomes.end() && found->second > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, word);
  }
  return text.empty() ? "nothing ran" : text;
}

void add_matrix(const v1::RunReport& report, std::string* out) {
  if (report.outcome_counts().empty()) return;
  *out += "\nCELLS\n";
  for (const v1::OutcomeCount& count : report.outcome_counts())
    *out += fmt::format("  {:<36} {}\n", count.variant() + "/" + count.config(),
                        counts_text(count.outcomes()));
  for (const v1::Cell& cell : report.cells())
    if (!cell.same_as().empty())
      *out += fmt::format("  {:<36} same kernel as {}\n", cell.variant() + "/" + cell.config(),
                          cell.same_as());
}

void add_builds(const v1::RunReport& report, std::string* out) {
  if (report.builds().empty()) return;
  *out += "\nBUILDS\n";
  for (const v1::Build& build : report.builds()) {
    *out += fmt::format("  {:<36} {:<8} {:<12} {}\n", build.cell(), build.state(),
                        build.state() == "cached" ? "" : duration(build.elapsed_seconds()),
                        build.error().empty() ? "id " + build.kernel_build_id().substr(0, 12)
                                              : printable(build.error(), 120));
  }
}

void add_sessions(const v1::RunReport& report, std::string* out) {
  if (report.sessions().empty()) return;
  *out += "\nSESSIONS (kiln log RUN SESSION)\n";
  for (const v1::Session& session : report.sessions()) {
    std::string what = session.ending().empty() ? fmt::format("goes on: kiln log {} {} --follow",
                                                              report.run().id(), session.id())
                                                : session.ending();
    if (session.results_size() > 0) what += fmt::format(", {} results", session.results_size());
    if (session.measurements_size() > 0)
      what += fmt::format(", {} figures", session.measurements_size());
    if (session.restarts() > 0) what += fmt::format(", {} restarts", session.restarts());
    if (!session.error().empty()) what += ": " + printable(session.error(), 160);
    *out += fmt::format("  {:>5}  {:<13} {:<36} {:<12} {}\n", session.id(), session.purpose(),
                        session.variant() + "/" + session.config(),
                        duration(session.elapsed_seconds()), what);
  }
}

}  // namespace

std::string overview_to_text(const v1::RunReport& report) {
  const v1::Run& run = report.run();
  std::string out = fmt::format("run {}  {}  ({})\n{}\n", run.id(), printable(run.title(), 200),
                                run.state(), printable(report.verdict().headline(), 400));
  out += fmt::format("{}, {} of {} planned results, {}\n", duration(run.elapsed_seconds()),
                     report.verdict().results_got(), report.verdict().results_planned(),
                     printable(run.source(), 200));
  if (run.has_artifacts_cleared())
    out += fmt::format("its logs and kernels were cleared away on {}\n",
                       time_words(run.artifacts_cleared()));
  if (!run.kept_by().empty())
    out += fmt::format("kept by {}{}\n", printable(run.kept_by(), 100),
                       run.kept_why().empty() ? "" : ": " + printable(run.kept_why(), 200));
  add_matrix(report, &out);
  add_builds(report, &out);
  add_sessions(report, &out);
  out += fmt::format("\nnext: kiln report {}\n", run.id());
  return out;
}

}  // namespace kiln::report
