#pragma once
/// What `kiln history` gets from the command line. Plain data.
#include <cstdint>
#include <string>

namespace kiln::cli {

struct HistoryOptions {
  std::string where;    ///< "test:gem_* job:night"
  std::string test;     ///< glob, asked of the controller
  int runs = 0;         ///< newest so many; 0 = as many as the lab takes
  int limit = 1000;     ///< tests
  bool steady = false;  ///< tests that were the same in all runs, too
  std::string metric;   ///< "" = their names
  std::string machine, config, variant;
  int64_t before = 0;  ///< sessions older than this one
  int sessions = 100;
  std::string left, right;  ///< "baseline/i386-highmem"
  int64_t right_run = 0;
};

}  // namespace kiln::cli
