#pragma once
/// Slurm's words: the command line of a job, and what squeue and sbatch say. Pure.
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::slurm {

/// One job: a script that comes by stdin, on one node.
struct Submission {
  std::string name;  ///< unique: it finds the job again whatever happens
  std::string log;   ///< file for the job's own words
  std::string folder;
  std::string partition{};  ///< "" = the cluster's default
  std::string account{};
  std::vector<std::string> extra{};  ///< further options, each passed check_extra()
  std::string node{};                ///< only there, "" = anywhere
  std::vector<std::string> avoid{};  ///< nodes
  int cpus = 1;
  unsigned long long memory_bytes = 0;
  Millis time_limit{0};
};

/// argv of sbatch.
std::vector<std::string> sbatch_command(const Submission& job);

/// Why this option cannot be among the extra ones, "" = it can: Kiln sets it itself, or it is none.
std::string check_extra(std::string_view option);

/// squeue's line for a job; the command is in squeue_command().
struct JobLook {
  std::string id;
  std::string state;   ///< "PENDING", "RUNNING", "NODE_FAIL" ...
  std::string node;    ///< "" while it waits
  std::string reason;  ///< "Resources", "Priority", ...
};
std::vector<std::string> squeue_command(const std::string& name);
/// The newest job of the output; nullopt when it has none.
std::optional<JobLook> parse_look(std::string_view output);

enum class Phase {
  kQueued,   ///< or started again: it will run
  kRunning,  ///< or on its way in or out
  kEnded,
};
Phase phase_of(const JobLook& job);

/// What it means that the job ended so and left no result. kTimeout: its time was over;
/// kInfrastructure: anything else, never the series' fault.
Error ended_without_result(const JobLook& job);

/// The id that sbatch --parsable printed, "" = none.
std::string parse_job_id(std::string_view output);

/// The words of a command that failed mean that the daemons could not be asked, so that it may be
/// tried again; else the request itself was refused.
bool is_away(std::string_view words);

/// Nodes that can run jobs now or after what they run.
std::vector<std::string> sinfo_command(const std::string& partition);
std::set<std::string> parse_up_nodes(std::string_view output);

}  // namespace kiln::slurm
