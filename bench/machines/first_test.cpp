/// From a session's order to its first test on a machine that is only hardware, through the whole
/// agent, against a bare script that does the same boot by the same means (bench/machines/bare).
/// Both in turns on one machine, each from its freshly booted known-good system:
/// docs/performance.md, "Real machines". Prints one JSON document; exits with 1 above the limit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/app.h"
#include "agent/integration/rack.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"
#include "lib/os/host.h"
#include "lib/stats/multiple.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;
using nlohmann::json;

constexpr double kLimit = 1.2;
constexpr Millis kBootLimit{300'000};
constexpr const char* kTest = "igt@sw_sync@alloc_timeline";
constexpr const char* kScript = KILN_SOURCE_DIR "/bench/machines/bare";

struct Options {
  os::Path guest, build, modules;
  int pairs = 5;
};

double seconds_since(Steady::time_point from) {
  return std::chrono::duration<double>(Steady::now() - from).count();
}

class FirstTest {
 public:
  explicit FirstTest(const Options& options) : rack_(options.guest) {}

  Result<json> run(const Options& options) {
    KILN_TRY(start(options));
    std::vector<double> ours, bare, ratios;
    json phases = json::array();
    for (int pair = 0; pair < options.pairs; ++pair) {
      for (const bool kiln : {pair % 2 == 0, pair % 2 != 0}) {
        if (kiln) {
          KILN_ASSIGN(const double seconds, by_kiln(pair + 1, phases));
          ours.push_back(seconds);
        } else {
          KILN_ASSIGN(const double seconds, by_script());
          bare.push_back(seconds);
        }
      }
      ratios.push_back(ours.back() / bare.back());
      fmt::print(stderr, "pair {}: {:.2f} s by Kiln, {:.2f} s by the script: {:.3f}\n", pair + 1,
                 ours.back(), bare.back(), ratios.back());
    }
    return json{
        {"pairs", options.pairs},         {"kiln_s", ours},  {"bare_s", bare},  {"ratios", ratios},
        {"ratio", stats::median(ratios)}, {"limit", kLimit}, {"phases", phases}};
  }

 private:
  Status start(const Options& options) {
    const os::Path dir = rack_.path("");
    const machine::ShellSpec& at = rack_.spec.shell;
    KILN_ASSIGN(const TrialKernel kernel, trial_kernel(options.build, options.modules));
    KILN_ASSIGN(const std::string host_key, os::read_file(at.host_key_file, 4096));
    KILN_TRY(os::write_atomic(dir / "known", fmt::format("[127.0.0.1]:{} {}", at.port, host_key)));
    KILN_TRY(os::write_atomic(
        dir / "settings",
        fmt::format("PORT={} KEY={} KNOWN_HOSTS={} KERNEL={} MODULES={} CMDLINE={} TEST={}\n",
                    at.port, shell_quote(at.key_file), shell_quote((dir / "known").string()),
                    shell_quote(kernel.image.string()), shell_quote(kernel.modules_tar.string()),
                    shell_quote(rack_.spec.boot.cmdline), kTest)));
    KILN_TRY(os::make_dirs(dir / "store"));
    KILN_ASSIGN(controller_, OneSessionController::start(sockets_.path() / "sock", dir / "store"));
    controller_->on_event = [this](const v1::SessionEvent& event) {
      if (event.phase() != "testing" || event.total() == 0) return;
      auto first = first_test_.lock();
      if (!*first) *first = Steady::now();
    };
    KILN_ASSIGN(order_, trial_order(*controller_, kernel));
    order_.set_machine(rack_.spec.name);
    v1::TestPhase* phase = order_.add_phases();
    phase->set_name("first");
    phase->set_test_list(std::string(kTest) + "\n");
    phase->set_per_test_seconds(30);
    phase->set_timeout_seconds(300);
    os::Command on;
    on.argv = {rack_.path("on")};
    KILN_TRY(os::run_ok(on));
    KILN_TRY(connect_until({at.address, at.port, at.user, at.key_file, at.host_key_file},
                           kBootLimit, {}, {}));
    agent_ = start_agent(controller_->target(), dir / "agent", rack_.spec);
    if (!agent_ || !testing::eventually([this] { return agent_->connected(); }))
      return fail(ErrorKind::kTimeout, "the agent did not connect");
    return {};
  }

  Result<double> by_kiln(int number, json& phases) {
    *first_test_.lock() = std::nullopt;
    order_.set_session_id(number);
    order_.set_lease_epoch(static_cast<uint64_t>(number));
    const auto begun = Steady::now();
    const auto done = controller_->run(order_, 2 * kBootLimit);
    if (!done) return fail(ErrorKind::kTimeout, "the session did not end");
    const v1::Session& session = done->session();
    const auto first = *first_test_.lock();
    if (session.ending() != "tested" || session.results_size() != 1 || !first)
      return fail(ErrorKind::kInfrastructure, "the session ended: " + session.error());
    json times = json::object();
    for (const v1::PhaseTime& each : session.phases())
      times[each.name()] = times.value(each.name(), 0.0) + each.seconds();
    phases.push_back(std::move(times));
    return std::chrono::duration<double>(*first - begun).count();
  }

  Result<double> by_script() {
    double seconds = 0;
    const auto begun = Steady::now();
    os::Command go;
    go.argv = {kScript, "go", rack_.path("")};
    go.timeout = kBootLimit;
    go.on_line = [&](std::string_view line) {
      if (line.find("[1/1]") != std::string_view::npos && seconds == 0)
        seconds = seconds_since(begun);
    };
    KILN_TRY(os::run_ok(go));
    if (seconds == 0) return fail(ErrorKind::kInfrastructure, "the script saw no test");
    os::Command home;
    home.argv = {kScript, "home", rack_.path("")};
    home.timeout = kBootLimit;
    KILN_TRY(os::run_ok(home));
    return seconds;
  }

  Rack rack_;
  Sync<std::optional<Steady::time_point>> first_test_;
  os::TempFolder sockets_ = *os::TempFolder::make("/tmp", "first-test-");
  std::unique_ptr<OneSessionController> controller_;
  v1::SessionOrder order_;
  std::unique_ptr<Agent> agent_;  ///< ends first
};

}  // namespace
}  // namespace kiln::agent

int main(int argc, char** argv) {
  using namespace kiln::agent;
  Options options;
  CLI::App app("From a session's order to its first test, against a bare script.");
  app.add_option("--guest", options.guest, "folder of tests/hardware/build")
      ->envname("KILN_HARDWARE_GUEST")
      ->required();
  app.add_option("--build", options.build, "a kernel's object folder")
      ->envname("KILN_TRIAL_BUILD")
      ->required();
  app.add_option("--modules", options.modules, "tar.zst of its modules")
      ->envname("KILN_TRIAL_MODULES")
      ->required();
  app.add_option("--pairs", options.pairs, "how often both")
      ->capture_default_str()
      ->check(CLI::Range(1, 20));
  CLI11_PARSE(app, argc, argv);
  const auto out = FirstTest(options).run(options);
  if (!out) {
    fmt::print(stderr, "error: {}\n", kiln::render(out.error()));
    return 3;
  }
  fmt::print("{}\n", out->dump(1));
  return (*out)["ratio"].get<double>() <= kLimit ? 0 : 1;
}
