#pragma once
/// What a machine makes of nothing: pairs of the baseline against itself (A/A) tell its noise and
/// how often it would have raised a false alarm. Pure; safe for concurrent use.
#include <span>

#include "lib/stats/compare.h"

namespace kiln::stats {

/// Exact interval (Clopper and Pearson) of a chance, from `hits` among `tries`.
Interval exact_binomial(int hits, int tries, double confidence = 0.95);

/// Quantile of chi square; df > 0, 0 < p < 1.
double chi_square_quantile(double p, double df);

struct NoiseFloor {
  int pairs = 0;
  double mean = 0;  ///< of the log ratios; away from 0 the second boot differs from the first
  Interval mean95;
  double sd = 0;  ///< of one log ratio: what smallest_detectable() takes
  Interval sd95;  ///< {0, infinity} with fewer than 2 pairs
  /// The history cut into experiments of as many pairs as a run has, each judged as a run is.
  int experiments = 0;
  int alarms = 0;
  Interval alarms95;  ///< exact interval of the false-alarm rate
  /// The nominal rate is inside alarms95 or above it: this machine's alarms can be believed.
  bool as_nominal = true;
};

/// `log_ratios` in the order in which they were taken; values that are no finite number don't
/// count. A rest that fills no experiment counts for the noise only. pairs_each is at least 2.
NoiseFloor noise_floor(std::span<const double> log_ratios, int pairs_each, double alpha = 0.05);

/// The false-alarm rates of several metrics or machines together.
struct Alarms {
  int alarms = 0;
  int experiments = 0;
  Interval rate95;
};
Alarms alarms_of(std::span<const NoiseFloor> floors);

/// Smallest change, in percent, that `pairs` pairs on that machine show in 8 of 10 runs. Infinite
/// when the noise is not known.
double detectable_percent(const NoiseFloor& floor, int pairs);

}  // namespace kiln::stats
