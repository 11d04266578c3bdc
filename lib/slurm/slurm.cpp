#include "lib/slurm/slurm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"

namespace kiln::slurm {
namespace {

/// Set by Kiln, or of no use for one batch job on one node.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"account",   "array",    "begin",    "chdir",        "clusters", "cpus-per-task", "dependency",
     "error",     "exclude",  "export",   "get-user-env", "gid",      "help",          "hold",
     "input",     "job-name", "mem",      "mem-per-cpu",  "nodelist", "nodes",         "ntasks",
     "open-mode", "output",   "parsable", "partition",    "requeue",  "test-only",     "time",
     "uid",       "wait",     "wrap"});

constexpr auto kAway = std::to_array<std::string_view>({
    "Unable to contact slurm controller",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Connection refused",
    "Connection timed out",
    "Munge encode failed",
    "Munge decode failed",
    "authentication error",
    "controller is in standby",
    "temporarily unable to accept job",
});

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string minutes(Millis time) {
  return std::to_string(std::max<int64_t>(1, (time.count() + 59'999) / 60'000));
}

}  // namespace

std::string check_extra(std::string_view option) {
  if (!option.starts_with("--") || option.size() < 3)
    return "an option of sbatch begins with `--` and has its value behind `=`";
  const std::string_view name = option.substr(2, option.substr(2).find('='));
  if (name.find_first_of(" \t") != std::string_view::npos)
    return "an option of sbatch has its value behind `=`";
  // sbatch takes beginnings of names, too.
  for (const std::string_view reserved : kReserved)
    if (reserved == name || (name.size() >= 3 && reserved.starts_with(name)))
      return fmt::format("Kiln sets `--{}` itself", reserved);
  return {};
}

std::vector<std::string> sbatch_command(const Submission& job) {
  std::vector<std::string> argv{
      "sbatch",
      "--parsable",
      "--export=NIL",
      "--requeue",
      "--open-mode=append",
      "--nodes=1",
      "--ntasks=1",
      "--input=/dev/null",
      "--job-name=" + job.name,
      "--output=" + job.log,
      "--chdir=" + job.folder,
      fmt::format("--cpus-per-task={}", job.cpus),
      fmt::format("--mem={}M", std::max(1ULL, job.memory_bytes >> 20)),
      "--time=" + minutes(job.time_limit),
  };
  if (!job.partition.empty()) argv.push_back("--partition=" + job.partition);
  if (!job.account.empty()) argv.push_back("--account=" + job.account);
  if (!job.node.empty()) argv.push_back("--nodelist=" + job.node);
  if (!job.avoid.empty()) argv.push_back("--exclude=" + join(job.avoid, ","));
  argv.insert(argv.end(), job.extra.begin(), job.extra.end());
  return argv;
}

std::vector<std::string> squeue_command(const std::string& name) {
  return {"squeue", "--noheader", "--states=all", "--name=" + name, "--format=%i|%T|%N|%r"};
}

std::optional<JobLook> parse_look(std::string_view output) {
  std::optional<JobLook> newest;
  for (const std::string& line : split_lines(output)) {
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() < 4 || fields[0].empty() ||
        fields[0].find_first_not_of("0123456789") != std::string::npos)
      continue;
    JobLook look{fields[0], fields[1], fields[2], fields[3]};
    // Ids only grow; a longer number is a larger one.
    if (!newest || std::pair(look.id.size(), look.id) > std::pair(newest->id.size(), newest->id))
      newest = std::move(look);
  }
  return newest;
}

Phase phase_of(const JobLook& job) {
  if (is_one_of(job.state, {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT",
                            "RESV_DEL_HOLD"}))
    return Phase::kQueued;
  if (is_one_of(job.state, {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED",
                            "RESIZING", "SIGNALING", "STAGE_OUT"}))
    return Phase::kRunning;
  return Phase::kEnded;
}

Error ended_without_result(const JobLook& job) {
  const std::string where = job.node.empty() ? "" : " on " + job.node;
  const std::string name = fmt::format("Slurm's job {}{}", job.id, where);
  if (is_one_of(job.state, {"TIMEOUT", "DEADLINE"}))
    return {ErrorKind::kTimeout, name + " was ended because its time was over"};
  if (job.state == "NODE_FAIL" || job.state == "BOOT_FAIL")
    return {ErrorKind::kInfrastructure, name + " was lost with its node"};
  if (job.state == "OUT_OF_MEMORY")
    return Error(ErrorKind::kInfrastructure, name + " needed more memory than it had asked for")
        .with_hint("raise the job's `build_memory`");
  if (job.state.starts_with("CANCELLED"))
    return {ErrorKind::kInfrastructure, name + " was cancelled by somebody else"};
  if (job.state == "PREEMPTED")
    return {ErrorKind::kInfrastructure, name + " had to give way to another"};
  return {ErrorKind::kInfrastructure,
          fmt::format("{} ended ({}) and left no result", name, job.state)};
}

std::string parse_job_id(std::string_view output) {
  const std::string_view id = trim(output).substr(0, trim(output).find(';'));
  if (id.empty() || id.find_first_not_of("0123456789") != std::string_view::npos) return {};
  return std::string(id);
}

bool is_away(std::string_view words) {
  return std::any_of(kAway.begin(), kAway.end(), [words](std::string_view known) {
    return words.find(known) != std::string_view::npos;
  });
}

std::vector<std::string> sinfo_command(const std::string& partition) {
  std::vector<std::string> argv{"sinfo", "--noheader", "--Node", "--format=%N|%T"};
  if (!partition.empty()) argv.push_back("--partition=" + partition);
  return argv;
}

std::set<std::string> parse_up_nodes(std::string_view output) {
  std::set<std::string> nodes;
  for (const std::string& line : split_lines(output)) {
    const std::vector<std::string> fields = split(line, '|');
    // An asterisk behind a state is a node that does not answer.
    if (fields.size() == 2 && is_one_of(fields[1], {"idle", "mixed", "allocated", "completing"}))
      nodes.insert(fields[0]);
  }
  return nodes;
}

}  // namespace kiln::slurm
