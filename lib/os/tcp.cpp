#include "lib/os/tcp.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace kiln::os {
namespace {

using Steady = std::chrono::steady_clock;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Error trouble(const std::string& host, int port, const std::string& what) {
  return Error(ErrorKind::kInfrastructure, fmt::format("{} port {}: {}", host, port, what));
}

bool wait_for(int fd, short events, Steady::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - Steady::now()).count();
    pollfd wait{fd, events, 0};
    const int n = ::poll(&wait, 1, left > 0 ? static_cast<int>(left) : 0);
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

struct Closer {
  int fd;
  ~Closer() { ::close(fd); }
};

}  // namespace

void keep_alive(int fd) {
  const auto set = [fd](int level, int name, int value) {
    (void)::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 20);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

Result<int> start_connect(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int rc = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  if (rc != 0) return fail(trouble(host, port, ::gai_strerror(rc)));
  const addrinfo& to = *addresses;
  const int fd = ::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(trouble(host, port, std::strerror(errno)));
  keep_alive(fd);
  if (::connect(fd, to.ai_addr, to.ai_addrlen) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return fail(trouble(host, port, std::strerror(error)));
  }
  return fd;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

Result<int> connect_within(const std::string& host, int port, Millis timeout) {
  const auto deadline = Steady::now() + timeout;
  KILN_ASSIGN(const int fd, start_connect(host, port));
  const bool stands = wait_for(fd, POLLOUT, deadline);
  const int error = stands ? connect_error(fd) : 0;
  if (stands && error == 0) return fd;
  ::close(fd);
  if (!stands)
    return fail(ErrorKind::kTimeout, fmt::format("{} port {}: does not answer", host, port));
  return fail(trouble(host, port, std::strerror(error)));
}

Status write_within(int fd, std::string_view bytes, Millis timeout) {
  const auto deadline = Steady::now() + timeout;
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline))
        return fail(ErrorKind::kTimeout, fmt::format("{} bytes were not taken", bytes.size()));
    } else if (errno != EINTR) {
      return fail(ErrorKind::kInfrastructure, std::strerror(errno));
    }
  }
  return {};
}

Result<std::string> read_greeting(const std::string& host, int port, size_t most, Millis timeout) {
  const auto deadline = Steady::now() + timeout;
  KILN_ASSIGN(const int fd, connect_within(host, port, timeout));
  const Closer closer{fd};
  if (!wait_for(fd, POLLIN, deadline))
    return fail(ErrorKind::kTimeout, fmt::format("{} port {}: is silent", host, port));
  std::string out(most, '\0');
  const ssize_t n = ::read(fd, out.data(), out.size());
  if (n <= 0) return fail(trouble(host, port, n == 0 ? "closed at once" : std::strerror(errno)));
  out.resize(static_cast<size_t>(n));
  return out;
}

}  // namespace kiln::os
