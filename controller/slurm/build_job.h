#pragma once
/// One attempt at a build: a folder with what is asked, one job of Slurm, and the wait for the
/// result file. All of it is found again by the folder alone after this process died.
#include <functional>
#include <optional>

#include "controller/builder/build_files.h"
#include "controller/builder/executor.h"
#include "controller/slurm/commands.h"
#include "controller/slurm/options.h"

namespace kiln::slurm {

/// What became of an attempt without a result.
struct Lost {
  Error error;
  bool again = false;  ///< another attempt may do better
  std::string node{};  ///< "" = not known
};

/// What of an attempt's folder outlives this process; docs/decisions/0010.
struct JobFile {
  std::string name;    ///< the job's, unique
  std::string node{};  ///< preferred
  std::vector<std::string> avoid{};
  int64_t asked_ms = 0;  ///< wall clock
};

/// Used by one thread.
class BuildJob {
 public:
  BuildJob(const SlurmOptions& options, const Commands& commands, const Clock& clock,
           os::Path folder)
      : options_(options), commands_(commands), clock_(clock), folder_(std::move(folder)) {}

  /// Makes the folder: whole, or not at all.
  static Status prepare(const os::Path& folder, const builder::RemoteRequest& request,
                        const JobFile& job);

  /// Submits what was not submitted yet and waits for the result; nullopt: see lost(). An Error is
  /// kCancelled: the job was cancelled, or left running when `stops.leave` says so.
  Result<std::optional<builder::RemoteResult>> run(const builder::BuildStops& stops,
                                                   const builder::OnProgress& progress);
  [[nodiscard]] const Lost& lost() const { return lost_; }
  [[nodiscard]] const std::string& job_id() const { return id_; }
  /// Ends what Slurm may still have of it; as good as it can.
  void cancel() const;

 private:
  using Steady = std::chrono::steady_clock::time_point;
  Status load();
  Status submit();
  Status submit_once();
  Status watch();
  Status read_result();
  void read_progress();
  void look();
  void wait_in_queue();
  void check_bounds();
  void show(const std::string& phase);
  Status pause(Millis time) const;
  void give_up(Error error, bool again);

  const SlurmOptions& options_;
  const Commands& commands_;
  const Clock& clock_;
  os::Path folder_;
  const builder::BuildStops* stops_ = nullptr;
  const builder::OnProgress* progress_ = nullptr;

  JobFile job_;
  builder::RemoteRequest request_;
  std::string id_;
  std::optional<builder::RemoteResult> result_;
  Lost lost_;
  bool over_ = false;

  JobLook last_;
  std::string away_;              ///< why slurmctld did not answer, "" = it did
  std::optional<Steady> queued_;  ///< since when it waits
  std::optional<Steady> ended_;   ///< since when it is known to have ended
  std::optional<Steady> torn_;    ///< since when its result file cannot be read
  Steady life_{};                 ///< the last sign of the job or of slurmctld
  Steady next_look_{};
  std::string pulse_;   ///< the progress file as last read
  bool freed_ = false;  ///< from its preferred node
};

}  // namespace kiln::slurm
