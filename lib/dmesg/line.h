#pragma once
/// One line of a kernel log taken apart, whatever wrote it: a serial console (stamps or none, CRLF,
/// colours), `dmesg`, `dmesg -r` (<4>[...]), or /dev/kmsg records as igt_runner stores them
/// (4,812,12345678,-;text). Pure.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dmesg {

/// Who printed a line, with CONFIG_PRINTK_CALLER: a task by its number ([T412]), or a processor
/// outside of tasks ([C1]).
using Caller = int64_t;
inline constexpr Caller kNoCaller = -1;
inline constexpr Caller kProcessor = Caller{1} << 40;  ///< added to a processor's number

struct Line {
  std::string_view raw;        ///< the bytes between two newlines, without \r
  std::string text;            ///< the message: no level, stamp, caller, or escape sequences
  std::optional<double> time;  ///< seconds since boot
  int level = -1;              ///< 0 = emergency ... 7 = debug; -1 = not told
  Caller caller = kNoCaller;
  bool record = false;  ///< of /dev/kmsg, which escapes what is not printable
};

/// Longer lines are looked at only as far as this.
inline constexpr size_t kMaxLineBytes = 4096;

Line parse_line(std::string_view raw);

/// The lines that one raw line holds: one; several where a console tore two of printk's lines
/// together (a second `[   12.345678]` in the middle), ended some by \r alone, or where a record of
/// /dev/kmsg holds several. Looks at the first kMaxLineBytes only. Replaces what `lines` held.
void take_apart(std::string_view raw, std::vector<Line>& lines);

/// The text without ANSI sequences and other control bytes (tabs stay, NULs go).
std::string strip_control(std::string_view raw);

/// The raw lines of a log. An endless line counts as one.
std::vector<std::string_view> raw_lines(std::string_view log);

}  // namespace kiln::dmesg
