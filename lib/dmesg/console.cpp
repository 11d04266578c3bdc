#include "lib/dmesg/console.h"

#include <re2/re2.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/dmesg/line.h"
#include "lib/dmesg/start.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kDetailLines = 15;

std::optional<EventKind> from_report_kind(std::string_view kind) {
  if (kind == "panic") return EventKind::kPanic;
  if (kind == "oops") return EventKind::kOops;
  if (kind == "bug" || kind == "atomic" || kind == "kasan" || kind == "kfence" ||
      kind == "list-corruption")
    return EventKind::kBug;
  if (kind == "warning" || kind == "lockdep" || kind == "ubsan" || kind == "kcsan")
    return EventKind::kWarning;
  if (kind == "lockup" || kind == "rcu-stall") return EventKind::kLockup;
  if (kind == "hung-task") return EventKind::kHungTask;
  return std::nullopt;
}

const RE2& firmware() {
  static const RE2 pattern(
      R"(SeaBIOS \(version |^iPXE |GNU GRUB  version |Booting from (Hard Disk|ROM|DVD|Floppy))");
  return pattern;
}

const RE2& banner() {
  static const RE2 pattern(R"((^|\] )Linux version \d+\.\d+)");
  return pattern;
}

const RE2& restart() {
  static const RE2 pattern(
      R"(reboot: Restarting system|Restarting system\b|Rebooting in \d+ seconds)");
  return pattern;
}

const RE2& power_off() {
  static const RE2 pattern(
      R"(reboot: (Power down|System halted)|ACPI: PM: Preparing to enter system sleep state S5)");
  return pattern;
}

}  // namespace

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kFirmware:
      return "firmware";
    case EventKind::kKernelBanner:
      return "kernel-banner";
    case EventKind::kReady:
      return "ready";
    case EventKind::kLogin:
      return "login";
    case EventKind::kPanic:
      return "panic";
    case EventKind::kOops:
      return "oops";
    case EventKind::kBug:
      return "bug";
    case EventKind::kWarning:
      return "warning";
    case EventKind::kLockup:
      return "lockup";
    case EventKind::kHungTask:
      return "hung-task";
    case EventKind::kReboot:
      return "reboot";
    case EventKind::kPowerOff:
      return "power-off";
  }
  return "?";
}

std::vector<Event> ConsoleWatcher::feed(std::string_view bytes) {
  std::vector<Event> events;
  while (!bytes.empty()) {
    const size_t room = kMaxLineBytes - pending_.size();
    const size_t newline = bytes.substr(0, room).find('\n');
    const size_t count = newline == std::string_view::npos ? std::min(room, bytes.size()) : newline;
    pending_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (newline != std::string_view::npos) {
      bytes.remove_prefix(1);
      end_line(events);
    } else if (pending_.size() == kMaxLineBytes) {
      end_line(events);  // an endless line is looked at piece by piece
    }
  }
  match_prompt(events);
  return events;
}

void ConsoleWatcher::match_prompt(std::vector<Event>& events) {
  constexpr size_t kPromptBytes = 256;
  const std::string_view front = std::string_view(pending_).substr(0, kPromptBytes);
  if (prompt_seen_ || front.find("login: ") == std::string_view::npos) return;
  prompt_seen_ = true;
  // The line has not ended: it gets the number that it will have.
  const size_t number = line_number_ + 1;
  events.push_back(
      Event{EventKind::kLogin, to_valid_utf8(trim(parse_line(front).text)), number, std::nullopt});
}

void ConsoleWatcher::end_line(std::vector<Event>& events) {
  match_prompt(events);
  ++line_number_;
  match(events);
  pending_.clear();
  prompt_seen_ = false;
}

void ConsoleWatcher::match(std::vector<Event>& events) {
  const Line line = parse_line(pending_);
  if (trim(line.text).empty()) return;
  last_line_ = to_valid_utf8(line.text);
  const std::string& text = line.text;
  if (RE2::PartialMatch(text, banner())) {
    if (running_) add(events, EventKind::kReboot, text, line.time);
    running_ = true;
    add(events, EventKind::kKernelBanner, text, line.time);
  } else if (RE2::PartialMatch(text, firmware())) {
    if (running_) add(events, EventKind::kReboot, text, line.time);
    running_ = false;
    add(events, EventKind::kFirmware, text, line.time);
  } else if (text.find("kiln-init: ready") != std::string::npos) {
    running_ = true;
    add(events, EventKind::kReady, text, line.time);
  } else if (RE2::PartialMatch(text, restart())) {
    if (running_) add(events, EventKind::kReboot, text, line.time);
    running_ = false;
  } else if (RE2::PartialMatch(text, power_off())) {
    add(events, EventKind::kPowerOff, text, line.time);
    running_ = false;
  } else if (const auto start = find_start(text)) {
    // `Oops: 0000 [#1]` below the `BUG: ` line that tells more is the same event.
    const bool same =
        start->detail && report_line_ > 0 && line_number_ - report_line_ <= kDetailLines;
    const auto kind = from_report_kind(start->kind);
    if (kind && !same) add(events, *kind, text, line.time);
    if (kind) report_line_ = line_number_;
  }
}

void ConsoleWatcher::add(std::vector<Event>& events, EventKind kind, std::string_view text,
                         std::optional<double> time) const {
  events.push_back(Event{kind, to_valid_utf8(trim(text)), line_number_, time});
}

}  // namespace kiln::dmesg
