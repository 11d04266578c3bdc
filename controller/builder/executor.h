#pragma once
/// Who makes kernels: this computer, or an engine that many computers share (controller/slurm).
/// Whoever does it, equal requests give equal bytes and equal records.
#include "controller/builder/builder.h"

namespace kiln::builder {

struct BuildStops {
  std::stop_token stop;   ///< the build is to end now
  std::stop_token leave;  ///< with it: this process ends, a build elsewhere may go on
};

/// Errors are as Builder::build()'s: never the source's fault. kCancelled after either stop.
class BuildExecutor {
 public:
  virtual ~BuildExecutor() = default;
  virtual Result<kernel::BuildRecord> build(const BuildRequest& request, const BuildStops& stops,
                                            const OnProgress& progress) = 0;
};

/// In this process's sandbox; one build at a time.
class LocalExecutor final : public BuildExecutor {
 public:
  explicit LocalExecutor(Builder& builder) : builder_(builder) {}
  Result<kernel::BuildRecord> build(const BuildRequest& request, const BuildStops& stops,
                                    const OnProgress& progress) override {
    return builder_.build(request, stops.stop, progress);
  }

 private:
  Builder& builder_;
};

}  // namespace kiln::builder
