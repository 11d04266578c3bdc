#pragma once
/// One build from its source to its record; the steps of Builder::build().
#include <chrono>
#include <optional>
#include <string>

#include "controller/builder/builder.h"
#include "controller/builder/profile.h"
#include "lib/kernel/output.h"
#include "lib/reach/gcov.h"

namespace kiln::builder {

/// Used once, by one thread.
class BuildRun {
 public:
  BuildRun(const BuildRequest& request, const KernelMake& make, const TreeStore& trees,
           const ObjectStore& objects, ArtifactSink& sink, std::stop_token stop,
           const OnProgress& progress);
  ~BuildRun();
  BuildRun(const BuildRun&) = delete;
  BuildRun& operator=(const BuildRun&) = delete;

  Result<kernel::BuildRecord> run();

 private:
  Status prepare_objects();
  Status make_kernel();
  Status install_modules();
  Status build_bench();
  Status store_kernel();
  Status finish();
  void carry_warnings();
  [[nodiscard]] bool bench_is_the_same() const;
  Result<os::Exit> call(MakeCall call, const std::string& phase);
  Status judge(const Result<os::Exit>& result, const std::string& what);
  Status store_log();
  void show(const std::string& phase);
  [[nodiscard]] bool failed() const { return record_.state == "failed"; }
  [[nodiscard]] Result<Millis> time_left() const;

  // profiled_run.cpp
  Status make_profiled();
  Status make_with_counts(const MakeCall& make);
  Status keep_counts(const ProfilePlan& plan);
  Result<std::map<std::string, reach::LineSet>> preprocess(const ProfilePlan& plan);

  const BuildRequest& request_;
  const KernelMake& make_;
  const TreeStore& trees_;
  const ObjectStore& objects_;
  ArtifactSink& sink_;
  std::stop_token stop_;
  const OnProgress& progress_;
  std::chrono::steady_clock::time_point started_;

  os::Path temp_;  ///< objects/KEY.tmp
  bool committed_ = false;
  SourceView source_;
  std::optional<ObjectsMeta> base_;  ///< of the build it starts from
  ObjectsMeta meta_;
  kernel::BuildRecord record_;
  kernel::OutputParser parser_;
  std::string log_;
  bool no_space_ = false;
  bool killed_ = false;
  bool exact_counts_ = true;
  int expected_ = 0;
};

}  // namespace kiln::builder
