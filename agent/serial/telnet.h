#pragma once
/// Telnet (RFC 854) and its serial port option (RFC 2217) from the client's side. Pure: bytes in,
/// bytes out. Whatever a server sends, the text and the replies stay bounded by it.
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::agent {

class Telnet {
 public:
  /// `baud` 0 leaves the port as the server has it.
  explicit Telnet(int baud) : baud_(baud) {}

  /// What to send first.
  std::string start();
  /// Takes what came; appends the console's bytes to `text` and what must be sent back to `reply`.
  /// A command that is cut by a chunk's border is kept for the next call.
  void receive(std::string_view bytes, std::string& text, std::string& reply);
  /// Bytes for the wire: 0xFF doubled, a carriage return made one that is kept.
  [[nodiscard]] std::string encode(std::string_view bytes) const;
  /// A BREAK on the line, on or off: sysrq. By RFC 2217 where the server does it, else by telnet's
  /// own command, which needs no end.
  [[nodiscard]] std::string line_break(bool on) const;
  [[nodiscard]] bool has_serial_option() const { return serial_; }

 private:
  enum class At { kText, kCommand, kOption, kSub, kSubCommand };
  void option(uint8_t command, uint8_t option, std::string& reply);

  int baud_;
  At at_ = At::kText;
  uint8_t command_ = 0;
  bool after_return_ = false;
  bool serial_ = false;      ///< RFC 2217 agreed
  bool binary_in_ = false;   ///< their bytes are plain
  bool binary_out_ = false;  ///< ours are
  bool asked_serial_ = false;
  bool asked_binary_in_ = false;
  bool asked_binary_out_ = false;
};

}  // namespace kiln::agent
