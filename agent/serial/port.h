#pragma once
/// The ways to a machine's serial line. A port opens one descriptor at a time and translates; the
/// ConsoleHub reads, reconnects and writes.
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

/// open() and close() are called by the hub's opening thread, the rest by its reading thread;
/// never at the same time.
class SerialPort {
 public:
  virtual ~SerialPort() = default;
  /// "10.0.0.3 port 3001", "/dev/ttyS0".
  [[nodiscard]] virtual std::string name() const = 0;
  /// A non-blocking descriptor that the port keeps owning; its connection may be under way.
  virtual Result<int> open() = 0;
  /// Ends what open() began; open() may follow.
  virtual void close() = 0;
  /// Whether the descriptor is a socket that may still be connecting.
  [[nodiscard]] virtual bool connects() const { return false; }
  /// Whether each read is a message of its own: an empty one is no end, and nothing is sent.
  [[nodiscard]] virtual bool datagrams() const { return false; }
  /// What to send once the line stands.
  virtual std::string greeting() { return {}; }
  virtual void received(std::string_view bytes, std::string& text, std::string& reply) {
    (void)reply;
    text.append(bytes);
  }
  virtual std::string encode(std::string_view bytes) { return std::string(bytes); }
  /// Starts or ends a BREAK; kNotFound when this way cannot.
  virtual Result<std::string> line_break(bool on) {
    (void)on;
    return fail(ErrorKind::kNotFound, name() + " cannot send a BREAK");
  }
};

std::unique_ptr<SerialPort> make_device_port(machine::DeviceConsole console);
std::unique_ptr<SerialPort> make_telnet_port(machine::TelnetConsole console);
std::unique_ptr<SerialPort> make_tcp_port(machine::TcpConsole console);
std::unique_ptr<SerialPort> make_unix_port(machine::UnixConsole console);
std::unique_ptr<SerialPort> make_sol_port(machine::SolConsole console);
std::unique_ptr<SerialPort> make_command_port(machine::CommandConsole console);
/// The one that the machine file names; nullptr for `none`.
std::unique_ptr<SerialPort> make_port(const machine::ConsoleSpec& console);
/// Hears netconsole's datagrams of one machine; nullptr when the file names none.
std::unique_ptr<SerialPort> make_net_port(const machine::NetConsole& net);

}  // namespace kiln::agent
