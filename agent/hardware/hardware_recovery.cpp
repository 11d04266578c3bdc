/// The way back to the known-good system: what lib/machine/recovery.h decides is done here.
#include <fmt/format.h>

#include <algorithm>

#include "agent/hardware/hardware_machine.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

using machine::LifeEvent;
using machine::LifeState;
using machine::RecoveryMove;
using machine::RecoveryStep;
using machine::Sighting;

constexpr Millis kTick{100};
constexpr Millis kOneTry{3'000};
constexpr Millis kBetweenLetters{500};
constexpr Millis kSysrqLimit{20'000};  ///< a kernel that hears it obeys at once
constexpr Millis kLookLimit{30'000};
constexpr const char* kMark = "kiln.session=";  ///< on the command line of no known-good kernel
constexpr const char* kReboot = "systemctl reboot || reboot || reboot -f";
/// Who has a terminal there; Kiln's own connections have none.
constexpr const char* kWho = "who 2>/dev/null || true";
/// The file system's own flag: the next boot checks it, whatever starts it. Where there is no such
/// flag (another file system, no e2fsprogs) a plain boot still replays the journal.
constexpr const char* kCheckNextBoot =
    "d=$(awk '$2 == \"/\" && $1 ~ \"^/dev/\" {d = $1} END {print d}' /proc/mounts); "
    "tune2fs -E force_fsck \"$d\" && sync || true";

/// Console words after which what speaks is no more the system that was told to go.
bool is_gone(const ConsoleHit& hit) {
  return hit.pattern == "restart" || hit.pattern == "boot-loader" || hit.pattern == "kernel";
}

ShellRequest look_request(Millis limit) {
  ShellRequest request;
  request.command = machine::look_command();
  request.timeout = limit;
  return request;
}

}  // namespace

machine::RecoveryMeans HardwareMachine::means() const {
  return {ears_->writes(), verified_ && verified_->resets(), verified_ != nullptr};
}

void HardwareMachine::Seen::note(const Result<ShellReply>& reply) {
  const auto found = reply ? machine::read_look(reply->out, kMark) : std::nullopt;
  sighting = found.value_or(Sighting::kStalled);
  words = reply ? std::string(to_string(sighting)) : reply.error().message;
}

HardwareMachine::Seen HardwareMachine::ask_again(std::unique_ptr<SteadyShell> shell, Millis limit,
                                                 std::stop_token stop) {
  Seen seen;
  seen.note(shell->run(look_request(limit), stop));
  seen.shell = std::move(shell);
  return seen;
}

HardwareMachine::Seen HardwareMachine::look(Millis limit,
                                            const std::function<std::string()>& give_up,
                                            std::stop_token stop) {
  Seen seen;
  const auto power = verified_ ? verified_->read(stop) : Result<PowerState>(PowerState::kUnknown);
  const bool off = power && *power == PowerState::kOff;
  const machine::ShellSpec& at = config_.spec.shell;
  // Gear that says off may be wrong: one try.
  const Millis first = off ? std::min(limit, kOneTry) : limit;
  auto shell = config_.connector(shell_at(), first, give_up, stop);
  for (int times = 1; shell; ++times) {
    const auto reply = (*shell)->run(look_request(kLookLimit), stop);
    const bool broke = !reply && reply.error().kind == ErrorKind::kInfrastructure;
    if (is_tried_again({times, broke, false, stop.stop_requested()}, SteadyShell::kTries)) {
      shell = config_.connector(shell_at(), config_.spec.limits.answer, give_up, stop);
      continue;
    }
    seen.note(reply);
    seen.shell = std::make_unique<SteadyShell>(
        std::move(*shell), reply ? machine::look_boot_id(reply->out) : "",
        [this](std::stop_token stopped) {
          return config_.connector(shell_at(), config_.spec.limits.answer, {}, std::move(stopped));
        });
    return seen;
  }
  seen.words = shell.error().message;
  if (shell.error().kind == ErrorKind::kPermission || shell.error().kind == ErrorKind::kBadInput)
    seen.sighting = Sighting::kRefused;
  else if (off)
    seen.sighting = Sighting::kOff;
  else if (!stop.stop_requested() && os::read_greeting(at.address, at.port, 16, kOneTry))
    seen.sighting = Sighting::kStalled;
  return seen;
}

Result<std::unique_ptr<SteadyShell>> HardwareMachine::home(State& state, std::stop_token stop) {
  // The whole ladder was climbed then, and a person may be at work.
  if (record_.state() == LifeState::kQuarantined) return fail(in_quarantine(state, record_.why()));
  one_shot_->revoke();  // no way home leads through the built kernel
  std::vector<machine::StepDone> done;
  Seen seen;
  // The last look's connection, if it still leads there: a login costs more than all that is asked.
  if (state.home) seen = ask_again(std::move(state.home), config_.spec.limits.answer, stop);
  if (seen.sighting != Sighting::kKnownGood) seen = look(config_.spec.limits.answer, {}, stop);
  for (;;) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    const RecoveryMove move =
        machine::next_move(means(), record_.counts(), seen.sighting, seen.words, done);
    record_.passed_over(move.passed_over);
    if (move.kind == RecoveryMove::Kind::kQuarantine) return fail(quarantine(state, move.why));
    if (move.kind == RecoveryMove::Kind::kHome) {
      look_for_crash(state, *seen.shell, done, stop);
      state.runs_test = false;
      if (record_.state() == LifeState::kRecovering) record_.happen(LifeEvent::kDone);
      return std::move(seen.shell);
    }
    // To leave a kernel that answers is a session's daily way, all else is a recovery.
    const LifeState now = record_.state();
    if (move.step != RecoveryStep::kReboot && move.step != RecoveryStep::kResume &&
        (now == LifeState::kVerifying || now == LifeState::kCleaning))
      record_.happen(LifeEvent::kFailed, seen.words);
    log::line(log::Level::kInfo, "a machine is brought back",
              {{"machine", config_.spec.name},
               {"step", std::string(to_string(move.step))},
               {"found", seen.words}});
    const Status taken = take(move.step, seen, stop);
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    if (taken) {
      // Who waits for a machine that may be dead listens; after a step it has its whole time.
      uint64_t heard = ears_->count();
      auto since = clock_.steady();
      const auto silent = [&]() -> std::string {
        const uint64_t now_heard = ears_->count();
        if (now_heard != std::exchange(heard, now_heard)) since = clock_.steady();
        if (clock_.steady() - since < config_.spec.limits.silence) return "";
        return "nothing was heard of it for " + human_duration(config_.spec.limits.silence);
      };
      // With nothing else to try there is nothing to be early for: its own watchdog may end a hang.
      const auto others = means();
      const bool waiting =
          move.step == RecoveryStep::kResume && (others.console || others.reset || others.power);
      seen = look(config_.spec.limits.boot,
                  waiting ? std::function<std::string()>(silent) : nullptr, stop);
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    } else {
      seen.words = taken.error().message;
    }
    record_.count(move.step, seen.sighting);
    done.push_back({move.step, seen.words});
  }
}

/// Once after each kernel. What is there before a session's first one is of an earlier one's.
void HardwareMachine::look_for_crash(State& state, Shell& shell,
                                     const std::vector<machine::StepDone>& done,
                                     std::stop_token stop) {
  if (std::exchange(state.crash_looked_for, true)) return;
  const bool told = !done.empty() && std::all_of(done.begin(), done.end(), [](const auto& each) {
    return each.step == RecoveryStep::kReboot;
  });
  crashes_.look(config_.spec.name, shell, state.runs_test, told || !state.runs_test,
                std::move(stop));
}

/// From wherever it is: a failure that nothing mends leads there on every path of the table.
Error HardwareMachine::quarantine(State& state, const std::string& why) {
  for (size_t i = 0; i < machine::life_states().size(); ++i)
    if (record_.state() != LifeState::kQuarantined) record_.happen(LifeEvent::kFailed, why);
  log::line(log::Level::kError, "a machine is in quarantine",
            {{"machine", config_.spec.name}, {"why", why}});
  return in_quarantine(state, why);
}

Error HardwareMachine::in_quarantine(State& state, const std::string& why) {
  state.last = {PowerState::kUnknown, false, false, why, "INFRA_DUT"};
  return Error(
      ErrorKind::kInfrastructure,
      fmt::format("{} does not come back to its known-good system: {}", config_.spec.name, why));
}

Status HardwareMachine::take(RecoveryStep step, Seen& seen, std::stop_token stop) {
  switch (step) {
    case RecoveryStep::kResume:
      return {};
    case RecoveryStep::kReboot:
      return seen.shell ? reboot(std::move(seen.shell), "", stop)
                        : Status(fail(ErrorKind::kInfrastructure, "nobody to tell"));
    case RecoveryStep::kCheckedBoot:
      return seen.shell ? reboot(std::move(seen.shell), kCheckNextBoot, stop)
                        : Status(fail(ErrorKind::kInfrastructure, "nobody to tell"));
    case RecoveryStep::kSysrq:
      return sysrq(stop);
    case RecoveryStep::kReset:
      return verified_->reset(stop);
    case RecoveryStep::kPowerCycle:
      return power_cycle(config_.spec.power.off_time, stop);
    case RecoveryStep::kLongPowerCycle:
      return power_cycle(config_.spec.limits.long_off, stop);
  }
  return fail(ErrorKind::kInternal, "no such step");
}

/// The command may be heard and its answer lost: one that answers no more may be on its way.
Result<bool> HardwareMachine::tell(SteadyShell& shell, const std::string& command,
                                   std::stop_token stop) {
  const auto told =
      shell.again(SteadyShell::kTries, stop, [&] { return ask(shell, command, stop); });
  if (!told && (stop.stop_requested() || !shell.broke())) return fail(Error(told.error()));
  return shell.restarted();
}

Status HardwareMachine::reboot(std::unique_ptr<SteadyShell> shell, const std::string& first,
                               std::stop_token stop) {
  const Ears::Mark before = ears_->mark();
  if (!first.empty())
    KILN_TRY(shell->again(SteadyShell::kTries, stop, [&] { return ask(*shell, first, stop); }));
  KILN_ASSIGN(const bool gone, tell(*shell, after_goodbye(kReboot), stop));
  shell.reset();
  return gone ? Status() : wait_gone(before, config_.spec.limits.down, stop);
}

/// Sync and read-only first, for the file system's sake.
Status HardwareMachine::sysrq(std::stop_token stop) {
  const Ears::Mark before = ears_->mark();
  auto writer = ears_->take_writer("recovery");
  if (!writer) return fail(std::move(writer.error()));
  for (const char letter : {'s', 'u', 'b'}) {
    KILN_TRY(writer->sysrq(letter));
    if (!pause_(kBetweenLetters, stop)) return fail(ErrorKind::kCancelled, "stopped");
  }
  return wait_gone(before, std::min(config_.spec.limits.down, kSysrqLimit), stop);
}

Status HardwareMachine::power_cycle(Millis off_time, std::stop_token stop) {
  KILN_ASSIGN(const PowerOutcome off, verified_->switch_to(false, stop));
  if (!off.contradicted_by.empty()) return fail(ErrorKind::kInfrastructure, off.why);
  if (!pause_(off_time, stop)) return fail(ErrorKind::kCancelled, "stopped");
  KILN_ASSIGN(const PowerOutcome on, verified_->switch_to(true, stop));
  if (on.is(PowerState::kOff)) return fail(ErrorKind::kInfrastructure, "it stays off: " + on.why);
  return {};
}

/// Only so that nobody talks to the old system; what answers next says itself what it is.
Status HardwareMachine::wait_gone(const Ears::Mark& before, Millis limit, std::stop_token stop) {
  const auto deadline = clock_.steady() + limit;
  const machine::ShellSpec& at = config_.spec.shell;
  for (int turn = 0;; ++turn) {
    if (ears_->heard_since(before, is_gone)) return {};
    // A console that is down says nothing; SSH's greeting ends with the system, too.
    if (!ears_->up() && turn % 10 == 0 && !os::read_greeting(at.address, at.port, 16, kOneTry))
      return {};
    if (clock_.steady() >= deadline)
      return fail(ErrorKind::kTimeout, fmt::format("it was told to reboot and did not go down"
                                                   " within {}",
                                                   human_duration(limit)));
    if (!pause_(kTick, stop)) return fail(ErrorKind::kCancelled, "stopped");
  }
}

void HardwareMachine::finish_work(std::stop_token stop) {
  const std::stop_callback ends(stop, [this] { finishing_.request_stop(); });
  log::line(log::Level::kInfo,
            "a machine is brought home: its agent ended in the middle of a session",
            {{"machine", config_.spec.name}, {"state", std::string(to_string(record_.state()))}});
  auto state = state_.lock();
  if (const auto home = come_home(*state, finishing_.get_token()); !home)
    log::line(log::Level::kWarning, "a machine was not brought home",
              {{"machine", config_.spec.name}, {"why", home.error().message}});
}

void HardwareMachine::keep(std::stop_token stop) {
  if (finishes_) finish_work(stop);
  finishes_ = false;
  while (pause_(config_.spec.limits.look_again, stop))
    if (record_.state() == LifeState::kQuarantined) look_again(stop);
}

/// One boot of the known-good system, from cold where its power can be switched.
Status HardwareMachine::boot_known_good(std::stop_token stop) {
  if (verified_) {
    KILN_TRY(power_cycle(config_.spec.power.off_time, stop));
  } else {
    Seen now = look(config_.spec.limits.answer, {}, stop);
    if (!now.shell) return fail(ErrorKind::kInfrastructure, now.words);
    KILN_TRY(reboot(std::move(now.shell), "", stop));
  }
  const Seen seen = look(config_.spec.limits.boot, {}, stop);
  if (seen.sighting == Sighting::kKnownGood) return {};
  return fail(ErrorKind::kInfrastructure, seen.words);
}

/// Whatever a person did to it: what counts is that its known-good system answers, and after each
/// of some boots, too. Only looks until then, and while somebody is logged in, who may be mending
/// it.
void HardwareMachine::look_again(std::stop_token stop) {
  auto state = state_.lock();
  if (record_.state() != LifeState::kQuarantined) return;
  const Seen seen = look(config_.spec.limits.answer, {}, stop);
  if (seen.sighting != Sighting::kKnownGood) return;
  const auto people = ask(*seen.shell, kWho, stop);
  if (!people) return;
  const bool visited = !trim(*people).empty();
  if (has_visitors_.exchange(visited) != visited && config_.changed)
    config_.changed(LifeState::kQuarantined, record_.why());  // its facts say so
  if (visited) return;
  record_.happen(LifeEvent::kMended, "its known-good system answers again");
  const auto deadline = clock_.steady() + machine::row_of(LifeState::kQualifying).limit;
  for (int boot = 1; boot <= config_.spec.limits.qualifying; ++boot) {
    const Status booted = clock_.steady() < deadline
                              ? boot_known_good(stop)
                              : fail(ErrorKind::kTimeout, "the time for all of them is over");
    if (stop.stop_requested()) return;
    if (booted) continue;
    (void)quarantine(*state, fmt::format("boot {} of {} of its known-good system: {}", boot,
                                         config_.spec.limits.qualifying, booted.error().message));
    return;
  }
  record_.happen(LifeEvent::kDone,
                 fmt::format("{} boots of its known-good system, all of them well",
                             config_.spec.limits.qualifying));
}

}  // namespace kiln::agent
