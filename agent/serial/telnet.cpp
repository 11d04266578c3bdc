#include "agent/serial/telnet.h"

namespace kiln::agent {
namespace {

// RFC 854, 855, 856, 858, 2217.
constexpr uint8_t kIac = 255;
constexpr uint8_t kDont = 254;
constexpr uint8_t kDo = 253;
constexpr uint8_t kWont = 252;
constexpr uint8_t kWill = 251;
constexpr uint8_t kSb = 250;
constexpr uint8_t kSe = 240;
constexpr uint8_t kBreak = 243;
constexpr uint8_t kBinary = 0;
constexpr uint8_t kEcho = 1;
constexpr uint8_t kSuppressGoAhead = 3;
constexpr uint8_t kComPort = 44;
constexpr uint8_t kSetBaud = 1;
constexpr uint8_t kSetDataSize = 2;
constexpr uint8_t kSetParity = 3;
constexpr uint8_t kSetStopSize = 4;
constexpr uint8_t kSetControl = 5;
constexpr uint8_t kNoParity = 1;
constexpr uint8_t kOneStopBit = 1;
constexpr uint8_t kNoFlowControl = 1;
constexpr uint8_t kBreakOn = 5;
constexpr uint8_t kBreakOff = 6;

char byte(uint8_t value) {
  return static_cast<char>(value);
}

std::string say(uint8_t command, uint8_t option) {
  return {byte(kIac), byte(command), byte(option)};
}

std::string com_port(uint8_t command, std::string_view value) {
  std::string out{byte(kIac), byte(kSb), byte(kComPort), byte(command)};
  for (const char c : value) {
    out += c;
    if (c == byte(kIac)) out += c;
  }
  out += byte(kIac);
  out += byte(kSe);
  return out;
}

std::string big_endian(uint32_t value) {
  return {byte(value >> 24 & 0xff), byte(value >> 16 & 0xff), byte(value >> 8 & 0xff),
          byte(value & 0xff)};
}

}  // namespace

std::string Telnet::start() {
  asked_serial_ = asked_binary_in_ = asked_binary_out_ = true;
  return say(kWill, kComPort) + say(kWill, kBinary) + say(kDo, kBinary) +
         say(kDo, kSuppressGoAhead);
}

void Telnet::receive(std::string_view bytes, std::string& text, std::string& reply) {
  for (const char c : bytes) {
    const auto b = static_cast<uint8_t>(c);
    switch (at_) {
      case At::kText:
        if (b == kIac) {
          at_ = At::kCommand;
        } else if (after_return_ && b == 0 && !binary_in_) {
          after_return_ = false;  // NVT: a bare return travels as CR NUL
        } else {
          after_return_ = c == '\r';
          text += c;
        }
        break;
      case At::kCommand:
        if (b == kIac) {
          text += c;
          at_ = At::kText;
        } else if (b == kSb) {
          at_ = At::kSub;
        } else if (b >= kWill) {
          command_ = b;
          at_ = At::kOption;
        } else {
          at_ = At::kText;
        }
        break;
      case At::kOption:
        option(command_, b, reply);
        at_ = At::kText;
        break;
      case At::kSub:
        if (b == kIac) at_ = At::kSubCommand;
        break;
      case At::kSubCommand:
        if (b == kIac) {
          at_ = At::kSub;
        } else {
          // Confirmations and line states: they change nothing here.
          at_ = At::kText;
        }
        break;
    }
  }
}

/// Answers only what changes something: two sides that answer each other's answers never end.
void Telnet::option(uint8_t command, uint8_t option, std::string& reply) {
  const bool yes = command == kWill || command == kDo;
  if (command == kWill || command == kWont) {  // of their own side
    if (option == kBinary) {
      if (yes != binary_in_ && !asked_binary_in_) reply += say(yes ? kDo : kDont, option);
      asked_binary_in_ = false;
      binary_in_ = yes;
    } else if (option == kEcho || option == kSuppressGoAhead || option == kComPort) {
      if (yes && option == kEcho) reply += say(kDo, option);
      // RFC 2217 has servers that offer the option themselves.
      if (yes && option == kComPort) reply += say(kDo, option);
    } else if (yes) {
      reply += say(kDont, option);
    }
    return;
  }
  if (option == kBinary) {
    if (yes != binary_out_ && !asked_binary_out_) reply += say(yes ? kWill : kWont, option);
    asked_binary_out_ = false;
    binary_out_ = yes;
  } else if (option == kComPort) {
    if (yes && !serial_) {
      if (!asked_serial_) reply += say(kWill, option);
      serial_ = true;
      if (baud_ > 0) {
        reply += com_port(kSetBaud, big_endian(static_cast<uint32_t>(baud_)));
        reply += com_port(kSetDataSize, std::string(1, 8));
        reply += com_port(kSetParity, std::string(1, byte(kNoParity)));
        reply += com_port(kSetStopSize, std::string(1, byte(kOneStopBit)));
        reply += com_port(kSetControl, std::string(1, byte(kNoFlowControl)));
      }
    }
    if (!yes) serial_ = false;
    asked_serial_ = false;
  } else if (yes) {
    reply += option == kSuppressGoAhead ? say(kWill, option) : say(kWont, option);
  }
}

std::string Telnet::encode(std::string_view bytes) const {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    out += bytes[i];
    if (bytes[i] == byte(kIac)) out += bytes[i];
    const bool bare = bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n');
    if (bare && !binary_out_) out += '\0';
  }
  return out;
}

std::string Telnet::line_break(bool on) const {
  // Telnet's own BREAK has no length: the server gives it one.
  if (!serial_) return on ? std::string{byte(kIac), byte(kBreak)} : "";
  return com_port(kSetControl, std::string(1, byte(on ? kBreakOn : kBreakOff)));
}

}  // namespace kiln::agent
