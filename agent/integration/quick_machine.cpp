#include "agent/integration/quick_machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr const char* kScript = KILN_SOURCE_DIR "/agent/integration/quick-machine";

std::string output_of(const std::vector<std::string>& argv) {
  os::Command command;
  command.argv = argv;
  const auto out = os::run_ok(command);
  EXPECT_TRUE(out) << render(out.error());
  return out.value_or("");
}

}  // namespace

std::string QuickMachine::missing() {
  for (const char* program : {"sshd", "bwrap", "ser2net", "grub-editenv", "grub-reboot", "zstd"})
    if (os::find_program(program).empty()) return std::string(program) + " is not installed";
  if (::geteuid() != 0) return "needs root to log in as root";
  return "";
}

ExpectedIdentity QuickMachine::identity_of(const os::Path& kernel) {
  ExpectedIdentity out;
  utsname name{};
  ::uname(&name);
  out.release = name.release;
  const auto hash = os::sha256_file(kernel);
  EXPECT_TRUE(hash) << render(hash.error());
  out.kernel_build_id = hash.value_or("").substr(0, 40);
  // This computer's own kernel is what runs, whatever was booted.
  out.config_digest =
      output_of({"sh", "-c", "zcat /proc/config.gz 2>/dev/null | sha256sum"}).substr(0, 64);
  out.wants_highmem = false;
  return out;
}

QuickMachine::QuickMachine(const std::string& name) {
  const os::Path& dir = folder_.path();
  const int port = testing::free_port(SOCK_STREAM);
  const int console_port = testing::free_port(SOCK_STREAM);
  for (const char* part : {"keys", "noise"}) EXPECT_TRUE(os::make_dirs(dir / part));
  for (const char* key : {"host", "client"})
    (void)output_of(
        {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", (dir / "keys" / key).string()});
  testing::write_file(dir / "settings", fmt::format("PORT={}\n", port), 0644);
  EXPECT_EQ(::mkfifo((dir / "serial").c_str(), 0600), 0);
  pipe_ = ::open((dir / "serial").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  EXPECT_GE(pipe_, 0);
  // A line that nobody reads holds no machine up.
  ::fcntl(wire_.machine, F_SETFL, ::fcntl(wire_.machine, F_GETFL) | O_NONBLOCK);
  testing::write_file(dir / "ser2net.yaml",
                      fmt::format("%YAML 1.1\n---\nconnection: &one\n"
                                  "  accepter: telnet(rfc2217,mode=server),tcp,127.0.0.1,{}\n"
                                  "  connector: serialdev(nouucplock=true),{},9600n81,local\n",
                                  console_port, wire_.path),
                      0600);
  restart_console_server();
  spec_.name = name;
  const auto gear = [&](const char* what) {
    return std::vector<std::string>{kScript, dir.string(), what};
  };
  spec_.power.driver = machine::CommandPower{gear("on"), gear("off"), {}, {}, gear("state")};
  spec_.power.off_time = Millis(100);
  spec_.console = machine::TelnetConsole{"127.0.0.1", console_port, 0};
  spec_.boot = {"grub", "/boot/kiln", "", "root=/dev/vda1 rw console=ttyS0"};
  spec_.shell = {"127.0.0.1", port, "root", (dir / "keys/client").string(),
                 (dir / "keys/host.pub").string()};
  carrier_ = std::jthread([this](const std::stop_token& stop) { carry(stop); });
}

QuickMachine::~QuickMachine() {
  switch_off();
  carrier_ = {};
  console_server_.reset();
  if (pipe_ >= 0) ::close(pipe_);
}

void QuickMachine::switch_off() const {
  (void)output_of({kScript, folder_.path().string(), "off"});
}

void QuickMachine::noise(const std::string& name, Millis time) const {
  (void)os::write_atomic(folder_.path() / "noise" / name,
                         fmt::format("{:.3f}\n", static_cast<double>(time.count()) / 1000));
}

void QuickMachine::restart_console_server() {
  console_server_.reset();
  console_server_ = testing::serve(
      {os::find_program("ser2net"), "-n", "-c", (folder_.path() / "ser2net.yaml").string()},
      folder_.path() / "ser2net.log");
}

void QuickMachine::carry(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd wait{pipe_, POLLIN, 0};
    ::poll(&wait, 1, 20);
    std::string words;
    words.swap(*extra_.lock());
    char buffer[4096];
    if (const ssize_t n = ::read(pipe_, buffer, sizeof buffer); n > 0)
      words.append(buffer, static_cast<size_t>(n));
    if (!words.empty()) (void)!::write(wire_.machine, words.data(), words.size());
  }
}

}  // namespace kiln::agent
