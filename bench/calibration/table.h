#pragma once
/// What the calibration prints, and whether every figure that is asked for was reached.
#include <string>
#include <string_view>

#include "lib/stats/student.h"

namespace kiln::calibration {

struct Options {
  double effort = 1;  ///< times the usual number of trials
  unsigned long seed = 1;
  int trials(int usual) const;
};

class Table {
 public:
  void heading(std::string_view text);
  void note(std::string_view text);
  void row(std::string_view what, std::string_view value);
  /// A figure that is asked for: `wanted` is said beside it, a miss is marked and remembered.
  void figure(std::string_view what, std::string_view value, std::string_view wanted, bool reached);
  bool all_reached() const { return all_reached_; }

 private:
  bool all_reached_ = true;
};

/// "0.0512 (99.9 % interval 0.0463 to 0.0564)": hits among tries, exact.
std::string share(int hits, int tries);
/// The 99.9 % exact interval holds the chance.
bool within_bounds(int hits, int tries, double chance);

void functional(const Options& options, Table* table);
void performance(const Options& options, Table* table);
void nights(const Options& options, Table* table);

}  // namespace kiln::calibration
