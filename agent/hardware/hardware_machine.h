#pragma once
/// A machine that is driven only as hardware is: power, console, boot loader, SSH. Between sessions
/// it runs its known-good system; a session's kernel is started once from there.
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "agent/hardware/ears.h"
#include "agent/hardware/machine_record.h"
#include "agent/hardware/one_shot.h"
#include "agent/hardware/pstore.h"
#include "agent/hardware/steady_shell.h"
#include "agent/hardware/watchdog.h"
#include "agent/machine/machine.h"
#include "agent/power/verified.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

/// For a Session "off" means here: the built kernel runs no more and the known-good system does.
/// Its states are those of lib/machine/life.h; a machine that does not come back is quarantined,
/// and is looked at again until it answers.
class HardwareMachine final : public Machine, private Power, private Boot, private Console {
 public:
  struct Config {
    machine::MachineSpec spec{};
    Millis watchdog = kWatchdogTime;  ///< of the hardware's own, where there is one
    Path folder{};                    ///< the machine's own, in the agent's data
    ShellConnector connector{};
    std::vector<std::string> pstore = pstore_folders();
    /// Of each change of its state.
    MachineRecord::Told changed{};
  };
  /// `hub`, `units` and `clock` outlive it. kBadInput when the file gives it no shell or boot.
  static Result<std::unique_ptr<HardwareMachine>> create(Config config, ConsoleHub& hub,
                                                         PowerUnits& units, const Clock& clock,
                                                         Pause pause = real_pause);
  ~HardwareMachine() override;

  MachineFacts facts() override;
  [[nodiscard]] bool has_known_good() const override { return true; }
  void session_at(std::string_view phase) override;
  [[nodiscard]] const MachineRecord& record() const { return record_; }
  Status begin(const Path& folder, const std::function<void(const std::string&)>& progress,
               std::stop_token stop) override;
  std::vector<KeptLog> kept_logs(bool last) override;
  void end() override;
  Power& power() override { return *this; }
  Boot& boot() override { return *this; }
  Console& console() override { return *this; }
  Result<std::unique_ptr<Shell>> connect(Millis timeout, std::stop_token stop) override;
  Result<ShellEndpoint> endpoint() override;

 private:
  struct State {
    std::stop_token stop{};  ///< of the session
    agent::BootSpec spec{};
    std::string modules{};  ///< what /lib/modules held before the session
    bool runs_test = false;
    bool crash_looked_for = false;
    bool touched = false;  ///< something of ours lies on it
    bool read_on = false;  ///< its gear said on while the built kernel was started: off is news
    /// To its known-good system, of the last look in a session.
    std::unique_ptr<SteadyShell> home{};
    Ears::Mark before{};  ///< what was heard before the built kernel was started
    PowerReport last{PowerState::kOff, false, false, "not started yet"};
  };
  /// One look at it: what answers, with its shell.
  struct Seen {
    machine::Sighting sighting = machine::Sighting::kSilent;
    std::string words{};
    std::unique_ptr<SteadyShell> shell{};
    /// What the answer to look_command(), or that there is none, says.
    void note(const Result<ShellReply>& reply);
  };
  HardwareMachine(Config config, const Clock& clock, Pause pause);
  Status build(ConsoleHub& hub, PowerUnits& units);

  Status on() override;
  Status off() override;
  PowerReport state() override;
  Status arm(const agent::BootSpec& spec) override;
  void attach(std::function<void(std::string_view)> sink) override;
  Status write(std::string_view bytes) override;

  // hardware_machine.cpp
  /// What is safe to do twice is, when its connection breaks. True: the machine is seen to be gone.
  Result<bool> start_test(State& state, SteadyShell& shell);
  /// Until the known-good system is gone for the armed kernel; one that hangs on its way down is
  /// helped along.
  Status leave(const State& state);
  /// To `ready`, by way of the known-good system, with nothing of ours left on it.
  Result<std::unique_ptr<SteadyShell>> come_home(State& state, std::stop_token stop);
  Status fetch_ready(State& state, std::stop_token stop);
  void clean(State& state, SteadyShell& shell);
  void watch(Shell& shell, std::stop_token stop);
  [[nodiscard]] Path list_file() const { return config_.folder / "modules"; }
  Result<std::string> ask(Shell& shell, const std::string& command, std::stop_token stop);

  // hardware_recovery.cpp
  /// A shell of the known-good system, by the mildest means that gets there. An error: the machine
  /// is quarantined, or the session was stopped (kCancelled).
  Result<std::unique_ptr<SteadyShell>> home(State& state, std::stop_token stop);
  void look_for_crash(State& state, Shell& shell, const std::vector<machine::StepDone>& done,
                      std::stop_token stop);
  /// What it is that answers there, asked once more.
  static Seen ask_again(std::unique_ptr<SteadyShell> shell, Millis limit, std::stop_token stop);
  Seen look(Millis limit, const std::function<std::string()>& give_up, std::stop_token stop);
  Status take(machine::RecoveryStep step, Seen& seen, std::stop_token stop);
  /// A command by which the machine goes down, once or twice. True: another boot answers.
  Result<bool> tell(SteadyShell& shell, const std::string& command, std::stop_token stop);
  Status reboot(std::unique_ptr<SteadyShell> shell, const std::string& first, std::stop_token stop);
  Status sysrq(std::stop_token stop);
  Status power_cycle(Millis off_time, std::stop_token stop);
  Status wait_gone(const Ears::Mark& before, Millis limit, std::stop_token stop);
  Error quarantine(State& state, const std::string& why);
  Error in_quarantine(State& state, const std::string& why);
  Status boot_known_good(std::stop_token stop);
  void keep(std::stop_token stop);
  void look_again(std::stop_token stop);
  /// What an agent that was killed left behind is not left to the next session.
  void finish_work(std::stop_token stop);
  [[nodiscard]] machine::RecoveryMeans means() const;
  [[nodiscard]] ShellEndpoint shell_at() const;

  // Constant after construction.
  Config config_;
  const Clock& clock_;
  Pause pause_;
  std::unique_ptr<VerifiedPower> verified_;  ///< null: nobody can switch it
  std::unique_ptr<OneShot> one_shot_;
  MachineRecord record_;
  Sync<State> state_;
  std::atomic<bool> has_visitors_ = false;  ///< in quarantine, and somebody is logged in there
  std::atomic<bool> to_watch_ = false;      ///< the built kernel was started, its watchdog was not
  CrashKeeper crashes_;                     ///< used under state_'s lock
  std::unique_ptr<Ears> ears_;
  std::atomic<bool> finishes_ = false;  ///< the keeper, what an earlier agent began
  std::stop_source finishing_;          ///< a session that begins does it itself
  std::jthread keeper_;                 ///< looks at a machine in quarantine; ends first
};

}  // namespace kiln::agent
