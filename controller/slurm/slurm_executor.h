#pragma once
/// Builds on a Slurm cluster: docs/guides/slurm.md and docs/decisions/0010.
#include <memory>
#include <set>

#include "controller/builder/build_files.h"
#include "controller/builder/executor.h"
#include "controller/slurm/build_job.h"
#include "lib/base/sync.h"

namespace kiln::slurm {

/// Safe for concurrent use; a key that is being built is waited for.
class SlurmExecutor final : public builder::BuildExecutor {
 public:
  /// kInfrastructure when Slurm's commands are not here. What it is given must outlive it; nobody
  /// else may work in `options.shared`.
  static Result<std::unique_ptr<SlurmExecutor>> open(SlurmOptions options,
                                                     builder::Builder& builder,
                                                     builder::ArtifactSink& sink,
                                                     const intake::Git& git, const Clock& clock);

  /// Goes on with what an earlier process had begun for the same key.
  Result<kernel::BuildRecord> build(const builder::BuildRequest& request,
                                    const builder::BuildStops& stops,
                                    const builder::OnProgress& progress) override;

 private:
  /// An attempt that came to nothing.
  struct Failure {
    std::string node;
    std::string words;
  };
  SlurmExecutor(SlurmOptions options, builder::Builder& builder, builder::ArtifactSink& sink,
                const intake::Git& git, const Clock& clock)
      : options_(std::move(options)),
        builder_(builder),
        sink_(sink),
        git_(git),
        clock_(clock),
        commands_(options_.env, options_.command_timeout) {}

  Result<std::optional<kernel::BuildRecord>> take_turn(const std::string& key,
                                                       const std::stop_token& stop);
  void end_turn(const std::string& key, const Result<kernel::BuildRecord>& record);
  Result<kernel::BuildRecord> attempts(const builder::BuildRequest& request, const std::string& key,
                                       const builder::BuildStops& stops,
                                       const builder::OnProgress& progress);
  Status prepare(const builder::BuildRequest& request, const std::string& key,
                 const std::vector<Failure>& failures, const os::Path& folder) const;
  Result<kernel::BuildRecord> take(const os::Path& folder, const std::string& key,
                                   const builder::RemoteResult& result);
  Lost judge(const Error& error, const std::string& node) const;
  [[nodiscard]] os::Path folder(const std::string& key, size_t attempt) const;
  [[nodiscard]] std::vector<Failure> failures(const std::string& key) const;
  void forget(const std::string& key) const;
  Status remove_old() const;

  const SlurmOptions options_;
  builder::Builder& builder_;
  builder::ArtifactSink& sink_;
  const intake::Git& git_;
  const Clock& clock_;
  Commands commands_;
  struct Turns {
    std::set<std::string> building;                   ///< keys
    std::map<std::string, kernel::BuildRecord> done;  ///< the newest, for who waited for them
  };
  Sync<Turns> turns_;
};

}  // namespace kiln::slurm
