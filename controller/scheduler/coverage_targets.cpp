/// The kernels of a job that count their lines (docs/reach.md).
#include <fmt/format.h>

#include <algorithm>

#include "controller/scheduler/preparer.h"
#include "lib/reach/reach.h"

namespace kiln::scheduler {
namespace {

/// What a kernel needs to count; part of a named config whose cells can count without a full build.
constexpr const char* kFragment = "coverage-gcov.config";

}  // namespace

/// For each config its baseline that can count, then the series on top of it with its own objects
/// counting. A config that cannot count, or a series without C, leaves reach unmeasured and the
/// rest of the run as it is.
Status Preparer::add_coverage(const intake::PreparedSource& source,
                              const std::vector<kernel::NamedConfig>& configs, std::stop_token stop,
                              Prepared* prepared) {
  if (source.prefix_trees.empty()) return {};
  std::vector<std::string> touched = series::touched_files(source.series);
  std::erase_if(touched, [](const std::string& path) { return !reach::is_c(path); });
  prepared->coverage_why = !prepared->spec.coverage       ? "the job says `coverage: false`"
                           : prepared->spec.tests.empty() ? "the job has no tests"
                           : prepared->spec.series.kind == job::SeriesSpec::Kind::kCommits
                               ? "commits are searched, not reviewed"
                           : touched.empty() ? "the series touches no C code"
                                             : "";
  if (!prepared->coverage_why.empty()) return {};
  for (const kernel::NamedConfig& config : configs) {
    kernel::NamedConfig counting = config;
    const os::Path fragment = prepared->spec.config_dir + "/fragments/" + kFragment;
    if (std::find(counting.fragments.begin(), counting.fragments.end(), fragment) ==
        counting.fragments.end())
      counting.fragments.push_back(fragment);
    std::string base_key;
    for (const auto& [variant, tree] : {std::pair{job::kCoverageBase, source.baseline_tree},
                                        std::pair{job::kCoverage, source.patched_tree()}}) {
      auto resolved = builder_.resolver().resolve(tree, counting, stop);
      if (!resolved) {
        if (resolved.error().kind == ErrorKind::kCancelled) return fail(resolved.error());
        prepared->coverage_why =
            fmt::format("{} cannot count lines: {}", config.name, resolved.error().message);
        prepared->notes.push_back("reach is not measured: " + prepared->coverage_why);
        std::erase_if(prepared->targets,
                      [](const BuildTarget& target) { return job::is_coverage(target.variant); });
        return {};
      }
      BuildTarget target = make_target(variant, config.name, tree, *resolved, "");
      target.base_key = base_key;
      if (target.variant == job::kCoverage) target.input.profiled = touched;
      // A base that is the config's baseline is that very build, with all that belongs to it.
      for (const BuildTarget& other : prepared->targets)
        if (target.variant == job::kCoverageBase && other.variant == "baseline" &&
            other.config == config.name)
          target.input.bench_digest = other.input.bench_digest;
      target.key = kernel::build_key(target.input);
      base_key = target.key;
      prepared->targets.push_back(std::move(target));
    }
  }
  return {};
}

}  // namespace kiln::scheduler
