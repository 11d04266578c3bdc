/// Outlet strips by SNMP, with net-snmp's programs. What a number means comes from a table of the
/// model; a number that is in none of its lists is kUnknown.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/power/driver.h"
#include "lib/base/text.h"
#include "lib/machine/outlets.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{20'000};

/// Inside "..." in net-snmp's configuration.
std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

class SnmpPower final : public PowerDriver {
 public:
  explicit SnmpPower(machine::SnmpPower power) : at_(std::move(power)) {}
  [[nodiscard]] std::string unit() const override {
    return fmt::format("pdu {}:{}", at_.address, at_.port);
  }
  [[nodiscard]] bool reads() const override { return true; }

  Status set(bool on, std::stop_token stop) override {
    const auto& table = at_.table;
    const std::string oid = machine::fill_oid(on ? table.on_oid : table.off_oid, at_);
    KILN_TRY(ask("snmpset", {oid, "i", std::to_string(on ? table.on : table.off)}, stop));
    return {};
  }

  Result<PowerState> read(std::stop_token stop) override {
    KILN_ASSIGN(const std::string said,
                ask("snmpget", {machine::fill_oid(at_.table.state_oid, at_)}, stop));
    const std::string_view text = trim(said);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("PDU {}: no state of outlet {}: {}", at_.address, at_.outlet,
                              to_valid_utf8(text.substr(0, 200))));
    const auto among = [value](const std::vector<int>& values) {
      return std::find(values.begin(), values.end(), value) != values.end();
    };
    if (among(at_.table.state_on)) return PowerState::kOn;
    if (among(at_.table.state_off)) return PowerState::kOff;
    return PowerState::kUnknown;
  }

 private:
  /// The secrets stand in a file that only we may read: arguments are seen by all.
  Status write_access(const os::Path& folder) {
    std::string text;
    if (at_.version == "v3") {
      KILN_ASSIGN(const std::string auth, read_secret(at_.auth_password));
      text = fmt::format(
          "defVersion 3\ndefSecurityName {}\ndefAuthType SHA\ndefAuthPassphrase {}\n"
          "defSecurityLevel {}\n",
          in_quotes(at_.user), in_quotes(auth),
          at_.privacy_password.given() ? "authPriv" : "authNoPriv");
      if (at_.privacy_password.given()) {
        KILN_ASSIGN(const std::string privacy, read_secret(at_.privacy_password));
        text += fmt::format("defPrivType AES\ndefPrivPassphrase {}\n", in_quotes(privacy));
      }
    } else {
      std::string community = "private";  // as these strips leave the factory
      if (at_.community.given()) {
        KILN_ASSIGN(community, read_secret(at_.community));
      }
      text = fmt::format("defVersion {}\ndefCommunity {}\n", at_.version.substr(1),
                         in_quotes(community));
    }
    return os::write_atomic(folder / "snmp.conf", text, 0600);
  }

  Result<std::string> ask(const std::string& program, const std::vector<std::string>& words,
                          std::stop_token stop) {
    KILN_TRY(need_program(program, "snmp"));
    KILN_ASSIGN(const os::TempFolder folder,
                os::TempFolder::make(std::filesystem::temp_directory_path(), "kiln-snmp-"));
    KILN_TRY(write_access(folder.path()));
    os::Command command;
    // No MIB files: OIDs are numbers here, and so are the answers.
    command.argv = {program, "-m", "", "-M", "", "-t", "2", "-r", "3", "-Oqve"};
    command.argv.push_back(fmt::format(
        "udp{}:{}:{}", at_.address.find(':') != std::string::npos ? "6" : "",
        at_.address.find(':') != std::string::npos ? "[" + at_.address + "]" : at_.address,
        at_.port));
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.env = {{"SNMPCONFPATH", folder.path().string()},
                   {"SNMP_PERSISTENT_DIR", folder.path().string()}};
    command.timeout = kLimit;
    command.max_capture = 16 << 10;
    KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
    if (exit.ok()) return exit.out;
    auto lines = split_lines(to_valid_utf8(trim(exit.err.substr(0, 600))));
    // Of its folder for certificates, which has nothing to do with it.
    std::erase_if(lines, [](const std::string& line) {
      return line.empty() || line.starts_with("Created directory");
    });
    return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
                fmt::format("PDU {}: {}", at_.address,
                            exit.timed_out ? "no answer in time" : join(lines, "; ")));
  }

  machine::SnmpPower at_;
};

}  // namespace

std::unique_ptr<PowerDriver> make_snmp(machine::SnmpPower power) {
  return std::make_unique<SnmpPower>(std::move(power));
}

}  // namespace kiln::agent
