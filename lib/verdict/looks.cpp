#include "lib/verdict/looks.h"

#include <algorithm>
#include <map>
#include <set>

namespace kiln::verdict {
namespace {

int counted_up_to(const PairedMetric& metric, int number) {
  return static_cast<int>(std::count_if(
      metric.pairs.begin(), metric.pairs.end(),
      [&](const PairValue& pair) { return pair.excluded.empty() && pair.pair <= number; }));
}

int last_pair(const job::JobSpec& job, int pairs_taken) {
  return std::max({job.pairs, job.max_pairs, pairs_taken});
}

}  // namespace

int pairs_taken(const Input& input, const std::string& config) {
  std::map<int, std::set<std::string>> sides;
  for (const SessionRow& session : input.sessions)
    if (session.purpose == "performance" && session.config == config)
      sides[session.pair].insert(session.variant);
  int taken = 0;
  for (const auto& [pair, variants] : sides)
    if (variants.size() == 2) taken = std::max(taken, pair);
  return taken;
}

std::optional<int> next_look(const job::JobSpec& job, int pairs_taken) {
  const int last = last_pair(job, pairs_taken);
  if (pairs_taken >= last) return std::nullopt;
  const int each = std::max(1, job.pairs);
  return std::min(last, (pairs_taken / each + 1) * each);
}

LookPlan look_plan(const job::JobSpec& job, int pairs_taken) {
  LookPlan plan;
  plan.last = last_pair(job, pairs_taken);
  const int each = std::max(1, job.pairs);
  for (int at = each; at < pairs_taken; at += each) plan.taken.push_back(at);
  if (pairs_taken > 0) plan.taken.push_back(pairs_taken);
  plan.at_most = static_cast<int>(plan.taken.size());
  for (auto at = next_look(job, pairs_taken); at; at = next_look(job, *at)) ++plan.at_most;
  return plan;
}

stats::Looks looks_of(const PairedMetric& metric, const LookPlan& plan) {
  stats::Looks looks;
  for (const int number : plan.taken) {
    const int counted = counted_up_to(metric, number);
    // Without a new pair nothing was looked at.
    if (looks.pairs.empty() || counted > looks.pairs.back()) looks.pairs.push_back(counted);
  }
  const int now = plan.taken.empty() ? 0 : plan.taken.back();
  // Two arms of one boot: both boots of a pair give a value.
  const int a_pair = metric.same_boot && metric.two_sides ? 2 : 1;
  const int counted = looks.pairs.empty() ? 0 : looks.pairs.back();
  looks.planned_pairs = counted + a_pair * std::max(0, plan.last - now);
  return looks;
}

stats::Looks one_look(int pairs) {
  stats::Looks looks;
  looks.planned_pairs = pairs;
  looks.pairs = {pairs};
  return looks;
}

}  // namespace kiln::verdict
