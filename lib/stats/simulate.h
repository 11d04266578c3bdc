#pragma once
/// Machines, tests and nights whose truth is known, and what the rules make of them: for
/// calibration, in tests and in bench/calibration. Repeatable for a seed. Pure.
#include <cstdint>
#include <random>
#include <vector>

#include "lib/stats/changes.h"
#include "lib/stats/rates.h"

namespace kiln::stats {

/// What becomes of a suspicion whose first pair differed (baseline passed, patched failed), worked
/// out over all ways that the runs can go, not drawn.
struct RateOutlook {
  double regression = 0;  ///< chances; they sum to 1
  double as_before = 0;
  double undecided = 0;
  double runs_each = 0;  ///< expected
  double suspicion = 0;  ///< chance that a first pair differs that way at all
};
RateOutlook outlook(double baseline_rate, double patched_rate, const RatePrior& prior,
                    const RateRules& rules);

/// Draws with the same result everywhere (the standard's distributions differ between libraries).
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  double uniform();  ///< [0, 1)
  double normal();
  bool chance(double p) { return uniform() < p; }

 private:
  std::mt19937_64 engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// How values of one metric spread on a machine, in logs. A boot is measured by the median of its
/// iterations; boots differ by more than iterations do, and the machine itself moves.
struct MachineModel {
  double between_boots = 0.015;
  double between_iterations = 0.03;
  int iterations = 15;
  double spikes = 0.05;  ///< share of iterations that something disturbs ...
  double spike = 0.4;    ///< ... by so much
  double walk = 0.003;   ///< random walk of the level, a boot
  double drift = 0.001;  ///< steady drift, a boot: it warms up
  double jumps = 0.02;   ///< share of boots at which the level jumps ...
  double jump = 0.03;    ///< ... by about so much
};

/// Values of pairs of boots, baseline left and patched right, in random order on one machine.
struct Pairs {
  std::vector<double> left, right;
};
Pairs simulate_pairs(const MachineModel& model, int pairs, double effect, Random* random);

/// Spread (sd) of a log ratio that no design could beat: the two boots' own, without any drift.
double least_spread(const MachineModel& model);

struct TrueChange {
  int64_t night = 0;  ///< the first with the new level
  double effect = 0;  ///< in logs
};

struct NightsModel {
  int nights = 730;
  int code_changes = 6;
  int machine_changes = 2;
  double smallest = 0.03;  ///< effects lie between these
  double largest = 0.08;
  double noise = 0.01;
  double outliers = 0.02;  ///< share of nights that are 5 to 10 times the noise too slow
  double walk = 0.0005;    ///< the machine's slow movement, a night
  double missing = 0.05;   ///< share of nights without a value
  int machine_every = 1;   ///< nights from one A/A measurement to the next
};

struct SimulatedNights {
  std::vector<Night> metric, machine;
  std::vector<TrueChange> code_changes, machine_changes;
};
SimulatedNights simulate_nights(const NightsModel& model, Random* random);

/// Found against true changes: right when within `tolerance` nights and of the same direction.
struct Score {
  int truths = 0;
  int found = 0;
  int reported = 0;
  int in_interval = 0;     ///< of those found: the interval of nights holds the true one
  double nights_wide = 0;  ///< sum over those found
};
void add_score(const std::vector<TrueChange>& truths, const std::vector<Change>& changes,
               std::span<const Night> line, int tolerance, Score* score);

}  // namespace kiln::stats
