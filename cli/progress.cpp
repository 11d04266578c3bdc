#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::cli {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kHeartbeat = std::chrono::seconds(60);
constexpr size_t kMaxRows = 7;

std::string seconds_text(double seconds) {
  return human_duration(Millis(static_cast<long long>(seconds * 1000)));
}

double since(SteadyTime then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

/// Kernel and test text may hold control bytes: none reaches the terminal.
std::string printable(std::string_view text, size_t width) {
  std::string clean;
  for (const char c : to_valid_utf8(text)) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) clean += c;
  }
  if (clean.size() > width) {
    size_t cut = width;
    while (cut > 0 && (static_cast<unsigned char>(clean[cut]) & 0xC0U) == 0x80U) --cut;
    clean.resize(cut);
  }
  return clean;
}

void write_err(const std::string& text) {
  std::cerr << text << std::flush;
}

}  // namespace

void Progress::event(const v1::RunEvent& event) {
  if (event.kind() == "console") {
    last_console_ = printable(event.text(), 400);
    return;
  }
  if (event.total() > 0 && event.kind() == "phase") {
    done_ = event.done();
    total_ = event.total();
  }
  if (event.kind() == "phase" && !event.text().empty()) phase_ = printable(event.text(), 200);
  if (event.elapsed_seconds() > 0) {
    elapsed_ = event.elapsed_seconds();
    elapsed_at_ = std::chrono::steady_clock::now();
    remaining_ = event.remaining_seconds();
  }
  if (!event.cell().empty()) {
    const std::string name = event.session_id() > 0
                                 ? fmt::format("s{} {}", event.session_id(), event.cell())
                                 : event.cell();
    if (event.state() == "done" || event.state() == "failed" || event.state() == "cached") {
      rows_.erase(name);
    } else {
      Row& row = rows_[name];
      if (row.state != event.state()) row.since = std::chrono::steady_clock::now();
      row.state = event.state();
      row.text = printable(event.text(), 120);
      row.done = event.done();
      row.total = event.total();
    }
  }
  // Fine-grained steps only move the live rows; what a log reader needs becomes a line.
  const bool fine = event.kind() == "test" || event.kind() == "step";
  if (!fine && event.kind() != "phase") plain(event, printable(event.text(), 500));
  draw();
}

void Progress::plain(const v1::RunEvent& event, const std::string& text) {
  if (mode_ == ProgressMode::kNone || text.empty()) return;
  const std::string who = event.cell().empty() ? "" : event.cell() + "  ";
  const auto time = static_cast<std::time_t>(event.time().seconds());
  std::tm local{};
  localtime_r(&time, &local);
  const std::string line = fmt::format("{:02}:{:02}:{:02} [{}/{}] {}{}", local.tm_hour,
                                       local.tm_min, local.tm_sec, done_, total_, who, text);
  erase();
  write_err(line + "\n");
  last_line_ = std::chrono::steady_clock::now();
}

void Progress::say(const std::string& line) {
  erase();
  write_err(line + "\n");
  last_line_ = std::chrono::steady_clock::now();
}

std::string Progress::headline() const {
  constexpr int kWidth = 24;
  const double now = elapsed_ + (elapsed_ > 0 ? since(elapsed_at_) : 0);
  double share = total_ > 0 ? static_cast<double>(done_) / total_ : 0;
  if (remaining_ >= 0 && now + remaining_ > 0) share = std::max(share, now / (now + remaining_));
  share = std::min(share, 1.0);
  const int full = static_cast<int>(share * kWidth);
  std::string text =
      fmt::format("[{}{}{}]", std::string(static_cast<size_t>(full), '='), full < kWidth ? ">" : "",
                  std::string(static_cast<size_t>(full < kWidth ? kWidth - full - 1 : 0), ' '));
  if (elapsed_ > 0) text += " " + seconds_text(now);
  if (remaining_ >= 0)
    text +=
        fmt::format(", about {} left", seconds_text(std::max(0.0, remaining_ - (now - elapsed_))));
  if (total_ > 0) text += fmt::format("  {}/{} steps", done_, total_);
  return text + "  " + phase_;
}

std::string Progress::row_text(const std::string& name, const Row& row) const {
  std::string text = fmt::format("  {:<34} {:<12}", name, row.state);
  if (row.total > 0) text += fmt::format(" {}/{}", row.done, row.total);
  text += fmt::format("  {}  {}", seconds_text(since(row.since)), row.text);
  return text;
}

void Progress::draw() {
  if (!terminal_.live || mode_ == ProgressMode::kNone) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_draw_ < kRedraw && drawn_lines_ > 0) return;
  last_draw_ = now;
  std::string block;
  if (drawn_lines_ > 0) block += fmt::format("\r\x1b[{}A\x1b[J", drawn_lines_);
  const auto width = static_cast<size_t>(terminal_.columns - 1);
  block += printable(headline(), width) + "\n";
  int lines = 1;
  for (const auto& [name, row] : rows_) {
    if (lines > static_cast<int>(kMaxRows)) break;
    block += printable(row_text(name, row), width) + "\n";
    ++lines;
  }
  drawn_lines_ = lines;
  write_err(block);
}

void Progress::erase() {
  if (drawn_lines_ == 0) return;
  write_err(fmt::format("\r\x1b[{}A\x1b[J", drawn_lines_));  // \r: a typed ^C moved the cursor
  drawn_lines_ = 0;
}

void Progress::tick() {
  if (mode_ == ProgressMode::kNone) return;
  if (terminal_.live) {
    draw();
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - last_line_ < kHeartbeat) return;
  last_line_ = now;
  std::string running;
  for (const auto& [name, row] : rows_) {
    running += (running.empty() ? "" : "; ") + fmt::format("{} {}", name, row.state);
    if (row.total > 0) running += fmt::format(" {}/{}", row.done, row.total);
  }
  write_err(fmt::format("... {}  {}\n", headline(), running));
}

void Progress::finish() {
  erase();
}

}  // namespace kiln::cli
