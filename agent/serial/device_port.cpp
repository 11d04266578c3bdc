/// A serial device of the agent's computer.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/serial/port.h"
#include "lib/os/files.h"

namespace kiln::agent {
namespace {

struct Rate {
  int baud;
  speed_t speed;
};
constexpr std::array<Rate, 16> kRates{{{300, B300},
                                       {1200, B1200},
                                       {2400, B2400},
                                       {4800, B4800},
                                       {9600, B9600},
                                       {19'200, B19200},
                                       {38'400, B38400},
                                       {57'600, B57600},
                                       {115'200, B115200},
                                       {230'400, B230400},
                                       {460'800, B460800},
                                       {500'000, B500000},
                                       {921'600, B921600},
                                       {1'000'000, B1000000},
                                       {1'500'000, B1500000},
                                       {3'000'000, B3000000}}};

class DevicePort final : public SerialPort {
 public:
  explicit DevicePort(machine::DeviceConsole console) : at_(std::move(console)) {}
  ~DevicePort() override { close_fd(); }
  [[nodiscard]] std::string name() const override { return at_.path; }
  void close() override { close_fd(); }

  Result<int> open() override {
    close_fd();
    // Non-blocking: without it the open waits for a carrier that a bare console does not have.
    fd_ = ::open(at_.path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd_ < 0) return fail(os::errno_error("open", at_.path, errno));
    if (auto ready = set_up(); !ready) {
      close_fd();
      return fail(std::move(ready.error()));
    }
    return fd_;
  }

  Result<std::string> line_break(bool on) override {
    if (::ioctl(fd_, on ? TIOCSBRK : TIOCCBRK) != 0)
      return fail(os::errno_error("send a BREAK on", at_.path, errno));
    return std::string();
  }

 private:
  Status set_up() {
    // Another reader would take half of the bytes.
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      return fail(Error(ErrorKind::kConflict, at_.path + " is in use by another program")
                      .with_hint("sudo fuser -v " + at_.path));
    termios line{};
    if (::tcgetattr(fd_, &line) != 0)
      return fail(ErrorKind::kBadInput, at_.path + " is no serial line");
    ::cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    line.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS | CSTOPB | HUPCL);
    for (const Rate& rate : kRates)
      if (rate.baud == at_.baud) {
        ::cfsetspeed(&line, rate.speed);
        if (::tcsetattr(fd_, TCSANOW, &line) != 0)
          return fail(os::errno_error("set the speed of", at_.path, errno));
        return {};
      }
    return fail(ErrorKind::kBadInput,
                fmt::format("{}: no such speed: {} baud", at_.path, at_.baud));
  }
  void close_fd() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  machine::DeviceConsole at_;
  int fd_ = -1;
};

}  // namespace

std::unique_ptr<SerialPort> make_device_port(machine::DeviceConsole console) {
  return std::make_unique<DevicePort>(std::move(console));
}

}  // namespace kiln::agent
