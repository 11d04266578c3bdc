/// kiln serve: the dashboard over the data folder of this computer.
#include <csignal>
#include <iostream>

#include "cli/embedded.h"
#include "cli/terminal.h"
#include "lib/os/daemon.h"

namespace kiln::cli {
namespace {

constexpr Millis kTick{1000};

Result<int> serve_checked(const Options& options) {
  os::hold_signals();
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kServe));
  std::cerr << "the runs in " << lab->data_dir() << " are shown at the address below, to who has it"
            << " (Ctrl-C ends this)\n";
  // Alone on stdout, for scripts.
  std::cout << lab->dashboard() << std::endl;
  while (os::wait_for_signal(kTick) == os::Asked::kNothing) continue;
  std::cerr << "stopping\n";
  lab->stop();
  return kOk;
}

}  // namespace

int serve_command(const Options& options) {
  return finish(options, serve_checked(options));
}

}  // namespace kiln::cli
