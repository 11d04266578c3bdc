#include "agent/serial/hub.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/serial/hub_state.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

constexpr size_t kChunk = 64 << 10;

using Steady = std::chrono::steady_clock;

Millis until(Steady::time_point due) {
  return std::max(Millis(0), std::chrono::ceil<Millis>(due - Steady::now()));
}

}  // namespace

ConsoleHub::ConsoleHub(HubTimes times)
    : times_(times),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reader_([this] { read_loop(); }),
      opener_([this] { open_loop(); }) {}

ConsoleHub::~ConsoleHub() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  wake();
  opener_.join();
  reader_.join();
  for (const auto& line : lines_) line->port->close();
  ::close(wake_fd_);
}

void ConsoleHub::wake() {
  const uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

std::unique_ptr<HubLine> ConsoleHub::add(std::unique_ptr<SerialPort> port, LineEvents events) {
  auto line = std::make_shared<State>();
  line->hub = this;
  line->port = std::move(port);
  line->events = std::move(events);
  line->retry = times_.first_retry;
  line->due = Steady::now();
  {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  wake();
  return std::unique_ptr<HubLine>(new HubLine(*this, std::move(line)));
}

/// Returns when neither thread has the line any more.
void ConsoleHub::remove(const std::shared_ptr<State>& line) {
  {
    const std::lock_guard lock(line->mutex);
    line->remove = true;
  }
  wake();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return std::count(lines_.begin(), lines_.end(), line) == 0; });
}

void ConsoleHub::open_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !to_open_.empty(); });
    if (ending_) return;
    const std::shared_ptr<State> line = to_open_.front();
    to_open_.pop_front();
    lock.unlock();
    open_line(*line);
    wake();
    lock.lock();
  }
}

/// Ends what was open, which may take a program's time to end, and opens anew.
void ConsoleHub::open_line(State& line) {
  line.port->close();
  {
    const std::lock_guard state(line.mutex);
    if (line.remove) {
      line.at = State::At::kGone;
      return;
    }
  }
  const auto fd = line.port->open();
  {
    const std::lock_guard state(line.mutex);
    if (fd) {
      line.fd = *fd;
      line.at = State::At::kConnecting;
      line.due = Steady::now() + times_.connect;
    } else {
      line.trouble = fd.error().message;
      line.at = State::At::kWaiting;
      line.due = Steady::now() + line.retry;
      line.retry = std::min(line.retry * 2, times_.longest_retry);
    }
  }
  if (!fd && line.events.changed) line.events.changed(false, fd.error().message);
}

int ConsoleHub::wait_time(const std::vector<std::shared_ptr<State>>& lines) const {
  Millis wait{60'000};
  for (const auto& line : lines) {
    const std::lock_guard lock(line->mutex);
    if (line->at == State::At::kWaiting || line->at == State::At::kConnecting)
      wait = std::min(wait, until(line->due));
    if (line->at == State::At::kUp && line->heard)
      wait = std::min(wait, until(line->last_byte + times_.quiet));
  }
  return static_cast<int>(wait.count());
}

void ConsoleHub::read_loop() {
  std::string buffer(kChunk, '\0');
  std::vector<pollfd> waits;
  for (;;) {
    std::vector<std::shared_ptr<State>> lines;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) break;
      lines = lines_;
    }
    waits.assign(1, {wake_fd_, POLLIN, 0});
    for (const auto& line : lines) {
      const std::lock_guard lock(line->mutex);
      pollfd wait{-1, 0, 0};
      if (line->at == State::At::kUp)
        wait = {line->fd, static_cast<short>(POLLIN | (line->outgoing.empty() ? 0 : POLLOUT)), 0};
      if (line->at == State::At::kConnecting) wait = {line->fd, POLLOUT, 0};
      waits.push_back(wait);
    }
    if (::poll(waits.data(), waits.size(), wait_time(lines)) < 0 && errno != EINTR) break;
    uint64_t ignored = 0;
    (void)!::read(wake_fd_, &ignored, sizeof ignored);
    for (size_t i = 0; i < lines.size(); ++i) {
      look_at(*lines[i], waits[i + 1].revents, buffer);
      look_at_clock(*lines[i]);
    }
    const std::lock_guard lock(mutex_);
    const auto gone = [](const std::shared_ptr<State>& line) {
      const std::lock_guard state(line->mutex);
      return line->at == State::At::kGone;
    };
    if (std::erase_if(lines_, gone) != 0) changed_.notify_all();
    for (const auto& line : lines_) {
      const std::lock_guard state(line->mutex);
      const bool due = line->remove || Steady::now() >= line->due;
      if (line->at != State::At::kWaiting || !due) continue;
      line->at = State::At::kOpening;
      to_open_.push_back(line);
      changed_.notify_all();
    }
  }
}

void ConsoleHub::look_at(State& line, short events, std::string& buffer) {
  if (events == 0) return;
  State::At at;
  {
    const std::lock_guard lock(line.mutex);
    at = line.at;
  }
  if (at == State::At::kConnecting) {
    const int error = line.port->connects() ? os::connect_error(line.fd) : 0;
    if (error != 0) return broke(line, line.port->name() + ": " + std::strerror(error));
    return came_up(line);
  }
  if (at != State::At::kUp) return;
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) read_from(line, buffer);
  if ((events & POLLOUT) != 0) write_to(line);
}

void ConsoleHub::look_at_clock(State& line) {
  const auto now = Steady::now();
  bool late = false;
  bool quiet = false;
  {
    const std::lock_guard lock(line.mutex);
    const bool mine = line.at == State::At::kUp || line.at == State::At::kConnecting;
    if (line.remove && mine) {
      line.at = State::At::kWaiting;  // for the opener, which ends it
      return;
    }
    late = line.at == State::At::kConnecting && now >= line.due;
    quiet = line.at == State::At::kUp && line.heard && now >= line.last_byte + times_.quiet;
  }
  if (late) broke(line, line.port->name() + ": no connection in time");
  if (!quiet) return;
  line.heard = false;
  if (line.events.quiet) line.events.quiet();
}

void ConsoleHub::came_up(State& line) {
  line.up_since = line.last_byte = Steady::now();
  line.heard = false;
  {
    const std::lock_guard lock(line.mutex);
    line.at = State::At::kUp;
    line.trouble.clear();
    line.outgoing = line.port->greeting();
  }
  if (line.events.changed) line.events.changed(true, "");
}

void ConsoleHub::broke(State& line, const std::string& why) {
  {
    // The opener closes it on its next way: ending a program takes its time.
    const std::lock_guard lock(line.mutex);
    const bool was_steady =
        line.at == State::At::kUp && Steady::now() - line.up_since >= times_.steady;
    if (was_steady) line.retry = times_.first_retry;
    line.at = State::At::kWaiting;
    line.due = Steady::now() + line.retry;
    line.retry = std::min(line.retry * 2, times_.longest_retry);
    line.trouble = why;
    line.outgoing.clear();
  }
  if (line.events.changed) line.events.changed(false, why);
}

void ConsoleHub::read_from(State& line, std::string& buffer) {
  const ssize_t n = ::read(line.fd, buffer.data(), buffer.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n == 0 && line.port->datagrams()) return;
  // A terminal whose program has ended says EIO.
  if (n <= 0)
    return broke(line,
                 line.port->name() + ": " +
                     (n == 0 || errno == EIO ? "closed by the other side" : std::strerror(errno)));
  std::string text;
  std::string reply;
  {
    const std::lock_guard lock(line.mutex);  // a writer translates meanwhile
    line.port->received(std::string_view(buffer.data(), static_cast<size_t>(n)), text, reply);
    line.outgoing += reply;
  }
  if (text.empty()) return;
  line.count += text.size();
  line.last_byte = Steady::now();
  line.heard = true;
  if (line.events.bytes) line.events.bytes(text);
}

void ConsoleHub::write_to(State& line) {
  std::string why;
  {
    const std::lock_guard lock(line.mutex);
    const ssize_t n = ::write(line.fd, line.outgoing.data(), line.outgoing.size());
    if (n > 0) line.outgoing.erase(0, static_cast<size_t>(n));
    if (n >= 0 || errno == EAGAIN || errno == EINTR) return;
    why = line.port->name() + ": " + std::strerror(errno);
  }
  broke(line, why);
}

}  // namespace kiln::agent
