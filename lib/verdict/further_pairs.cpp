#include <algorithm>
#include <cmath>

#include "lib/verdict/looks.h"
#include "lib/verdict/performance.h"

namespace kiln::verdict {
namespace {

int affordable(const PairBudget& budget) {
  constexpr double kMost = 1e6;
  if (budget.seconds_a_pair <= 0) return static_cast<int>(kMost);
  return static_cast<int>(
      std::clamp(std::floor(budget.seconds_left / budget.seconds_a_pair), 0.0, kMost));
}

}  // namespace

std::vector<FurtherPairs> further_pairs(const Input& input, const PairBudget& budget) {
  const std::vector<Comparison> comparisons = compare_metrics(input).comparisons;
  std::vector<FurtherPairs> out;
  for (const std::string& config : input.job.configs) {
    FurtherPairs further;
    further.config = config;
    const int taken = pairs_taken(input, config);
    // On its way to a look (interrupted there) it was undecided at the last one.
    const bool between = taken % std::max(1, input.job.pairs) != 0;
    for (const Comparison& c : comparisons)
      if (c.config == config && c.looks_taken < c.looks_at_most &&
          (between || c.answer == "inconclusive"))
        further.open.push_back(c.metric);
    const auto next = next_look(input.job, taken);
    if (further.open.empty() || !next) continue;
    further.from = taken + 1;
    further.to = *next;
    out.push_back(std::move(further));
  }
  // What is left is shared alike; who needs less leaves it to the others.
  int left = affordable(budget);
  for (size_t i = 0; i < out.size(); ++i) {
    const int share = left / static_cast<int>(out.size() - i);
    out[i].to = std::min(out[i].to, out[i].from - 1 + share);
    left -= out[i].to - out[i].from + 1;
  }
  std::erase_if(out, [](const FurtherPairs& further) { return further.to < further.from; });
  return out;
}

}  // namespace kiln::verdict
