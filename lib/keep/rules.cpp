#include "lib/keep/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kiln::keep {
namespace {

/// The newest so many runs of each job that came to an end.
std::set<int64_t> newest_of_each_job(std::span<const RunFacts> runs, int count) {
  std::map<std::string, std::vector<int64_t>> by_job;
  for (const RunFacts& run : runs)
    if (run.ended) by_job[run.job].push_back(run.id);
  std::set<int64_t> newest;
  for (auto& [job, ids] : by_job) {
    std::sort(ids.rbegin(), ids.rend());
    const size_t most = std::min(ids.size(), static_cast<size_t>(std::max(0, count)));
    newest.insert(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(most));
  }
  return newest;
}

}  // namespace

std::vector<Fate> decide(std::span<const RunFacts> runs, const Rules& rules, WallTime now) {
  const std::set<int64_t> newest = newest_of_each_job(runs, rules.runs);
  const auto span = std::chrono::days(rules.days);
  std::vector<Fate> fates;
  fates.reserve(runs.size());
  for (const RunFacts& run : runs) {
    std::string why;
    if (!run.ended) {
      why = "it is not over";
    } else if (run.kept_by_hand) {
      why = "kept by hand";
    } else if (keeps_everything(rules)) {
      why = "no rule lets a run go";
    } else if (rules.open_findings && run.open_findings) {
      why = "open findings";
    } else if (newest.contains(run.id)) {
      why = fmt::format("among the newest {} of its job", rules.runs);
    } else if (rules.days > 0 && now - run.finished < span) {
      why = fmt::format("of the last {} days", rules.days);
    }
    fates.push_back({run.id, !why.empty(), why});
  }
  return fates;
}

}  // namespace kiln::keep
