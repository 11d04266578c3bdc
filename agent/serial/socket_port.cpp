/// Serial lines behind sockets: ser2net and other console servers, QEMU.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "agent/serial/port.h"
#include "agent/serial/telnet.h"
#include "lib/os/files.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

class SocketPort : public SerialPort {
 public:
  ~SocketPort() override { close_fd(); }
  void close() override { close_fd(); }
  [[nodiscard]] bool connects() const override { return true; }

 protected:
  int keep(int fd) {
    close_fd();
    fd_ = fd;
    return fd;
  }

 private:
  void close_fd() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_ = -1;
};

class TcpPort : public SocketPort {
 public:
  TcpPort(std::string address, int port) : address_(std::move(address)), port_(port) {}
  [[nodiscard]] std::string name() const override {
    return fmt::format("{} port {}", address_, port_);
  }
  Result<int> open() override {
    KILN_ASSIGN(const int fd, os::start_connect(address_, port_));
    return keep(fd);
  }

 private:
  std::string address_;
  int port_;
};

class TelnetPort final : public TcpPort {
 public:
  explicit TelnetPort(const machine::TelnetConsole& console)
      : TcpPort(console.address, console.port), baud_(console.baud), telnet_(console.baud) {}
  Result<int> open() override {
    telnet_ = Telnet(baud_);
    return TcpPort::open();
  }
  std::string greeting() override { return telnet_.start(); }
  void received(std::string_view bytes, std::string& text, std::string& reply) override {
    telnet_.receive(bytes, text, reply);
  }
  std::string encode(std::string_view bytes) override { return telnet_.encode(bytes); }
  Result<std::string> line_break(bool on) override { return telnet_.line_break(on); }

 private:
  int baud_;
  Telnet telnet_;
};

class UnixPort final : public SocketPort {
 public:
  explicit UnixPort(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::string name() const override { return path_; }
  Result<int> open() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path)
      return fail(ErrorKind::kBadInput, path_ + " is too long for a socket's path");
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(os::errno_error("open", path_, errno));
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      const int error = errno;
      ::close(fd);
      return fail(os::errno_error("connect to", path_, error));
    }
    return keep(fd);
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<SerialPort> make_telnet_port(machine::TelnetConsole console) {
  return std::make_unique<TelnetPort>(console);
}
std::unique_ptr<SerialPort> make_tcp_port(machine::TcpConsole console) {
  return std::make_unique<TcpPort>(console.address, console.port);
}
std::unique_ptr<SerialPort> make_unix_port(machine::UnixConsole console) {
  return std::make_unique<UnixPort>(console.path);
}

}  // namespace kiln::agent
