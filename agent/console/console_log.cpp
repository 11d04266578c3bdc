#include "agent/console/console_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace kiln::agent {
Result<std::unique_ptr<ConsoleLog>> ConsoleLog::create(
    const Clock& clock, const os::Path& file, ConsoleLimits limits,
    std::function<void(const ConsoleLine&)> observer) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int fd = ::open(file.c_str(), flags, 0644);
  if (fd < 0) return fail(os::errno_error("write", file, errno));
  const os::Path index = file.string() + ".index";
  const int index_fd = ::open(index.c_str(), flags, 0644);
  if (index_fd < 0) {
    const int error = errno;
    ::close(fd);
    return fail(os::errno_error("write", index, error));
  }
  return std::unique_ptr<ConsoleLog>(
      new ConsoleLog(clock, file, limits, std::move(observer), fd, index_fd));
}

ConsoleLog::ConsoleLog(const Clock& clock, os::Path file, ConsoleLimits limits,
                       std::function<void(const ConsoleLine&)> observer, int fd, int index_fd)
    : clock_(clock),
      file_(std::move(file)),
      limits_(limits),
      observer_(std::move(observer)),
      fd_(fd),
      index_fd_(index_fd) {
  state_.lock()->active = clock_.steady();
}

ConsoleLog::~ConsoleLog() {
  ::close(fd_);
  ::close(index_fd_);
}

void ConsoleLog::finish_line(State& state, std::vector<ConsoleLine>& finished, std::string& index) {
  while (!state.open_line.empty() && state.open_line.back() == '\r') state.open_line.pop_back();
  ConsoleLine line{++state.last, state.open_time, std::move(state.open_line)};
  state.open_line.clear();
  index += fmt::format("{} {} {}\n", line.number, state.open_offset, to_rfc3339(line.time));
  state.lines.push_back(line);
  if (state.lines.size() > limits_.max_lines_kept) state.lines.pop_front();
  finished.push_back(std::move(line));
}

void ConsoleLog::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::vector<ConsoleLine> finished;
  {
    auto state = state_.lock();
    state->active = clock_.steady();
    const WallTime now = clock_.now();
    const uint64_t room =
        limits_.max_file_bytes > state->written ? limits_.max_file_bytes - state->written : 0;
    const std::string_view kept = bytes.substr(0, room);
    // Best effort: a full disk must not stop a session; what is missing is counted.
    if (!os::write_all(fd_, kept, file_)) state->dropped += kept.size();
    state->dropped += bytes.size() - kept.size();
    std::string index;
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (state->open_line.empty()) {
        state->open_time = now;
        state->open_offset = state->written + std::min<uint64_t>(i, kept.size());
      }
      if (bytes[i] == '\n') {
        finish_line(*state, finished, index);
        continue;
      }
      state->open_line += bytes[i];
      if (state->open_line.size() >= limits_.max_line) finish_line(*state, finished, index);
    }
    state->written += kept.size();
    if (!kept.empty()) (void)os::write_all(index_fd_, index, file_);
    if (!finished.empty()) state.notify_all();
  }
  if (!observer_) return;
  for (const ConsoleLine& line : finished) observer_(line);
}

void ConsoleLog::mark(std::string_view what) {
  bool open = false;
  {
    auto state = state_.lock();
    open = !state->open_line.empty();
    (void)os::write_all(index_fd_, fmt::format("# {} {}\n", to_rfc3339(clock_.now()), what), file_);
  }
  if (open) append("\n");
}

int64_t ConsoleLog::last() const {
  return state_.lock()->last;
}

std::vector<ConsoleLine> ConsoleLog::after(int64_t number, size_t max) const {
  auto state = state_.lock();
  std::vector<ConsoleLine> out;
  const int64_t first = state->lines.empty() ? 0 : state->lines.front().number;
  const int64_t skip = std::max<int64_t>(0, number + 1 - first);
  for (size_t i = static_cast<size_t>(skip); i < state->lines.size() && out.size() < max; ++i)
    out.push_back(state->lines[i]);
  return out;
}

std::string ConsoleLog::unfinished() const {
  return state_.lock()->open_line;
}

std::chrono::steady_clock::time_point ConsoleLog::last_activity() const {
  return state_.lock()->active;
}

uint64_t ConsoleLog::dropped_bytes() const {
  return state_.lock()->dropped;
}

std::optional<ConsoleLine> ConsoleLog::wait(int64_t number,
                                            const std::function<bool(const ConsoleLine&)>& matches,
                                            Millis timeout, const std::function<bool()>& give_up,
                                            std::stop_token stop) {
  constexpr Millis kTick{100};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    // A line that came before the end of the wait counts, so look before asking anything else.
    const bool ended = stop.stop_requested() || (give_up && give_up()) ||
                       std::chrono::steady_clock::now() >= deadline;
    for (const ConsoleLine& line : after(number, limits_.max_lines_kept)) {
      if (matches(line)) return line;
      number = line.number;
    }
    if (ended) return std::nullopt;
    auto state = state_.lock();
    state.wait_until(std::min(deadline, std::chrono::steady_clock::now() + kTick),
                     [&] { return state->last > number || stop.stop_requested(); });
  }
}

}  // namespace kiln::agent
