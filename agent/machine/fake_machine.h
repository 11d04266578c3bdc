#pragma once
/// A machine without hardware, for tests: what it says and answers is told by the test.
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agent/machine/machine.h"

namespace kiln::agent {

/// Power and console do what the test's functions say; all calls are logged. `on_boot` and
/// `answer` are called on the session's thread and may use say(), crash() and fail_power().
class FakeMachine final : public Machine, private Power, private Boot, private Console {
 public:
  /// Called at each power-on with its number, from 1.
  std::function<void(int boot)> on_boot{};
  /// Answers commands.
  std::function<Result<ShellReply>(const ShellRequest&, std::stop_token)> answer{};
  /// What power on gives.
  Status power_status{};
  /// What power off gives, once a boot has been.
  Status off_status{};
  /// A machine with a system of its own, to which off leads.
  bool known_good = false;
  /// What begin gives.
  Status begin_status{};
  /// What connect gives when it is an error.
  Status connect_status{};
  /// What it kept beside its console.
  std::function<std::vector<KeptLog>(bool last)> kept{};
  /// Where its SSH is said to be.
  ShellEndpoint ssh{};
  /// What was written to its console.
  [[nodiscard]] std::string typed() {
    const std::lock_guard lock(mutex_);
    return typed_;
  }

  void say(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (sink_) sink_(text);
  }
  /// The kernel panics and the machine resets itself.
  void crash(std::string_view console_text) {
    say(console_text);
    report_ = {PowerState::kOff, true, false, "the machine reset itself (guest-reset)"};
  }
  /// All connections break.
  void cut() { ++cuts_; }
  /// What runs the machine dies.
  void fail_power(std::string why, bool try_again = false) {
    report_ = {PowerState::kUnknown, false, try_again, std::move(why)};
  }

  [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
  [[nodiscard]] int boots() const { return boots_; }
  [[nodiscard]] bool is_on() const { return report_.state == PowerState::kOn; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const BootSpec& spec() const { return spec_; }

  MachineFacts facts() override { return {"fake-1", {"fake"}, {{"accel", "none"}}, true, ""}; }
  Status begin(const Path&, const std::function<void(const std::string&)>&,
               std::stop_token) override {
    ended_ = false;
    return begin_status;
  }
  void end() override {
    report_ = {PowerState::kOff, false, false, "switched off"};
    ended_ = true;
  }
  [[nodiscard]] bool has_known_good() const override { return known_good; }
  std::vector<KeptLog> kept_logs(bool last) override {
    return kept ? kept(last) : std::vector<KeptLog>();
  }
  Power& power() override { return *this; }
  Boot& boot() override { return *this; }
  Console& console() override { return *this; }
  Result<ShellEndpoint> endpoint() override {
    if (!is_on()) return fail(ErrorKind::kInfrastructure, report_.why);
    return ssh;
  }
  Result<std::unique_ptr<Shell>> connect(Millis, std::stop_token) override {
    if (!connect_status) return fail(connect_status.error());
    if (!is_on()) return fail(ErrorKind::kInfrastructure, report_.why);
    return std::make_unique<FakeShell>(*this);
  }

 private:
  class FakeShell final : public Shell {
   public:
    explicit FakeShell(FakeMachine& machine) : machine_(machine), cuts_(machine.cuts_) {}
    Result<ShellReply> run(const ShellRequest& request, std::stop_token stop) override {
      machine_.log_.push_back(request.command);
      return machine_.answer(request, stop);
    }
    [[nodiscard]] bool alive() const override {
      return machine_.is_on() && cuts_ == machine_.cuts_;
    }

   private:
    FakeMachine& machine_;
    int cuts_;
  };

  Status on() override {
    if (!power_status) return power_status;
    report_ = {PowerState::kOn, false, false, ""};
    ++boots_;
    if (on_boot) on_boot(boots_);
    return {};
  }
  Status off() override {
    if (boots_ > 0 && !off_status) return off_status;
    if (is_on()) report_ = {PowerState::kOff, false, false, "switched off"};
    return {};
  }
  PowerReport state() override { return report_; }
  Status arm(const BootSpec& spec) override {
    spec_ = spec;
    return {};
  }
  void attach(std::function<void(std::string_view)> sink) override {
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
  }

  Status write(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    typed_.append(bytes);
    return {};
  }

  std::mutex mutex_;
  std::string typed_;
  std::function<void(std::string_view)> sink_;
  PowerReport report_{PowerState::kOff, false, false, "never switched on"};
  std::vector<std::string> log_;
  BootSpec spec_;
  int boots_ = 0;
  int cuts_ = 0;
  bool ended_ = true;
};

}  // namespace kiln::agent
