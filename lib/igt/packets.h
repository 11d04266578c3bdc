#pragma once
/// Builds `comms` bytes for tests.
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::igt::packets {

inline std::string u32(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}
inline std::string z(std::string_view text) {
  return std::string(text) + '\0';
}
inline std::string packet(uint32_t type, std::string_view data) {
  return "1TGI" + u32(static_cast<uint32_t>(16 + data.size())) + u32(type) + u32(7) + u32(7) +
         std::string(data);
}
inline std::string log(bool err, std::string_view text) {
  return packet(1, std::string(1, err ? '\x02' : '\x01') + z(text));
}
inline std::string exec(std::string_view command) {
  return packet(2, z(command));
}
inline std::string exit(int code, std::string_view seconds) {
  return packet(3, u32(static_cast<uint32_t>(code)) + z(seconds));
}
inline std::string start(std::string_view name) {
  return packet(4, z(name));
}
inline std::string result(std::string_view name, std::string_view word, std::string_view seconds,
                          std::string_view reason = "") {
  return packet(5, z(name) + z(word) + z(seconds) + z(reason));
}
inline std::string dynamic_start(std::string_view name) {
  return packet(6, z(name));
}
inline std::string dynamic_result(std::string_view name, std::string_view word,
                                  std::string_view seconds, std::string_view reason = "") {
  return packet(7, z(name) + z(word) + z(seconds) + z(reason));
}
inline std::string version(std::string_view text) {
  return packet(8, z(text));
}
inline std::string override_with(std::string_view outcome) {
  return packet(9, z(outcome));
}

}  // namespace kiln::igt::packets
