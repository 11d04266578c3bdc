#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/report.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

std::string entry(std::string_view label, std::string_view text) {
  return wrapped(padded(label, 9), text);
}

std::string build_words(const v1::Plan& plan) {
  std::map<std::string, std::pair<int, double>> states;
  for (const v1::PlannedBuild& build : plan.builds()) {
    auto& [n, seconds] = states[build.state()];
    ++n;
    seconds += build.estimated_seconds();
  }
  std::vector<std::string> parts;
  for (const char* state : {"cached", "incremental", "full"}) {
    const auto found = states.find(state);
    if (found == states.end()) continue;
    std::string part = fmt::format("{} {}", found->second.first, state);
    if (found->second.second > 0) part += " ~" + duration(found->second.second);
    parts.push_back(part);
  }
  return fmt::format("{}: {}", count_words(plan.builds_size(), "kernel", "kernels"),
                     join(parts, ", "));
}

std::string boot_words(const v1::Plan& plan) {
  int total = 0;
  std::vector<std::string> parts;
  for (const v1::PlannedSessions& sessions : plan.sessions()) {
    total += sessions.count();
    parts.push_back(fmt::format("{} {} (~{} each)", sessions.count(), sessions.purpose(),
                                duration(sessions.estimated_seconds_each())));
  }
  return fmt::format("{}: {}", total, join(parts, ", "));
}

std::string matrix(const v1::Plan& plan) {
  std::string out;
  for (const v1::Cell& cell : plan.cells()) {
    const std::string name = cell.variant() + "/" + cell.config();
    std::string words = cell.same_as().empty() ? "" : "the same kernel as " + cell.same_as();
    for (const v1::PlannedBuild& build : plan.builds()) {
      if (build.cell() != name) continue;
      words = build.state();
      if (build.state() != "cached" && build.estimated_seconds() > 0)
        words += " ~" + duration(build.estimated_seconds());
      if (!build.reason().empty()) words += ": " + build.reason();
    }
    out += wrapped("  " + padded(clean_line(name), 28) + " ", words);
  }
  return out;
}

}  // namespace

std::string plan_to_text(const v1::Plan& plan) {
  std::string out = wrapped("", plan.title().empty() ? plan.job_name() : plan.title());
  if (!plan.series().empty()) out += entry("Series", plan.series());
  for (int i = 0; i < std::min(kMostPatches, plan.patches_size()); ++i)
    out += wrapped(fmt::format("           {}/{} ", i + 1, plan.patches_size()), plan.patches(i));
  if (plan.patches_size() > kMostPatches)
    out += fmt::format("           and {} more\n", plan.patches_size() - kMostPatches);
  out += entry("Source", plan.source());
  out += entry("Machine", plan.machine());
  out += entry("Build", build_words(plan));
  out += matrix(plan);
  out += entry("Boot", boot_words(plan));
  out += entry("Test",
               fmt::format("{} in each cell", count_words(plan.tests_per_cell(), "test", "tests")));
  for (const std::string& note : plan.notes()) out += entry("Note", note);
  std::string time = duration(plan.estimated_seconds());
  if (plan.estimated_seconds_high() > plan.estimated_seconds_low())
    time += fmt::format(" ({} to {})", duration(plan.estimated_seconds_low()),
                        duration(plan.estimated_seconds_high()));
  if (!plan.estimate_basis().empty()) time += ", " + plan.estimate_basis();
  out += entry("Time", time);
  out.pop_back();
  return out;
}

std::string runs_to_text(const v1::ListRunsReply& runs) {
  if (runs.runs().empty()) return "no runs yet; next: kiln run JOB\n";
  std::string out = fmt::format("{:>5}  {:<20}  {:>11}  {}\n", "RUN", "STARTED", "TOOK", "VERDICT");
  for (const v1::RunSummary& summary : runs.runs()) {
    const v1::Run& run = summary.run();
    const std::string verdict = summary.verdict().headline().empty()
                                    ? clean_line(run.state())
                                    : clean_line(summary.verdict().headline());
    out += fmt::format("{:>5}  {:<20}  {:>11}  {}: {}\n", run.id(), time_words(run.started()),
                       duration(run.elapsed_seconds()), clean_line(run.job_name()), verdict);
  }
  return out;
}

}  // namespace kiln::report
