/// The site's own programs: a smart plug, a relay, a robot finger.
#include <fmt/format.h>

#include "agent/power/driver.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{30'000};

class CommandPower final : public PowerDriver {
 public:
  CommandPower(machine::CommandPower power, std::string machine)
      : at_(std::move(power)), machine_(std::move(machine)) {}
  [[nodiscard]] std::string unit() const override { return "command of " + machine_; }
  [[nodiscard]] bool reads() const override { return !at_.state.empty(); }
  Status set(bool on, std::stop_token stop) override {
    KILN_TRY(run(on ? at_.on : at_.off, stop));
    return {};
  }
  Status cycle(std::stop_token stop) override {
    if (at_.cycle.empty()) return PowerDriver::cycle(stop);
    KILN_TRY(run(at_.cycle, stop));
    return {};
  }
  [[nodiscard]] bool resets() const override { return !at_.reset.empty(); }
  Status reset(std::stop_token stop) override {
    if (at_.reset.empty()) return PowerDriver::reset(stop);
    KILN_TRY(run(at_.reset, stop));
    return {};
  }
  Result<PowerState> read(std::stop_token stop) override {
    if (at_.state.empty()) return PowerState::kUnknown;
    KILN_ASSIGN(const std::string said, run(at_.state, stop));
    const std::string_view word = trim(said);
    if (word == "on") return PowerState::kOn;
    if (word == "off") return PowerState::kOff;
    return PowerState::kUnknown;
  }

 private:
  Result<std::string> run(const std::vector<std::string>& argv, std::stop_token stop) {
    os::Command command;
    command.argv = argv;
    command.env = {{"KILN_MACHINE", machine_}};
    command.timeout = kLimit;
    command.max_capture = 64 << 10;
    KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
    if (exit.ok()) return exit.out;
    const auto lines = split_lines(exit.err);
    const std::string why = exit.timed_out    ? "no end in time"
                            : exit.code != -1 ? fmt::format("exit code {}", exit.code)
                                              : fmt::format("signal {}", exit.signal);
    return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
                fmt::format("{}: {}{}", argv.front(), why,
                            lines.empty() ? "" : ": " + to_valid_utf8(lines.back())));
  }

  machine::CommandPower at_;
  std::string machine_;
};

struct Maker {
  const std::string& name;
  std::unique_ptr<PowerDriver> operator()(const machine::NoPower&) const { return nullptr; }
  std::unique_ptr<PowerDriver> operator()(const machine::IpmiPower& p) const {
    return make_ipmi(p);
  }
  std::unique_ptr<PowerDriver> operator()(const machine::RedfishPower& p) const {
    return make_redfish(p);
  }
  std::unique_ptr<PowerDriver> operator()(const machine::SnmpPower& p) const {
    return make_snmp(p);
  }
  std::unique_ptr<PowerDriver> operator()(const machine::PdudaemonPower& p) const {
    return make_pdudaemon(p);
  }
  std::unique_ptr<PowerDriver> operator()(const machine::CommandPower& p) const {
    return make_command(p, name);
  }
};

}  // namespace

std::unique_ptr<PowerDriver> make_command(machine::CommandPower power, const std::string& machine) {
  return std::make_unique<CommandPower>(std::move(power), machine);
}

std::unique_ptr<PowerDriver> make_power(const machine::MachineSpec& machine) {
  return std::visit(Maker{machine.name}, machine.power.driver);
}

}  // namespace kiln::agent
