#include "lib/stats/simulate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/stats/multiple.h"

namespace kiln::stats {
namespace {

double median_spread(const MachineModel& model) {
  // Of n normal values, as far as the spikes allow: pi / 2 as large a variance as the mean's.
  return model.between_iterations * std::sqrt(std::numbers::pi / 2 / model.iterations);
}

double boot_value(const MachineModel& model, double level, Random* random) {
  const double boot = level + model.between_boots * random->normal();
  std::vector<double> iterations;
  for (int i = 0; i < model.iterations; ++i) {
    double value = boot + model.between_iterations * random->normal();
    if (random->chance(model.spikes)) value += model.spike * random->uniform();
    iterations.push_back(value);
  }
  return 100 * std::exp(median(std::move(iterations)));
}

void move(const MachineModel& model, double* level, Random* random) {
  *level += model.drift + model.walk * random->normal();
  if (random->chance(model.jumps)) *level += model.jump * random->normal();
}

/// Changes that keep `apart` nights from each other and from the ends.
std::vector<TrueChange> draw_changes(int count, const NightsModel& model, Random* random) {
  constexpr int64_t kApart = 30;
  std::vector<TrueChange> out;
  const int64_t room = std::max<int64_t>(1, model.nights - 2 * kApart);
  for (int tries = 0; static_cast<int>(out.size()) < count && tries < 100'000; ++tries) {
    const auto night = kApart + static_cast<int64_t>(static_cast<double>(room) * random->uniform());
    const bool near = std::any_of(out.begin(), out.end(), [&](const TrueChange& c) {
      return std::abs(c.night - night) < kApart;
    });
    if (near) continue;
    const double size = model.smallest + (model.largest - model.smallest) * random->uniform();
    out.push_back({night, random->chance(0.5) ? size : -size});
  }
  return out;
}

double level_at(const std::vector<TrueChange>& changes, int64_t night) {
  double level = 0;
  for (const TrueChange& change : changes)
    if (change.night <= night) level += change.effect;
  return level;
}

}  // namespace

RateOutlook outlook(double baseline_rate, double patched_rate, const RatePrior& prior,
                    const RateRules& rules) {
  RateOutlook out;
  out.suspicion = (1 - baseline_rate) * patched_rate;
  // chance[a][b]: still undecided with a failures of the baseline and b of patched.
  std::vector<std::vector<double>> chance{{0, 1}, {0, 0}};
  for (int runs = 1; runs <= std::max(1, rules.max_runs_each); ++runs) {
    const auto size = static_cast<size_t>(runs) + 2;
    std::vector<std::vector<double>> next(size, std::vector<double>(size, 0));
    for (int a = 0; a <= runs; ++a) {
      for (int b = 0; b <= runs; ++b) {
        const double here = chance[static_cast<size_t>(a)][static_cast<size_t>(b)];
        if (here <= 0) continue;
        const RateAnswer answer = decide_rates({a, runs, b, runs}, prior, rules).answer;
        if (answer != RateAnswer::kMore) {
          (answer == RateAnswer::kRegression ? out.regression
           : answer == RateAnswer::kAsBefore ? out.as_before
                                             : out.undecided) += here;
          out.runs_each += here * runs;
          continue;
        }
        for (const int x : {0, 1})
          for (const int y : {0, 1})
            next[static_cast<size_t>(a + x)][static_cast<size_t>(b + y)] +=
                here * (x == 1 ? baseline_rate : 1 - baseline_rate) *
                (y == 1 ? patched_rate : 1 - patched_rate);
      }
    }
    chance = std::move(next);
  }
  return out;
}

double Random::uniform() {
  return static_cast<double>(engine_() >> 11U) * 0x1p-53;
}

/// Marsaglia's polar method.
double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double x = 0;
  double y = 0;
  double square = 0;
  do {
    x = 2 * uniform() - 1;
    y = 2 * uniform() - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * std::log(square) / square);
  spare_ = y * scale;
  has_spare_ = true;
  return x * scale;
}

Pairs simulate_pairs(const MachineModel& model, int pairs, double effect, Random* random) {
  Pairs out;
  double level = 0;
  for (int i = 0; i < pairs; ++i) {
    const bool patched_first = random->chance(0.5);
    move(model, &level, random);
    const double first = boot_value(model, level + (patched_first ? effect : 0), random);
    move(model, &level, random);
    const double second = boot_value(model, level + (patched_first ? 0 : effect), random);
    out.left.push_back(patched_first ? second : first);
    out.right.push_back(patched_first ? first : second);
  }
  return out;
}

double least_spread(const MachineModel& model) {
  const double iterations = median_spread(model);
  return std::sqrt(2 * (model.between_boots * model.between_boots + iterations * iterations));
}

SimulatedNights simulate_nights(const NightsModel& model, Random* random) {
  SimulatedNights out;
  out.code_changes = draw_changes(model.code_changes, model, random);
  out.machine_changes = draw_changes(model.machine_changes, model, random);
  double walk = 0;
  const auto noise = [&] {
    const double value = model.noise * random->normal();
    return random->chance(model.outliers) ? value + model.noise * (5 + 5 * random->uniform())
                                          : value;
  };
  for (int64_t night = 0; night < model.nights; ++night) {
    walk += model.walk * random->normal();
    const double machine = walk + level_at(out.machine_changes, night);
    const double code = level_at(out.code_changes, night);
    const double of_metric = noise();
    const double of_machine = noise();
    if (!random->chance(model.missing))
      out.metric.push_back({night, 100 * std::exp(machine + code + of_metric)});
    if (night % std::max(1, model.machine_every) == 0)
      out.machine.push_back({night, 100 * std::exp(machine + of_machine)});
  }
  return out;
}

void add_score(const std::vector<TrueChange>& truths, const std::vector<Change>& changes,
               std::span<const Night> line, int tolerance, Score* score) {
  score->truths += static_cast<int>(truths.size());
  score->reported += static_cast<int>(changes.size());
  std::vector<bool> used(changes.size());
  for (const TrueChange& truth : truths) {
    for (size_t i = 0; i < changes.size(); ++i) {
      const Change& change = changes[i];
      const int64_t off = std::abs(line[change.first_new].night - truth.night);
      if (used[i] || off > tolerance || change.change_percent * truth.effect <= 0) continue;
      used[i] = true;
      ++score->found;
      const int64_t after = line[change.after].night;
      const int64_t until = line[change.until].night;
      if (after < truth.night && truth.night <= until) ++score->in_interval;
      score->nights_wide += static_cast<double>(until - after);
      break;
    }
  }
}

}  // namespace kiln::stats
