#include "agent/machine/qemu_machine.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "agent/console/fd_reader.h"
#include "agent/machine/qemu_command.h"
#include "agent/machine/qmp.h"
#include "agent/machine/unix_listener.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr Millis kStartLimit{15'000};
constexpr Millis kQmpLimit{2'000};
constexpr Millis kConsoleLimit{1'000};
constexpr int kPortTries = 5;

std::string last_words(const Path& log) {
  const auto size = os::file_size(log).value_or(0);
  const uint64_t from = size > 4096 ? size - 4096 : 0;
  auto lines = split_lines(os::read_range(log, from, 4096).value_or(""));
  std::erase_if(lines, [](const std::string& line) {
    return line.find("warning: TCG doesn't support requested feature") != std::string::npos ||
           line.find("warning: host doesn't support requested feature") != std::string::npos;
  });
  if (lines.size() > 3) lines.erase(lines.begin(), lines.end() - 3);
  return to_valid_utf8(join(lines, "; "));
}

}  // namespace

/// One QEMU process with its channels. Members are destroyed in reverse order: the process first.
struct QemuMachine::Run {
  int port = 0;
  Path log;
  std::unique_ptr<FdReader> reader;
  std::optional<Qmp> qmp;
  std::optional<os::Child> child;
  bool kvm = false;
  std::string guest_end;  ///< reason of the SHUTDOWN event
  bool stopped = false;   ///< STOP event: QEMU itself froze the guest
};

struct QemuMachine::State {
  std::optional<RootImage> image;
  Path folder;      ///< of the session
  Path socket_dir;  ///< short path for the sockets
  std::optional<BootSpec> spec;
  std::unique_ptr<Run> run;
  PowerReport last{PowerState::kOff, false, false, "never switched on"};
  int boots = 0;
};

QemuMachine::QemuMachine(Config config, RootImages& images, AccelProbe& accel)
    : config_(std::move(config)),
      images_(images),
      accel_(accel),
      record_(config_.folder / "qemu.json"),
      state_(std::make_unique<State>()) {
  end_leftovers();
}

QemuMachine::~QemuMachine() {
  end();
}

void QemuMachine::end_leftovers() {
  const auto text = os::read_file(record_, 1 << 16);
  if (!text) return;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const int pid = json.is_object() ? json.value("pid", 0) : 0;
  const std::string dir = json.is_object() ? json.value("socket_dir", "") : "";
  if (pid > 1 && !dir.empty()) {
    // The pid may be another program's by now; the socket folder's name is only QEMU's.
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    const auto cmdline = os::read_file(fmt::format("/proc/{}/cmdline", pid), 1 << 20);
    if (pidfd >= 0 && cmdline && cmdline->find(dir) != std::string::npos) {
      ::kill(pid, SIGKILL);
      pollfd gone{pidfd, POLLIN, 0};
      ::poll(&gone, 1, 5'000);
    }
    if (pidfd >= 0) ::close(pidfd);
    if (Path(dir).filename().string().starts_with("kiln-qemu-")) (void)os::remove_tree(dir);
  }
  ::unlink(record_.c_str());
}

MachineFacts QemuMachine::facts() {
  MachineFacts facts{config_.name, {"qemu", "i386"}, {}, true, ""};
  const auto accel = accel_.choose();
  if (!accel) {
    facts.facts["accel"] = "none";
    facts.facts["accel_why"] = accel.error().message;
    if (accel.error().kind == ErrorKind::kNotFound) facts.broken = render(accel.error());
    return facts;
  }
  facts.emulated = !accel->kvm;
  facts.facts["accel"] = accel->kvm ? "kvm" : "tcg";
  facts.facts["accel_why"] = accel->why;
  facts.facts["qemu"] = accel->qemu_version;
  return facts;
}

Status QemuMachine::begin(const Path& folder,
                          const std::function<void(const std::string&)>& progress,
                          std::stop_token stop) {
  end();
  auto guard = state_.lock();
  State& state = **guard;
  KILN_ASSIGN(state.image, images_.ensure(progress, stop));
  KILN_TRY(os::make_dirs(config_.folder));
  KILN_ASSIGN(state.socket_dir, os::make_temp_dir(config_.socket_parent, "kiln-qemu-"));
  state.folder = folder;
  os::Command overlay;
  overlay.argv = {config_.qemu_img,
                  "create",
                  "-q",
                  "-f",
                  "qcow2",
                  "-F",
                  "raw",
                  "-b",
                  state.image->disk().string(),
                  (folder / "root.qcow2").string()};
  overlay.timeout = Millis(30'000);
  auto made = os::run_ok(overlay, stop);
  if (!made) return fail(std::move(made.error()).while_doing("while making the machine's disk"));
  state.last = {PowerState::kOff, false, false, "not switched on yet"};
  state.boots = 0;
  return {};
}

void QemuMachine::end() {
  auto guard = state_.lock();
  State& state = **guard;
  stop_run(state);
  if (!state.folder.empty()) ::unlink((state.folder / "root.qcow2").c_str());
  if (!state.socket_dir.empty()) (void)os::remove_tree(state.socket_dir);
  ::unlink(record_.c_str());
  state = State();
}

Status QemuMachine::arm(const BootSpec& spec) {
  (*state_.lock())->spec = spec;
  return {};
}

void QemuMachine::attach(std::function<void(std::string_view)> sink) {
  *sink_.lock() = std::move(sink);
}

Error QemuMachine::start_error(Run& run, Error cause) const {
  const std::string words = last_words(run.log);
  const auto exit = run.child->wait(Millis(200));
  std::string what = "QEMU did not start";
  if (exit)
    what += exit->signal != 0 ? fmt::format(" (killed by signal {})", exit->signal)
                              : fmt::format(" (exit code {})", exit->code);
  return Error(ErrorKind::kInfrastructure,
               fmt::format("{}: {}", what, words.empty() ? cause.message : words));
}

Result<std::unique_ptr<QemuMachine::Run>> QemuMachine::start(State& state, bool kvm) {
  auto run = std::make_unique<Run>();
  KILN_ASSIGN(run->port, free_tcp_port());
  run->kvm = kvm;
  run->log = state.folder / fmt::format("qemu-{}.log", state.boots);
  QemuSettings settings;
  settings.program = config_.qemu;
  settings.kvm = kvm;
  settings.count_instructions = state.spec->count_instructions;
  settings.cpus = state.spec->cpus;
  settings.memory_bytes = state.spec->memory_bytes;
  settings.kernel = state.spec->kernel;
  settings.cmdline = machine_cmdline();
  if (!state.spec->cmdline.empty()) settings.cmdline += " " + state.spec->cmdline;
  settings.disk = state.folder / "root.qcow2";
  settings.console_socket = state.socket_dir / "console";
  settings.qmp_socket = state.socket_dir / "qmp";
  settings.ssh_port = run->port;
  KILN_ASSIGN(auto console, UnixListener::create(settings.console_socket));
  KILN_ASSIGN(auto control, UnixListener::create(settings.qmp_socket));
  os::Command command;
  command.argv = qemu_argv(settings);
  command.output_file = run->log.string();
  auto child = os::Child::start(command);
  if (!child) {
    child.error().kind = ErrorKind::kInfrastructure;
    return fail(std::move(child.error()));
  }
  run->child.emplace(std::move(*child));
  const nlohmann::json record{{"pid", run->child->pid()},
                              {"socket_dir", state.socket_dir.string()}};
  (void)os::write_atomic(record_, record.dump() + "\n");
  const auto gone = [&] { return run->child->wait(Millis(0)).has_value(); };
  const auto console_fd = console.accept(kStartLimit, gone);
  if (!console_fd) return fail(start_error(*run, console_fd.error()));
  run->reader = std::make_unique<FdReader>(*console_fd, [this](std::string_view bytes) {
    auto sink = sink_.lock();
    if (*sink) (*sink)(bytes);
  });
  const auto qmp_fd = control.accept(kStartLimit, gone);
  if (!qmp_fd) return fail(start_error(*run, qmp_fd.error()));
  auto qmp = Qmp::open(*qmp_fd, kStartLimit);
  if (!qmp) return fail(start_error(*run, qmp.error()));
  run->qmp.emplace(std::move(*qmp));
  return run;
}

Status QemuMachine::on() {
  KILN_ASSIGN(const AccelAnswer accel, accel_.choose());
  auto guard = state_.lock();
  State& state = **guard;
  if (!state.spec || !state.image)
    return fail(ErrorKind::kInternal, "power on before begin() and arm()");
  stop_run(state);
  ++state.boots;
  for (int attempt = 1;; ++attempt) {
    auto run = start(state, accel.kvm && !state.spec->count_instructions);
    if (run) {
      state.run = std::move(*run);
      state.last = {PowerState::kOn, false, false, ""};
      return {};
    }
    // Somebody took the port between our look and QEMU's bind.
    const bool race =
        run.error().message.find("Could not set up host forwarding rule") != std::string::npos;
    if (!race || attempt == kPortTries) {
      state.last = {PowerState::kOff, false, false, run.error().message};
      return fail(std::move(run.error()));
    }
  }
}

void QemuMachine::stop_run(State& state) {
  if (!state.run) return;
  Run& run = *state.run;
  if (run.child && run.qmp && !run.child->wait(Millis(0))) {
    (void)run.qmp->command("quit", Millis(500));
    (void)run.child->wait(Millis(1'000));
  }
  if (run.child) run.child->stop(Millis(500));
  if (run.reader) run.reader->wait_end(500);
  state.run.reset();
}

Status QemuMachine::off() {
  auto guard = state_.lock();
  State& state = **guard;
  stop_run(state);
  if (state.last.state != PowerState::kOff)
    state.last = {PowerState::kOff, false, false, "switched off"};
  return {};
}

PowerReport QemuMachine::report_of(State& state) {
  Run& run = *state.run;
  // The exit is looked at first: events that came before it are then read below.
  const auto exit = run.child->wait(Millis(0));
  for (const QmpEvent& event : run.qmp->events()) {
    if (event.name == "SHUTDOWN") run.guest_end = event.reason.empty() ? "?" : event.reason;
    if (event.name == "STOP") run.stopped = true;
  }
  if (!exit) {
    if (run.stopped && run.guest_end.empty())
      return {PowerState::kUnknown, false, run.kvm,
              run.kvm ? "QEMU froze the guest: KVM internal error" : "QEMU froze the guest"};
    return {PowerState::kOn, false, false, ""};
  }
  const bool by_guest = exit->code == 0 && run.guest_end.starts_with("guest");
  if (by_guest)
    return {PowerState::kOff, true, false,
            fmt::format("the machine reset itself ({})", run.guest_end)};
  const std::string words = last_words(run.log);
  std::string why = exit->signal != 0 ? fmt::format("QEMU was killed by signal {}", exit->signal)
                                      : fmt::format("QEMU ended with exit code {}", exit->code);
  if (!words.empty()) why += ": " + words;
  return {PowerState::kOff, false, false, why};
}

PowerReport QemuMachine::state() {
  auto guard = state_.lock();
  State& state = **guard;
  if (!state.run) return state.last;
  PowerReport report = report_of(state);
  if (report.state == PowerState::kUnknown && state.run->kvm) accel_.kvm_failed(report.why);
  if (report.state != PowerState::kOn) state.last = report;
  return report;
}

Status QemuMachine::write(std::string_view bytes) {
  auto guard = state_.lock();
  State& state = **guard;
  if (!state.run || !state.run->reader)
    return fail(ErrorKind::kInfrastructure, "the machine is off: " + state.last.why);
  return state.run->reader->write(bytes, kConsoleLimit);
}

Result<ShellEndpoint> QemuMachine::endpoint() {
  auto guard = state_.lock();
  State& state = **guard;
  if (!state.run) return fail(ErrorKind::kInfrastructure, "the machine is off: " + state.last.why);
  ShellEndpoint endpoint;
  endpoint.port = state.run->port;
  endpoint.key_file = state.image->client_key().string();
  endpoint.host_key_file = state.image->host_key().string();
  return endpoint;
}

Result<std::unique_ptr<Shell>> QemuMachine::connect(Millis timeout, std::stop_token stop) {
  KILN_ASSIGN(const ShellEndpoint to, endpoint());
  const auto give_up = [this] {
    const PowerReport report = state();
    return report.state == PowerState::kOn ? std::string() : report.why;
  };
  return config_.connector(to, timeout, give_up, stop);
}

}  // namespace kiln::agent
