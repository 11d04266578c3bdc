#pragma once
/// Any machine, with its console open to people beside the session that has it.
#include <memory>

#include "agent/console/taps.h"
#include "agent/machine/machine.h"

namespace kiln::agent {

class TappedMachine final : public Machine, private Console {
 public:
  explicit TappedMachine(std::unique_ptr<Machine> machine);
  ~TappedMachine() override;

  /// Safe for concurrent use, as are endpoint() and connect() then.
  [[nodiscard]] ConsoleTaps& taps() { return taps_; }

  MachineFacts facts() override { return machine_->facts(); }
  [[nodiscard]] bool has_known_good() const override { return machine_->has_known_good(); }
  void session_at(std::string_view phase) override { machine_->session_at(phase); }
  Status begin(const Path& folder, const std::function<void(const std::string&)>& progress,
               std::stop_token stop) override {
    return machine_->begin(folder, progress, std::move(stop));
  }
  std::vector<KeptLog> kept_logs(bool last) override { return machine_->kept_logs(last); }
  void end() override { machine_->end(); }
  Power& power() override { return machine_->power(); }
  Boot& boot() override { return machine_->boot(); }
  Console& console() override { return *this; }
  Result<std::unique_ptr<Shell>> connect(Millis timeout, std::stop_token stop) override {
    return machine_->connect(timeout, std::move(stop));
  }
  Result<ShellEndpoint> endpoint() override { return machine_->endpoint(); }

 private:
  void attach(std::function<void(std::string_view)> sink) override;
  Status write(std::string_view bytes) override { return machine_->console().write(bytes); }

  ConsoleTaps taps_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace kiln::agent
