#pragma once
/// Years of nights of a made-up lab: which test ended how in which boot of which run. Pure, and the
/// same for the same numbers, so that two measurements look at the same database.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace kiln::bench {

struct Size {
  int nights = 730;
  int jobs = 14;  ///< runs a night
  int tests = 245;
  int machines = 200;
  int open = 200;  ///< findings that nobody has decided yet: the newest
};

inline constexpr int kCells = 4;  ///< baseline and patched, with HIGHMEM and without
inline constexpr const char* kVariants[] = {"baseline", "patched"};
inline constexpr const char* kConfigs[] = {"i386-highmem", "i386-nohighmem"};
constexpr int variant_of(int cell) {
  return cell / 2;
}
constexpr int config_of(int cell) {
  return cell % 2;
}

/// One that a finding is made of: how a test ended in the four cells.
struct Trouble {
  int test = 0;
  std::string cls;
  bool bad[kCells] = {};
};

/// The runs of all nights, one after the other: next() moves to the run that follows.
class Nights {
 public:
  explicit Nights(const Size& size);

  void next();
  [[nodiscard]] int night() const { return run_ / size_.jobs; }
  [[nodiscard]] int job() const { return run_ % size_.jobs; }
  [[nodiscard]] int number() const { return run_; }  ///< from 0
  [[nodiscard]] int runs() const { return size_.nights * size_.jobs; }
  /// igt_runner's word for a test in a cell of this run.
  [[nodiscard]] const char* outcome(int test, int cell) const;
  [[nodiscard]] const std::vector<Trouble>& troubles() const { return troubles_; }
  [[nodiscard]] const std::vector<std::string>& tests() const { return tests_; }
  /// A metric's value in one boot of this run; `boot` counts those of a cell.
  double measure(int metric, int cell, int boot);

 private:
  /// Something that breaks a test of a job for some nights.
  struct Break {
    int job = 0, test = 0, from = 0, until = 0;
    bool series_only = false, highmem_only = false;
  };
  double chance();  ///< 0 to 1
  int below(int limit);
  void make_breaks();
  void find_troubles();
  Trouble& trouble_of(int test);

  Size size_;
  std::mt19937_64 random_{1};
  int run_ = -1;
  std::vector<std::string> tests_;
  std::vector<std::vector<Break>> breaks_;  ///< by job
  std::vector<Trouble> troubles_;
  std::vector<int> place_;  ///< of a test in troubles_, -1 = it has none
};

}  // namespace kiln::bench
