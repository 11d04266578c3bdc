/// netconsole's datagrams from one machine.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/serial/netconsole.h"
#include "agent/serial/port.h"

namespace kiln::agent {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

class NetPort final : public SerialPort {
 public:
  explicit NetPort(machine::NetConsole net) : net_(std::move(net)) {}
  ~NetPort() override { close_fd(); }
  [[nodiscard]] std::string name() const override {
    return fmt::format("netconsole at port {} from {}", net_.port, net_.from);
  }
  [[nodiscard]] bool datagrams() const override { return true; }
  void close() override { close_fd(); }

  Result<int> open() override {
    close_fd();
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const int rc = ::getaddrinfo(net_.from.c_str(), nullptr, &hints, &found);
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    if (rc != 0) return broken(::gai_strerror(rc));
    fd_ = ::socket(addresses->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return broken(std::strerror(errno));
    if (!bind_port(addresses->ai_family)) return broken(std::strerror(errno));
    // Of that address only; its port stays 0, which stands for any.
    if (::connect(fd_, addresses->ai_addr, addresses->ai_addrlen) != 0)
      return broken(std::strerror(errno));
    text_ = {};
    return fd_;
  }
  void received(std::string_view bytes, std::string& text, std::string&) override {
    text_.receive(bytes, text);
  }
  /// Nobody is at the other end.
  std::string encode(std::string_view) override { return {}; }

 private:
  bool bind_port(int family) const {
    const auto port = htons(static_cast<uint16_t>(net_.port));
    if (family == AF_INET6) {
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_port = port;
      return ::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
    }
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = port;
    return ::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  }
  tl::unexpected<Error> broken(const char* why) {
    close_fd();
    return fail(ErrorKind::kInfrastructure, fmt::format("{}: {}", name(), why));
  }
  void close_fd() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  machine::NetConsole net_;
  Netconsole text_;
  int fd_ = -1;
};

}  // namespace

std::unique_ptr<SerialPort> make_net_port(const machine::NetConsole& net) {
  if (!net.given()) return nullptr;
  return std::make_unique<NetPort>(net);
}

}  // namespace kiln::agent
