/// session_trial BUILD_DIR MODULES.tar.zst DATA_DIR LIST...
/// Runs one whole session on the embedded machine against a controller in this process: the kernel
/// of a build folder, one test phase for each list file. Prints events as they come, then results,
/// phases with their times, and where the logs are. For trying a kernel or the agent by hand.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "agent/app.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

Status trial(const std::vector<std::string>& args) {
  const os::Path build = args[1];
  const os::Path data = args[3];
  KILN_TRY(os::make_dirs(data / "store"));
  KILN_ASSIGN(const os::Path sockets, os::make_temp_dir("/tmp", "kiln-trial-"));
  KILN_ASSIGN(auto controller, OneSessionController::start(sockets / "sock", data / "store"));
  SystemClock clock;
  const auto started = clock.steady();
  controller->on_event = [&](const v1::SessionEvent& event) {
    if (!event.console_line().empty()) return;
    const std::chrono::duration<double> at = clock.steady() - started;
    fmt::print("{:8.2f} {} {} {}/{}\n", at.count(), event.phase(), event.text(), event.done(),
               event.total());
    std::fflush(stdout);
  };
  KILN_ASSIGN(const TrialKernel kernel, trial_kernel(build, args[2]));
  KILN_ASSIGN(v1::SessionOrder order, trial_order(*controller, kernel));
  order.set_session_id(static_cast<int64_t>(clock.now().time_since_epoch().count()));
  std::vector<std::string> setup;
  for (size_t i = 4; i < args.size(); ++i) {
    if (args[i] == "--setup" && i + 1 < args.size()) {
      setup.push_back(args[++i]);
      continue;
    }
    v1::TestPhase* phase = order.add_phases();
    for (const std::string& command : setup) phase->add_setup(command);
    phase->set_name(os::Path(args[i]).stem().string());
    KILN_ASSIGN(*phase->mutable_test_list(), os::read_file(args[i]));
    phase->set_per_test_seconds(120);
    phase->set_timeout_seconds(1200);
  }
  AgentConfig config_of_agent;
  config_of_agent.target = controller->target();
  config_of_agent.data_dir = data / "agent";
  config_of_agent.images_dir = os::Path(KILN_SOURCE_DIR) / "images";
  KILN_ASSIGN(const auto agent, Agent::start(config_of_agent));
  const auto done = controller->run(order, Millis(3'600'000));
  (void)os::remove_tree(sockets);
  if (!done) return fail(ErrorKind::kTimeout, "the session did not end within an hour");
  const v1::Session& session = done->session();
  for (const v1::Result& result : session.results())
    fmt::print("{:12} {:8.2f} s  {}  {}\n", result.outcome(), result.seconds(), result.test(),
               result.reason());
  for (const v1::KernelReport& report : session.kernel())
    fmt::print("kernel: {} in {}: {}\n", report.kind(), report.test(), report.title());
  for (const v1::PhaseTime& phase : session.phases())
    fmt::print("{:24} {:8.2f} s\n", phase.name(), phase.seconds());
  for (const auto& [name, digest] : session.artifacts())
    fmt::print("{} -> {}\n", name, (data / "store" / digest).string());
  for (const auto& [name, id] : session.identity().module_build_ids())
    fmt::print("module {} {}\n", name, id);
  fmt::print("{}{}{}: {:.2f} s, {} restarts, identity {}, clock offset {:.2f} s\n",
             session.ending(), session.error().empty() ? "" : ": ", session.error(),
             session.elapsed_seconds(), session.restarts(),
             session.identity().proved() ? "proved" : "NOT proved",
             session.identity().clock_offset_seconds());
  if (session.ending() == "tested") return {};
  return fail(ErrorKind::kInfrastructure, session.ending());
}

}  // namespace
}  // namespace kiln::agent

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(
        stderr,
        "usage: session_trial BUILD_DIR MODULES.tar.zst DATA_DIR [[--setup COMMAND]... LIST]...\n");
    return 2;
  }
  const auto done = kiln::agent::trial({argv, argv + argc});
  if (done) return 0;
  fmt::print(stderr, "{}\n", kiln::render(done.error()));
  return 3;
}
