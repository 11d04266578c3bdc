#pragma once
/// Slurm's commands, each bounded in time. An Error of kind kTimeout means that Slurm's daemons did
/// not answer: it may be tried again; kInfrastructure that they refused. Safe for concurrent use.
#include <map>
#include <stop_token>

#include "lib/slurm/slurm.h"

namespace kiln::slurm {

class Commands {
 public:
  /// `env` is added to this process's own: SLURM_CONF of a cluster that is not the computer's.
  Commands(std::map<std::string, std::string> env, Millis timeout)
      : env_(std::move(env)), timeout_(timeout) {}

  /// The job's id.
  Result<std::string> submit(const Submission& job, const std::string& script) const;
  /// nullopt: Slurm knows no such job (any more).
  Result<std::optional<JobLook>> look(const std::string& name) const;
  Status cancel(const std::string& name) const;
  /// The job may now run on any node.
  Status free_from_node(const std::string& id) const;
  /// Nodes that can run jobs; none also when nobody answers.
  [[nodiscard]] std::set<std::string> up_nodes(const std::string& partition) const;

 private:
  Result<std::string> run(std::vector<std::string> argv, const std::string& input = "") const;
  Result<std::string> run_for(Millis timeout, std::vector<std::string> argv,
                              const std::string& input = "") const;

  std::map<std::string, std::string> env_;
  Millis timeout_;
};

}  // namespace kiln::slurm
