#pragma once
/// A job that repeats a part of another one: some tests, or some measurements, in some configs. Pure.
#include <string>
#include <vector>

#include "lib/job/plan.h"
#include "lib/job/stored.h"

namespace kiln::job {

/// What is to be repeated.
struct ReproWish {
  std::vector<std::string> configs;
  std::vector<std::string> tests;  ///< as results name them; empty = all of the job's
  std::string metric;              ///< instead of tests: this measurement
  int boots = 3;                   ///< on each side
};

/// The stored job cut down to the wish: only its configs and the lists' lines that run its tests (or
/// only the benches and the metric's rule). kNotFound when no list runs any of the tests.
Result<StoredJob> repro_job(const StoredJob& job, const ReproWish& wish);

/// Functional boots of each side of each config, `boots` of them, in turns and in an order drawn
/// from the seed, in place of the plan's one each.
void repeat_functional(Plan* plan, int boots, uint64_t seed);

/// The lines of a list that run any of `tests` (a list names binaries and subtests, results also
/// dynamic subtests below them), in the list's order.
std::vector<std::string> lines_for_tests(const std::vector<std::string>& lines,
                                         const std::vector<std::string>& tests);

/// The shell command that runs one test on a machine: "gem_pread --run-subtest basic".
std::string igt_command(const std::string& test);

}  // namespace kiln::job
