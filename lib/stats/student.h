#pragma once
/// Student's t for paired differences: interval, p, equivalence, power. Pure functions; safe for
/// concurrent use.
#include <span>

namespace kiln::stats {

struct Interval {
  double low = 0;
  double high = 0;
};

/// What paired differences say of their mean.
/// n < 2: nothing can be said: p is 1 and the intervals are infinite.
/// sd == 0 with n >= 2: every pair agrees exactly: the intervals are the mean itself, p is 0
/// (or 1 when the mean is 0).
struct PairedT {
  int n = 0;
  double mean = 0;
  double sd = 0;  ///< of one difference, n - 1 degrees of freedom
  double t = 0;
  double p = 1;  ///< two-sided, of "the mean is 0"
  Interval ci95;
  Interval ci90;
};

PairedT paired_t(std::span<const double> differences);

/// Two one-sided tests of "the mean lies inside the margin"; equivalent at 5 % when p < 0.05, which
/// is the same as the 90 % interval lying inside the margin.
double tost_p(const PairedT& paired, Interval margin);

/// Quantile and two-sided tail of Student's t; df > 0, 0 < p < 1.
double t_quantile(double p, double df);
double t_two_sided_p(double t, double df);

/// Chance that n pairs whose differences spread by `sd` show a true mean difference of `effect` at
/// a two-sided level of `alpha` (noncentral t). n < 2: 0.
double power(int n, double effect, double sd, double alpha = 0.05);

/// Smallest true mean difference that n pairs show with the wanted power; infinite for n < 2.
double smallest_detectable(int n, double sd, double wanted_power = 0.8, double alpha = 0.05);

inline constexpr int kMostPairs = 10'000;
/// Pairs (in all) that show `effect` with the wanted power; at most kMostPairs.
int pairs_to_detect(double effect, double sd, double wanted_power = 0.8, double alpha = 0.05);
/// Pairs (in all) for which the 90 % interval around a true mean of `effect` lies inside the margin
/// with the wanted chance; kMostPairs when `effect` itself is not inside.
int pairs_to_show_equivalence(double effect, double sd, Interval margin, double wanted_power = 0.8);

}  // namespace kiln::stats
