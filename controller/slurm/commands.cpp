#include "controller/slurm/commands.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::slurm {
namespace {
constexpr Millis kCancelTimeout{10'000};
}  // namespace

Result<std::string> Commands::run(std::vector<std::string> argv, const std::string& input) const {
  return run_for(timeout_, std::move(argv), input);
}

Result<std::string> Commands::run_for(Millis timeout, std::vector<std::string> argv,
                                      const std::string& input) const {
  os::Command command;
  const std::string name = argv.front();
  command.argv = std::move(argv);
  command.env = env_;
  command.env["LC_ALL"] = "C";
  command.stdin_text = input;
  command.timeout = timeout;
  auto exit = os::run(command);
  if (!exit && exit.error().kind == ErrorKind::kNotFound)
    return fail(Error(ErrorKind::kInfrastructure, fmt::format("`{}` is not installed", name))
                    .with_hint("run: apt-get install slurm-client"));
  if (!exit) return fail(std::move(exit.error()));
  if (exit->timed_out)
    return fail(ErrorKind::kTimeout,
                fmt::format("`{}` did not end within {}", name, human_duration(timeout)));
  if (exit->ok()) return std::move(exit->out);
  std::vector<std::string> lines = split_lines(to_valid_utf8(trim(exit->err)));
  if (lines.size() > 3) lines.erase(lines.begin(), lines.end() - 3);
  const std::string words =
      lines.empty() ? fmt::format("exit code {}", exit->code) : join(lines, "; ");
  return fail(is_away(exit->err) ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
              fmt::format("`{}`: {}", name, words));
}

Result<std::string> Commands::submit(const Submission& job, const std::string& script) const {
  KILN_ASSIGN(const std::string output, run(sbatch_command(job), script));
  std::string id = parse_job_id(output);
  if (id.empty())
    return fail(ErrorKind::kInfrastructure,
                fmt::format("`sbatch` printed `{}`, which is no job",
                            to_valid_utf8(trim(output.substr(0, 200)))));
  return id;
}

Result<std::optional<JobLook>> Commands::look(const std::string& name) const {
  KILN_ASSIGN(const std::string output, run(squeue_command(name)));
  return parse_look(output);
}

Status Commands::cancel(const std::string& name) const {
  // Somebody waits for the run's end.
  KILN_TRY(run_for(std::min(timeout_, kCancelTimeout), {"scancel", "--quiet", "--name=" + name}));
  return {};
}

Status Commands::free_from_node(const std::string& id) const {
  KILN_TRY(run({"scontrol", "update", "JobId=" + id, "ReqNodeList="}));
  return {};
}

std::set<std::string> Commands::up_nodes(const std::string& partition) const {
  const auto output = run(sinfo_command(partition));
  return output ? parse_up_nodes(*output) : std::set<std::string>();
}

}  // namespace kiln::slurm
