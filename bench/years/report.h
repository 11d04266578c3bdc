#pragma once
/// What a made-up run concluded, as its driver would have stored it. Pure.
#include <cstdint>
#include <string>
#include <vector>

#include "bench/years/model.h"
#include "kiln/v1/report.pb.h"

namespace kiln::bench {

/// A run's row and what its report says of it.
struct RunFacts {
  int64_t id = 0;
  int64_t first_session = 0;  ///< of the functional boots: one a cell, in the cells' order
  int64_t started_ms = 0;
  int64_t finished_ms = 0;
  std::string job, title, machine, tree;
  int results = 0;
};

std::string job_name(int job);
std::string machine_name(int machine);
/// With facts, as reports show it: "kbl-3 (cpu i7-7700, igt 1.28)".
std::string machine_words(int machine);
std::string cell_name(int cell);
/// Does it wait for a person?
bool needs_a_person(const std::string& cls);

/// A finding of `trouble`; `number` counts from 1.
v1::Finding finding_of(const Nights& nights, const Trouble& trouble, int number,
                       const RunFacts& run);
/// `sample` lends comparisons, builds and the like: a real run's report.
v1::RunReport report_of(const v1::RunReport& sample, const RunFacts& run,
                        const std::vector<v1::Finding>& findings);
/// What the kernel says when a test fails in this way.
v1::KernelReport kernel_report(const std::string& test);

}  // namespace kiln::bench
