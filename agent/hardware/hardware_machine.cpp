#include "agent/hardware/hardware_machine.h"

#include <fmt/format.h>

#include "agent/hardware/deploy.h"
#include "agent/hardware/netboot.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

namespace kiln::agent {
namespace {

using machine::LifeEvent;
using machine::LifeState;

constexpr Millis kDeployLimit{300'000};
constexpr Millis kAskLimit{60'000};
constexpr uint64_t kMaxList = 64 << 10;
constexpr const char* kKernelName = "vmlinuz";

}  // namespace

HardwareMachine::HardwareMachine(Config config, const Clock& clock, Pause pause)
    : config_(std::move(config)),
      clock_(clock),
      pause_(std::move(pause)),
      record_(config_.folder / "life.json", config_.changed),
      crashes_(config_.folder / "pstore", config_.pstore) {}

Result<std::unique_ptr<HardwareMachine>> HardwareMachine::create(Config config, ConsoleHub& hub,
                                                                 PowerUnits& units,
                                                                 const Clock& clock, Pause pause) {
  const machine::MachineSpec& spec = config.spec;
  if (!spec.shell.given() || spec.boot.driver == "none")
    return fail(ErrorKind::kBadInput,
                fmt::format("machine {} has no `{}`: no session can run on it", spec.name,
                            spec.shell.given() ? "boot" : "shell"));
  std::unique_ptr<HardwareMachine> out(
      new HardwareMachine(std::move(config), clock, std::move(pause)));
  KILN_TRY(out->build(hub, units));
  return out;
}

Status HardwareMachine::build(ConsoleHub& hub, PowerUnits& units) {
  const machine::MachineSpec& its = config_.spec;
  one_shot_ =
      its.boot.driver == "network" ? make_network_boot(its, clock_) : make_one_shot(its.boot);
  KILN_ASSIGN(ears_, Ears::create(hub, its, config_.folder, clock_));
  if (auto driver = make_power(its)) {
    VerifiedPowerConfig how;
    how.settle = its.power.settle;
    how.off_time = its.power.off_time;
    how.unit = its.power.unit;
    verified_ = std::make_unique<VerifiedPower>(std::move(driver), how, units, clock_, pause_);
    verified_->add_witness(make_port_witness(its.shell.address, its.shell.port, Millis(3'000)));
    if (ears_->any())
      verified_->add_witness(make_console_witness([this] { return ears_->count(); }, pause_));
  }
  record_.happen(LifeEvent::kHello);
  finishes_ = machine::is_unfinished(record_.state());
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
  return {};
}

HardwareMachine::~HardwareMachine() {
  keeper_ = {};
  ears_.reset();
}

MachineFacts HardwareMachine::facts() {
  MachineFacts out;
  out.name = config_.spec.name;
  out.tags = config_.spec.tags;
  out.tags.emplace_back("hardware");
  out.facts = config_.spec.facts;
  out.emulated = config_.spec.emulated;
  out.facts["power"] = machine::driver_name(config_.spec.power);
  out.facts["console"] = machine::driver_name(config_.spec.console);
  out.facts["boot"] = config_.spec.boot.driver;
  const LifeState now = record_.state();
  if (finishes_ && now != LifeState::kReady && now != LifeState::kQuarantined)
    out.preparing = "it is brought home: its agent ended in the middle of a session";
  if (now == LifeState::kQuarantined) {
    out.broken = "in quarantine: " + record_.why();
    if (has_visitors_)
      out.broken += "; it answers, and somebody is logged in there: its boots wait for them";
  }
  if (now == LifeState::kQualifying)
    out.broken = fmt::format("after quarantine: {} boots, each of them well, are to prove it",
                             config_.spec.limits.qualifying);
  return out;
}

Result<std::string> HardwareMachine::ask(Shell& shell, const std::string& command,
                                         std::stop_token stop) {
  ShellRequest request;
  request.command = command;
  request.timeout = kAskLimit;
  KILN_ASSIGN(const ShellReply reply, shell.run(request, stop));
  if (reply.ok()) return reply.out;
  return fail(ErrorKind::kInfrastructure,
              fmt::format("`{}`: exit code {}: {}", command, reply.exit_code,
                          to_valid_utf8(trim(reply.err))));
}

/// One that does not answer in a session has hung, or its power went: the gear knows the second.
Result<std::unique_ptr<Shell>> HardwareMachine::connect(Millis timeout, std::stop_token stop) {
  const auto is_off = [&] {
    if (!state_.lock()->read_on) return false;
    const auto power = verified_->read(stop);
    return power && *power == PowerState::kOff;
  };
  // Asked after the first try, and once more in the end: it may have gone meanwhile.
  bool first = true;
  const auto give_up = [&] {
    return std::exchange(first, false) && is_off() ? std::string("its power is off") : "";
  };
  auto shell = config_.connector(shell_at(), timeout, give_up, stop);
  if (shell && to_watch_.exchange(false)) watch(**shell, stop);
  if (shell || stop.stop_requested() || !is_off()) return shell;
  auto state = state_.lock();
  const std::string why = "its power went off, and not by Kiln: " + shell.error().message;
  // Each further try finds it off; what it was doing then has been said.
  if (state->last.state == PowerState::kOff) return fail(ErrorKind::kInfrastructure, why);
  // Booting has no class of its own: that is for what the kernel may be to blame for. Results that
  // were not fetched yet are lost as those of a test that runs.
  std::string ending = record_.state() == LifeState::kCollecting ? "LOST_SUT" : "INFRA_POWER";
  if (record_.state() == LifeState::kTesting) ending = record_.happen(LifeEvent::kFailed, why);
  state->last = {PowerState::kOff, false, false, why, ending};
  return fail(ErrorKind::kInfrastructure, why);
}

/// A kernel that hangs later resets itself by it. No session ends for want of one.
void HardwareMachine::watch(Shell& shell, std::stop_token stop) {
  const auto said = ask(shell, watchdog_command(config_.watchdog), stop);
  log::line(log::Level::kInfo, "hardware watchdog",
            {{"machine", config_.spec.name},
             {"watchdog", said ? to_valid_utf8(trim(*said)) : said.error().message}});
}

/// For people beside a session: its known-good system is nobody's.
Result<ShellEndpoint> HardwareMachine::endpoint() {
  if (machine::in_session(record_.state())) return shell_at();
  return fail(ErrorKind::kInfrastructure, "no session has the machine");
}

ShellEndpoint HardwareMachine::shell_at() const {
  const machine::ShellSpec& at = config_.spec.shell;
  return {at.address, at.port, at.user, at.key_file, at.host_key_file};
}

Status HardwareMachine::write(std::string_view bytes) {
  KILN_ASSIGN(LineWriter writer, ears_->take_writer("a person"));
  return writer.send(bytes);
}

/// What a session does there is known to it alone: which kernel answers, when tests run.
void HardwareMachine::session_at(std::string_view phase) {
  const LifeState now = record_.state();
  if (phase == "identifying" && now == LifeState::kBooting) record_.happen(LifeEvent::kDone);
  if ((phase == "testing" || phase == "measuring") && now == LifeState::kIdentifying)
    record_.happen(LifeEvent::kDone);
  if (phase == "collecting" && now == LifeState::kTesting) record_.happen(LifeEvent::kDone);
}

/// From whatever an earlier session, or an agent that was killed, left behind.
Result<std::unique_ptr<SteadyShell>> HardwareMachine::come_home(State& state,
                                                                std::stop_token stop) {
  if (record_.state() == LifeState::kQuarantined)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} is in quarantine: {}", config_.spec.name, record_.why()));
  if (record_.state() == LifeState::kReady) record_.happen(LifeEvent::kDoubtful);
  while (machine::in_session(record_.state()))
    record_.happen(record_.state() == LifeState::kCollecting ? LifeEvent::kDone
                                                             : LifeEvent::kStopped);
  KILN_ASSIGN(auto shell, home(state, stop));
  // The list is there from a session's begin until what it left is gone.
  if (const auto before = os::read_file(list_file(), kMaxList)) {
    state.modules = *before;
    clean(state, *shell);
  }
  // Verifying, cleaning and recovering lead to ready by what was just seen.
  for (int i = 0; i < 2 && record_.state() != LifeState::kReady; ++i)
    record_.happen(LifeEvent::kDone);
  return shell;
}

Status HardwareMachine::fetch_ready(State& state, std::stop_token stop) {
  KILN_ASSIGN(auto shell, come_home(state, stop));
  KILN_ASSIGN(state.modules, shell->again(SteadyShell::kTries, stop,
                                          [&] { return ask(*shell, "ls -1 /lib/modules", stop); }));
  state.home = std::move(shell);
  return os::write_atomic(list_file(), state.modules);
}

Status HardwareMachine::begin(const Path&, const std::function<void(const std::string&)>& progress,
                              std::stop_token stop) {
  finishing_.request_stop();
  auto state = state_.lock();
  state->stop = stop;
  state->crash_looked_for = false;
  state->last = {PowerState::kUnknown, false, false, "not looked at yet", "INFRA_DUT"};
  if (progress) progress("looking for its known-good system");
  KILN_TRY(fetch_ready(*state, stop));
  crashes_.begin_session();
  ears_->forget();
  record_.happen(LifeEvent::kGranted);
  state->last = {PowerState::kOff, false, false, "not started yet"};
  return {};
}

Status HardwareMachine::arm(const agent::BootSpec& spec) {
  state_.lock()->spec = spec;
  return {};
}

Result<bool> HardwareMachine::start_test(State& state, SteadyShell& shell) {
  state.touched = true;
  if (!one_shot_->fetches()) {
    KILN_TRY(shell.again(machine::row_of(LifeState::kDeploying).tries, state.stop, [&] {
      return deploy(shell, config_.spec.boot.folder, {{kKernelName, state.spec.kernel}},
                    kDeployLimit, state.stop);
    }));
  }
  record_.happen(LifeEvent::kDone);
  const std::string& own = config_.spec.boot.cmdline;
  const BootEntry entry{kKernelName,
                        "",
                        own.empty() ? state.spec.cmdline : own + " " + state.spec.cmdline,
                        state.spec.kernel,
                        {}};
  KILN_TRY(shell.again(machine::row_of(LifeState::kArmed).tries, state.stop,
                       [&] { return one_shot_->arm(shell, entry, state.stop); }));
  record_.happen(LifeEvent::kDone);
  return tell(shell, one_shot_->go(), state.stop);
}

Status HardwareMachine::leave(const State& state) {
  Status gone = wait_gone(state.before, config_.spec.limits.down, state.stop);
  if (gone || state.stop.stop_requested() || !one_shot_->survives_reset()) return gone;
  log::line(log::Level::kWarning, "a machine does not go down when it is told to",
            {{"machine", config_.spec.name}, {"state", gone.error().message}});
  if (ears_->writes() && sysrq(state.stop)) return {};
  return verified_ ? power_cycle(config_.spec.power.off_time, state.stop) : gone;
}

Status HardwareMachine::on() {
  auto state = state_.lock();
  KILN_ASSIGN(auto shell, home(*state, state->stop));
  record_.happen(record_.state() == LifeState::kCollecting ? LifeEvent::kNext : LifeEvent::kDone);
  state->before = ears_->mark();
  ears_->hold();
  // Each of its steps is a state, whose failure has a class.
  const auto failed = [&](Error error, bool restarted) -> Status {
    const bool reset = restarted && record_.state() == LifeState::kDeploying;
    const std::string ending =
        record_.happen(reset ? LifeEvent::kReset : LifeEvent::kFailed, error.message);
    state->last = {PowerState::kOff, false, false, error.message, ending};
    ears_->open();
    return fail(std::move(error));
  };
  auto started = start_test(*state, *shell);
  if (!started) {
    (void)one_shot_->disarm(*shell, {});
    return failed(std::move(started.error()), shell->restarted());
  }
  shell.reset();
  state->runs_test = true;
  state->crash_looked_for = false;
  if (!*started)
    if (auto gone = leave(*state); !gone) return failed(std::move(gone.error()), false);
  ears_->open();
  to_watch_ = true;
  record_.happen(LifeEvent::kDone);
  state->last = {PowerState::kOn, false, false, ""};
  const auto power =
      verified_ ? verified_->read(state->stop) : Result<PowerState>(PowerState::kUnknown);
  state->read_on = power && *power == PowerState::kOn;
  return {};
}

Status HardwareMachine::off() {
  auto state = state_.lock();
  to_watch_ = false;
  state->read_on = false;
  if (!state->runs_test) return {};
  const bool reset = state->last.by_guest;
  const LifeState now = record_.state();
  if (now == LifeState::kTesting)
    record_.happen(reset ? LifeEvent::kReset : LifeEvent::kDone);
  else if (now == LifeState::kBooting || now == LifeState::kIdentifying)
    record_.happen(LifeEvent::kFailed);
  state->last = {PowerState::kOff, false, false, "back in its known-good system"};
  auto shell = home(*state, {});
  if (!shell) return fail(std::move(shell.error()));
  // Triage: the known-good kernel boots, so the other one does not.
  if (record_.state() == LifeState::kTriage) record_.happen(LifeEvent::kDone);
  state->home = std::move(*shell);
  return {};
}

PowerReport HardwareMachine::state() {
  auto state = state_.lock();
  if (state->runs_test && ears_->kernels_since(state->before) > 1)
    state->last = {PowerState::kOff, true, false,
                   "the machine reset itself: another kernel booted"};
  return state->last;
}

/// Also what a session leaves that was killed: nothing of it stays on the machine.
void HardwareMachine::end() {
  auto state = state_.lock();
  while (machine::in_session(record_.state()))
    record_.happen(record_.state() == LifeState::kCollecting ? LifeEvent::kDone
                                                             : LifeEvent::kStopped);
  const LifeState now = record_.state();
  const bool clean_already = now != LifeState::kCleaning && !state->touched && !state->runs_test;
  if (now == LifeState::kQuarantined || clean_already) {
    state->home.reset();  // nobody is logged in between sessions
    return;
  }
  auto shell = home(*state, {});
  if (!shell) return;
  clean(*state, **shell);
  for (int i = 0; i < 2 && record_.state() != LifeState::kReady; ++i)
    record_.happen(LifeEvent::kDone);
  state->last = {PowerState::kOff, false, false, "back in its known-good system"};
}

void HardwareMachine::clean(State& state, SteadyShell& shell) {
  std::string others;
  for (const std::string& name : split_lines(state.modules))
    others += fmt::format(" ! -name {}", shell_quote(name));
  const bool clean = shell.again(SteadyShell::kTries, {}, [&] {
    return one_shot_->disarm(shell, {}) &&
           (one_shot_->fetches() || empty_folder(shell, config_.spec.boot.folder, kAskLimit, {})) &&
           ask(shell,
               "rm -rf /kiln; mkdir -p /kiln; find /lib/modules/ -mindepth 1 -maxdepth 1" + others +
                   " -exec rm -rf {} +; sync",
               {});
  });
  if (!clean) return;  // the next session begins with it
  std::error_code ignored;
  std::filesystem::remove(list_file(), ignored);
  state.touched = false;
}

void HardwareMachine::attach(std::function<void(std::string_view)> sink) {
  ears_->attach(std::move(sink));
}

std::vector<KeptLog> HardwareMachine::kept_logs(bool last) {
  auto state = state_.lock();
  std::vector<KeptLog> out;
  for (const Path& file : crashes_.kept()) out.push_back({"pstore", file, true});
  if (!last) return out;
  const std::string words = ears_->net_words();
  const Path file = config_.folder / "netconsole.session";
  if (!words.empty() && os::write_atomic(file, words)) out.push_back({"netconsole", file, false});
  return out;
}

}  // namespace kiln::agent
