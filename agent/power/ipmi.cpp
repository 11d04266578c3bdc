/// BMCs by ipmitool: a hung BMC hangs a process with a deadline, never the agent.
#include <fmt/format.h>

#include "agent/power/driver.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{25'000};

class IpmiPower final : public PowerDriver {
 public:
  explicit IpmiPower(machine::IpmiPower power) : bmc_(std::move(power.bmc)) {}
  [[nodiscard]] std::string unit() const override {
    return fmt::format("bmc {}:{}", bmc_.address, bmc_.port);
  }
  [[nodiscard]] bool reads() const override { return true; }

  Status set(bool on, std::stop_token stop) override {
    KILN_TRY(ask({"chassis", "power", on ? "on" : "off"}, stop));
    return {};
  }
  Status cycle(std::stop_token stop) override {
    KILN_TRY(ask({"chassis", "power", "cycle"}, stop));
    return {};
  }
  [[nodiscard]] bool resets() const override { return true; }
  Status reset(std::stop_token stop) override {
    KILN_TRY(ask({"chassis", "power", "reset"}, stop));
    return {};
  }
  Result<PowerState> read(std::stop_token stop) override {
    KILN_ASSIGN(const std::string said, ask({"chassis", "power", "status"}, stop));
    const std::string_view text = trim(said);
    if (text.ends_with("Chassis Power is on")) return PowerState::kOn;
    if (text.ends_with("Chassis Power is off")) return PowerState::kOff;
    return PowerState::kUnknown;
  }

 private:
  Result<std::string> ask(const std::vector<std::string>& words, std::stop_token stop) {
    KILN_ASSIGN(IpmiAccess access, ipmi_access(bmc_));
    os::Command command;
    command.argv = std::move(access.argv);
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.env = std::move(access.env);
    command.timeout = kLimit;
    command.max_capture = 64 << 10;
    KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
    if (exit.ok()) return exit.out;
    // ipmitool tells of a wrong password and of a BMC that is not there in the same few words.
    const auto lines = split_lines(std::string_view(exit.err).substr(0, 2000));
    const std::string words_said = lines.empty() ? "no words" : to_valid_utf8(lines.front());
    return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
                fmt::format("BMC {}: {}: {}", bmc_.address, join(words, " "),
                            exit.timed_out ? "no answer in time" : words_said));
  }

  machine::Bmc bmc_;
};

}  // namespace

Result<IpmiAccess> ipmi_access(const machine::Bmc& bmc) {
  KILN_TRY(need_program("ipmitool", "ipmitool"));
  KILN_ASSIGN(const std::string password, read_secret(bmc.password));
  IpmiAccess access;
  // -N and -R bound each request; the password is in no argument: all users could read it there.
  access.argv = {"ipmitool", "-I",     "lanplus", "-H", bmc.address, "-p", std::to_string(bmc.port),
                 "-U",       bmc.user, "-E",      "-N", "2",         "-R", "3"};
  if (bmc.cipher_suite != 0) {
    access.argv.emplace_back("-C");
    access.argv.push_back(std::to_string(bmc.cipher_suite));
  }
  access.env = {{"IPMI_PASSWORD", password}, {"IPMITOOL_PASSWORD", password}};
  return access;
}

std::unique_ptr<PowerDriver> make_ipmi(machine::IpmiPower power) {
  return std::make_unique<IpmiPower>(std::move(power));
}

}  // namespace kiln::agent
