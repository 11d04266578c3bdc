#pragma once
/// The machine as a session sees it: powered, watched, logged in to, identified.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/console/console_log.h"
#include "agent/machine/machine.h"
#include "agent/test/order.h"
#include "lib/base/sync.h"
#include "lib/dmesg/console.h"

namespace kiln::agent {

/// Why a machine can not go on by itself.
struct Trouble {
  enum class Kind {
    kCrash,    ///< its kernel panicked or restarted: a fact about the kernel
    kHang,     ///< it does nothing any more: likewise
    kMachine,  ///< what runs the machine failed: never the kernel's fault
  };
  Kind kind = Kind::kCrash;
  std::string what;                         ///< "Kernel panic - not syncing: Fatal exception"
  bool try_again = false;                   ///< kMachine: another power on may well succeed
  std::string error_class = "INFRA_POWER";  ///< of kMachine
};

/// Owns the console's log and the connection of one session. The machine is off again when the
/// object goes. Driven by the session's thread; the console is watched on the driver's.
class Dut {
 public:
  struct Config {
    Path folder{};  ///< of the session
    std::string nonce{};
    std::string console_name = "console";
    Millis silence{45'000};       ///< neither console nor command says a word, no answer: hung
    Millis boot_silence{45'000};  ///< the same while it boots: firmware may be silent for minutes
  };
  /// `machine` and `clock` outlive the object.
  static Result<std::unique_ptr<Dut>> create(Config config, Machine& machine, const Clock& clock,
                                             ProgressSink progress);
  ~Dut();

  Status begin(std::stop_token stop);
  Status arm(const BootSpec& spec);
  /// Power on and wait until a command could run, within `limit`. An Error of kind kTimeout or a
  /// trouble() of kind kCrash or kHang: this kernel does not come up. kInfrastructure: the machine.
  Status boot(Millis limit, std::stop_token stop);
  /// An error: the machine does not come back to where a session may begin.
  Status power_off();
  /// Runs a command, over a new connection when the last one broke and the machine looks well.
  Result<ShellReply> run(const ShellRequest& request, std::stop_token stop);
  /// For a command that may run twice, or sees to it that it does not (once_script()): again when
  /// the connection breaks, a few times.
  Result<ShellReply> run_again(const ShellRequest& request, std::stop_token stop);
  /// What console and power say against the machine since the last boot().
  std::optional<Trouble> trouble();
  /// The present boot's; a new connection is then only to it. Until the next boot().
  void know_boot(std::string boot_id) { boot_id_ = std::move(boot_id); }
  /// For once_script(): what is done so is done once in this boot of this session.
  [[nodiscard]] std::string token(const std::string& what) const;
  /// Notes a hang that the caller found.
  void declare(Trouble trouble);
  /// Asks for a sign of life: a command's answer, not a connection.
  bool answers(std::stop_token stop);
  /// Waits up to 2 s for what a dying kernel still says.
  void hear_last_words(std::stop_token stop);

  [[nodiscard]] ConsoleLog& console() { return *console_; }
  /// The console's line number at the last power-on.
  [[nodiscard]] int64_t boot_line() const { return boot_line_; }
  [[nodiscard]] int boots() const { return boots_; }
  /// Whether the present boot has shown a kernel's banner, and the ready line.
  [[nodiscard]] bool saw_kernel() { return watch_.lock()->kernel; }
  [[nodiscard]] bool saw_ready() { return watch_.lock()->ready; }
  /// The console said that a processor or task is stuck: a reason to look sooner.
  [[nodiscard]] bool suspicious() { return watch_.lock()->suspicious; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] Machine& machine() { return machine_; }
  void tell(SessionProgress progress) const;

 private:
  struct Watch {
    dmesg::ConsoleWatcher watcher{false};
    bool kernel = false;
    bool ready = false;
    bool dead = false;  ///< a panic or reboot was seen
    bool suspicious = false;
    std::string first_words;  ///< of an oops, bug or panic, the first
    std::string last_words;   ///< what ended it
  };
  Dut(Config config, Machine& machine, ProgressSink progress);
  void observe(const ConsoleLine& line);
  /// How a machine that did not come up was last seen, for people.
  [[nodiscard]] std::string stuck_words() const;
  /// A new connection, to the boot that is known. Another one that answers is trouble.
  Status reconnect(std::stop_token stop);
  Status wait_ready(Millis limit, std::chrono::steady_clock::time_point deadline,
                    std::stop_token stop);

  Config config_;
  Machine& machine_;
  ProgressSink progress_;
  Sync<Watch> watch_;
  std::unique_ptr<ConsoleLog> console_;
  std::unique_ptr<Shell> shell_;
  std::optional<Trouble> declared_;
  int64_t boot_line_ = 0;
  int boots_ = 0;
  std::string boot_id_;  ///< "": not known yet
};

}  // namespace kiln::agent
