#include "agent/test/dut.h"

#include <fmt/format.h>

#include "agent/machine/again.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

/// Generous: a host under load must not make a slow machine look dead.
constexpr Millis kAnswerLimit{30'000};
constexpr Millis kReconnect{30'000};
constexpr int kTries = 3;

Millis left(Steady::time_point deadline) {
  return std::max(Millis(0), std::chrono::ceil<Millis>(deadline - Steady::now()));
}

}  // namespace

Result<std::unique_ptr<Dut>> Dut::create(Config config, Machine& machine, const Clock& clock,
                                         ProgressSink progress) {
  std::unique_ptr<Dut> dut(new Dut(std::move(config), machine, std::move(progress)));
  Dut* self = dut.get();
  KILN_ASSIGN(dut->console_,
              ConsoleLog::create(clock, dut->config_.folder / dut->config_.console_name, {},
                                 [self](const ConsoleLine& line) { self->observe(line); }));
  machine.console().attach([self](std::string_view bytes) { self->console_->append(bytes); });
  return dut;
}

Dut::Dut(Config config, Machine& machine, ProgressSink progress)
    : config_(std::move(config)), machine_(machine), progress_(std::move(progress)) {}

Dut::~Dut() {
  shell_.reset();
  machine_.end();
  machine_.console().attach({});
}

void Dut::tell(SessionProgress progress) const {
  if (!progress.phase.empty()) machine_.session_at(progress.phase);
  if (progress_) progress_(progress);
}

void Dut::observe(const ConsoleLine& line) {
  {
    auto watch = watch_.lock();
    for (const dmesg::Event& event : watch->watcher.feed(line.text + "\n")) {
      switch (event.kind) {
        case dmesg::EventKind::kKernelBanner:
          watch->kernel = true;
          break;
        case dmesg::EventKind::kReady:
          watch->ready = true;
          break;
        case dmesg::EventKind::kPanic:
        case dmesg::EventKind::kReboot:
        case dmesg::EventKind::kPowerOff:
          watch->dead = true;
          if (watch->first_words.empty()) watch->first_words = event.line;
          if (watch->last_words.empty()) watch->last_words = event.line;
          break;
        case dmesg::EventKind::kOops:
        case dmesg::EventKind::kBug:
          if (watch->first_words.empty()) watch->first_words = event.line;
          break;
        case dmesg::EventKind::kLockup:
        case dmesg::EventKind::kHungTask:
          watch->suspicious = true;
          break;
        default:
          break;
      }
    }
    watch.notify_all();
  }
  tell({"", "", 0, 0, line.text});
}

Status Dut::begin(std::stop_token stop) {
  return machine_.begin(
      config_.folder,
      [this](const std::string& text) {
        tell({"preparing", text, 0, 0, ""});
      },
      stop);
}

Status Dut::arm(const BootSpec& spec) {
  return machine_.boot().arm(spec);
}

Status Dut::boot(Millis limit, std::stop_token stop) {
  (void)power_off();  // one that fails fails the power-on, too
  ++boots_;
  console_->mark(fmt::format("power on {}", boots_));
  boot_line_ = console_->last();
  *watch_.lock() = Watch();
  declared_.reset();
  boot_id_.clear();
  tell({"power-on", "", 0, 0, ""});
  KILN_TRY(machine_.power().on());
  const auto deadline = Steady::now() + limit;
  tell({"booting", "", 0, 0, ""});
  KILN_TRY(wait_ready(limit, deadline, stop));
  const bool ready = saw_ready();
  const Millis bound = ready ? left(deadline) : std::min(left(deadline), config_.boot_silence);
  auto shell = machine_.connect(std::max(bound, Millis(2'000)), stop);
  if (shell) {
    shell_ = std::move(*shell);
    return {};
  }
  if (const auto found = trouble(); found && found->kind != Trouble::Kind::kMachine)
    return fail(ErrorKind::kTimeout, found->what);
  if (ready || shell.error().kind != ErrorKind::kTimeout) return fail(std::move(shell.error()));
  return fail(ErrorKind::kTimeout, stuck_words());
}

std::string Dut::stuck_words() const {
  if (console_->last() == boot_line_) return "the console stays silent";
  const auto lines = console_->after(console_->last() - 1, 1);
  return fmt::format("it stops while booting; its last line: {}",
                     lines.empty() ? "" : to_valid_utf8(lines.back().text));
}

Status Dut::wait_ready(Millis limit, Steady::time_point deadline, std::stop_token stop) {
  const auto started = Steady::now();
  for (;;) {
    {
      auto watch = watch_.lock();
      watch.wait_until(std::min(deadline, Steady::now() + Millis(200)),
                       [&] { return watch->ready || watch->dead || stop.stop_requested(); });
      if (watch->ready && !watch->dead) return {};
    }
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped while booting");
    if (const auto found = trouble()) {
      return fail(
          found->kind == Trouble::Kind::kMachine ? ErrorKind::kInfrastructure : ErrorKind::kTimeout,
          found->what);
    }
    if (Steady::now() >= deadline) {
      return fail(ErrorKind::kTimeout,
                  fmt::format("not up within {}: {}", human_duration(limit), stuck_words()));
    }
    // Silent without being ready: hung, or a system that does not tell. SSH knows.
    const auto heard = std::max(started, console_->last_activity());
    if (Steady::now() - heard > config_.boot_silence / 2) return {};
  }
}

Status Dut::power_off() {
  shell_.reset();
  Status off = machine_.power().off();
  console_->mark("power off");
  return off;
}

std::optional<Trouble> Dut::trouble() {
  if (declared_) return declared_;
  {
    auto watch = watch_.lock();
    if (watch->dead) {
      std::string what = watch->first_words;
      if (watch->last_words != watch->first_words) what += "; " + watch->last_words;
      return Trouble{Trouble::Kind::kCrash, what};
    }
  }
  const PowerReport power = machine_.power().state();
  if (power.state == PowerState::kOn) return std::nullopt;
  if (power.by_guest) return Trouble{Trouble::Kind::kCrash, power.why};
  Trouble out{Trouble::Kind::kMachine, power.why, power.try_again};
  if (!power.error_class.empty()) out.error_class = power.error_class;
  return out;
}

void Dut::declare(Trouble trouble) {
  declared_ = std::move(trouble);
}

Result<ShellReply> Dut::run(const ShellRequest& request, std::stop_token stop) {
  if (shell_ && !shell_->alive()) shell_.reset();
  if (!shell_) {
    if (const auto found = trouble()) return fail(ErrorKind::kInfrastructure, found->what);
    KILN_TRY(reconnect(stop));
  }
  return shell_->run(request, stop);
}

Status Dut::reconnect(std::stop_token stop) {
  KILN_ASSIGN(auto shell, machine_.connect(kReconnect, stop));
  if (!boot_id_.empty()) {
    ShellRequest request;
    request.command = kBootIdCommand;
    request.timeout = kAnswerLimit;
    KILN_ASSIGN(const ShellReply reply, shell->run(request, stop));
    if (trim(reply.out) != boot_id_) {
      declare({Trouble::Kind::kMachine, "the machine restarted unseen: its boot id has changed",
               false, "WRONG_KERNEL"});
      return fail(ErrorKind::kInfrastructure, declared_->what);
    }
  }
  shell_ = std::move(shell);
  return {};
}

std::string Dut::token(const std::string& what) const {
  return fmt::format("{}-{}-{}", config_.nonce, boots_, what);
}

Result<ShellReply> Dut::run_again(const ShellRequest& request, std::stop_token stop) {
  for (int times = 1;; ++times) {
    auto reply = run(request, stop);
    const bool broke = !reply && reply.error().kind == ErrorKind::kInfrastructure && !trouble();
    if (!is_tried_again({times, broke, false, stop.stop_requested()}, kTries)) return reply;
  }
}

bool Dut::answers(std::stop_token stop) {
  ShellRequest request;
  const std::string word = fmt::format("kiln-{}-{}", config_.nonce, console_->last());
  request.command = "echo " + word;
  request.timeout = kAnswerLimit;
  if (shell_) {
    const auto reply = shell_->run(request, stop);
    if (reply && trim(reply->out) == word) return true;
    shell_.reset();
  }
  if (trouble() || stop.stop_requested()) return false;
  if (!reconnect(stop)) return false;
  const auto reply = shell_->run(request, stop);
  return reply && trim(reply->out) == word;
}

void Dut::hear_last_words(std::stop_token stop) {
  const auto found = trouble();
  if (!found || found->kind != Trouble::Kind::kCrash) return;
  (void)console_->wait(
      boot_line_,
      [](const ConsoleLine& line) {
        return line.text.find("---[ end Kernel panic") != std::string::npos ||
               line.text.find("Rebooting in") != std::string::npos;
      },
      Millis(2'000), [this] { return machine_.power().state().state == PowerState::kOff; }, stop);
}

}  // namespace kiln::agent
