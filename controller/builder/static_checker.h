#pragma once
/// Asks the tools that read a patch without running it: the compiler with W=1, sparse, checkpatch,
/// nm, gcc's stack usage. In the build sandbox, on the objects that the series touches only, before
/// and after each patch (docs/static-side.md).
#include <chrono>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/builder/kernel_make.h"
#include "controller/builder/object_store.h"
#include "controller/builder/tree_store.h"
#include "lib/statics/statics.h"

namespace kiln::builder {

/// The source with the first patches of the series.
struct StaticState {
  std::string tree_id;
  std::string config_text;  ///< resolved .config
};

struct StaticPatch {
  std::string mail;  ///< as checkpatch reads it
  std::vector<std::string> files;
  statics::AddedLines added;
};

struct StaticRequest {
  std::string config;  ///< its name
  std::string arch;
  std::vector<StaticState> states;  ///< one more than patches: the first is the baseline
  std::vector<StaticPatch> patches;
  std::string base_key;  ///< the baseline's build: its objects are copied
  std::string last_key;  ///< the whole series' build: it knows what new files are made into
  Millis timeout{900'000};
  uint64_t memory_bytes = 6ULL << 30;
};

/// Used once, by one thread. What it is given must outlive it.
class StaticChecker {
 public:
  /// `cache` keeps what was measured of each state; `scratch` is for files that are removed again.
  StaticChecker(const KernelMake& make, const TreeStore& trees, const ObjectStore& objects,
                std::string toolchain, os::Path cache, os::Path scratch);

  /// What cannot be looked at is a note of the result. Errors are of this computer: stopped
  /// (kCancelled), no space, time out.
  Result<statics::Side> check(const StaticRequest& request, std::stop_token stop);

 private:
  Status find_tools();
  Status find_objects();
  Result<statics::State> measure(size_t state);
  Result<statics::State> make_state(size_t state, const std::vector<std::string>& objects);
  Status prepare_objects(const StaticState& state);
  Status read_sizes(const std::vector<std::string>& objects, statics::State* state);
  Result<std::vector<std::string>> objects_at(size_t state, const SourceView& view) const;
  Status run_checkpatch(int patch);
  Result<os::Exit> call(MakeCall call);
  [[nodiscard]] Result<Millis> time_left() const;
  Result<SourceView> view(size_t state) const;
  void note(std::string text);

  const KernelMake& make_;
  const TreeStore& trees_;
  const ObjectStore& objects_;
  std::string toolchain_;
  os::Path cache_;
  os::Path scratch_;

  const StaticRequest* request_ = nullptr;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point started_;
  std::optional<os::TempFolder> temp_;
  bool compiles_ = false;                       ///< the baseline's objects are there
  std::string sparse_;                          ///< its version, "" = it is not installed
  bool checkpatch_ = false;                     ///< the source has one
  std::vector<std::set<std::string>> touched_;  ///< objects by state; of the baseline all
  statics::Side side_;
};

}  // namespace kiln::builder
