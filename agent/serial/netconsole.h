#pragma once
/// The kernel's netconsole datagrams, plain and extended, as console text. Pure; whatever comes,
/// the text is at most a little longer than it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::agent {

class Netconsole {
 public:
  /// Appends what a serial console would have said. Extended messages tell their number: a gap is
  /// said in a line of its own.
  void receive(std::string_view datagram, std::string& text);

 private:
  struct Header {
    uint64_t number = 0;
    uint64_t micros = 0;  ///< since the kernel's start
    size_t offset = 0;    ///< of a part of a message
    size_t total = 0;     ///< 0 = the message is whole
  };
  static std::optional<Header> read_header(std::string_view header);
  void tell_gap(uint64_t number, std::string& text);

  std::optional<uint64_t> last_;
};

}  // namespace kiln::agent
