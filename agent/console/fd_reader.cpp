#include "agent/console/fd_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

void signal_event(int fd) {
  const uint64_t one = 1;
  (void)!::write(fd, &one, sizeof one);
}

}  // namespace

FdReader::FdReader(int fd, std::function<void(std::string_view)> sink)
    : fd_(fd),
      stop_fd_(::eventfd(0, EFD_CLOEXEC)),
      end_fd_(::eventfd(0, EFD_CLOEXEC)),
      sink_(std::move(sink)),
      thread_([this] { loop(); }) {}

FdReader::~FdReader() {
  signal_event(stop_fd_);
  thread_.join();
  ::close(fd_);
  ::close(stop_fd_);
  ::close(end_fd_);
}

bool FdReader::wait_end(int milliseconds) {
  pollfd wait{end_fd_, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

Status FdReader::write(std::string_view bytes, Millis timeout) {
  const std::lock_guard lock(write_mutex_);
  return os::write_within(fd_, bytes, timeout);
}

void FdReader::loop() {
  std::array<char, 16384> buffer{};
  for (;;) {
    std::array<pollfd, 2> waits{{{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (waits[0].revents != 0) {
      const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) break;
      sink_(std::string_view(buffer.data(), static_cast<size_t>(n)));
      continue;
    }
    if (waits[1].revents != 0) break;
  }
  signal_event(end_fd_);
}

}  // namespace kiln::agent
