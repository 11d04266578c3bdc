#include "agent/machine/unix_listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kiln::agent {

Result<UnixListener> UnixListener::create(const os::Path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.size() >= sizeof address.sun_path)
    return fail(ErrorKind::kInternal, fmt::format("path too long for a socket: {}", name));
  std::memcpy(address.sun_path, name.data(), name.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(os::errno_error("make the socket", path, errno));
  UnixListener listener(fd, path);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 1) != 0)
    return fail(os::errno_error("listen at", path, errno));
  return listener;
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

UnixListener::~UnixListener() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}

Result<int> UnixListener::accept(Millis timeout, const std::function<bool()>& gone) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, 50) > 0) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) return fd;
    }
    if (gone && gone())
      return fail(ErrorKind::kInfrastructure, fmt::format("nobody came to {}", path_.string()));
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorKind::kTimeout, fmt::format("nobody came to {} within {}", path_.string(),
                                                   human_duration(timeout)));
  }
}

Result<int> free_tcp_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool ok = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!ok)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("no free port on the loopback: {}", strerror(error)));
  return ntohs(address.sin_port);
}

}  // namespace kiln::agent
