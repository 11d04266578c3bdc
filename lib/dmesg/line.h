#pragma once
/// One line of a kernel log taken apart, whatever wrote it: a serial console (stamps or none, CRLF,
/// colours), `dmesg`, `dmesg -r` (<4>[...]), or /dev/kmsg records as igt_runner stores them
/// (4,812,12345678,-;text). Pure.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dmesg {

struct Line {
  std::string_view raw;        ///< the bytes between two newlines, without \r
  std::string text;            ///< the message: no level, stamp, caller, or escape sequences
  std::optional<double> time;  ///< seconds since boot
  int level = -1;              ///< 0 = emergency ... 7 = debug; -1 = not told
};

/// Longer lines are looked at only as far as this.
inline constexpr size_t kMaxLineBytes = 4096;

Line parse_line(std::string_view raw);

/// The text without ANSI sequences and other control bytes (tabs stay, NULs go).
std::string strip_control(std::string_view raw);

/// The raw lines of a log. An endless line counts as one.
std::vector<std::string_view> raw_lines(std::string_view log);

}  // namespace kiln::dmesg
