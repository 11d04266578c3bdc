#pragma once
/// What one version of a series broke and another did not. Pure.
#include <functional>
#include <string>
#include <vector>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// One thing that a version breaks, or may break.
struct Breakage {
  std::string subject;  ///< Finding::subject, or the test
  std::string config;   ///< "" = in no config of its own (builds, measurements)
  bool is_test = false;
  bool sure = false;  ///< a regression; else seen, and not decided
  bool operator==(const Breakage&) const = default;
};

/// Of a verdict, each once. `findings` and `occurrences` as judge() gives them, or as stored.
std::vector<Breakage> breakages(const std::vector<Finding>& findings,
                                const std::vector<Occurrence>& occurrences);

struct VersionChange {
  std::vector<std::string> fixed;  ///< "igt@gem_pread@basic (i386-highmem)"
  std::vector<std::string> broke;
  std::vector<std::string> still;
};

/// `ran_before`, `ran_now`: did the test give a result in that config then, and now? What one of
/// the versions did not run is neither fixed nor broken; what is not decided now is not fixed.
VersionChange compare_versions(const std::vector<Breakage>& before,
                               const std::vector<Breakage>& now,
                               const std::function<bool(const Breakage&)>& ran_before,
                               const std::function<bool(const Breakage&)>& ran_now);

}  // namespace kiln::verdict
