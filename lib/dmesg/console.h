#pragma once
/// Watches a live console for the moments a watchdog cares about. Pure: bytes in, events out; the
/// same bytes in other portions give the same events.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dmesg {

enum class EventKind {
  kFirmware,      ///< SeaBIOS, iPXE, GRUB: the machine starts from the beginning
  kKernelBanner,  ///< `Linux version 6.1...`
  kReady,         ///< `kiln-init: ready`
  kLogin,         ///< `login:`
  kPanic,         ///< nothing will happen any more, but for a reboot
  kOops,
  kBug,
  kWarning,
  kLockup,    ///< soft or hard lockup, RCU stall
  kHungTask,  ///< `task X blocked for more than`
  kReboot,    ///< the kernel says that it restarts, or a machine that ran shows firmware or a
              ///< kernel's banner again
  kPowerOff,  ///< `Power down`, `System halted`
};

/// "kernel-banner", "panic", ...
std::string_view to_string(EventKind kind);

struct Event {
  EventKind kind = EventKind::kWarning;
  std::string line;  ///< the line without stamps and escape sequences, valid UTF-8
  size_t line_number = 0;
  std::optional<double> kernel_time;
  bool operator==(const Event&) const = default;
};

/// Not safe for concurrent use.
class ConsoleWatcher {
 public:
  /// `already_running`: the machine's kernel was up before the first byte, so that a banner means
  /// a reboot.
  explicit ConsoleWatcher(bool already_running = false) : running_(already_running) {}

  /// The events of the lines that these bytes complete. `login:` is told without a newline.
  std::vector<Event> feed(std::string_view bytes);
  /// The last line with text in it, for people: what the machine said last.
  [[nodiscard]] const std::string& last_line() const { return last_line_; }
  [[nodiscard]] size_t lines() const { return line_number_; }

 private:
  void end_line(std::vector<Event>& events);
  void match_prompt(std::vector<Event>& events);
  void match(std::vector<Event>& events);
  void add(std::vector<Event>& events, EventKind kind, std::string_view text,
           std::optional<double> time) const;

  std::string pending_;  ///< of the line that has not ended, at most kMaxLineBytes
  bool prompt_seen_ = false;
  bool running_;
  size_t line_number_ = 0;
  size_t report_line_ = 0;  ///< of the last report's event, 0 = none
  std::string last_line_;
};

}  // namespace kiln::dmesg
