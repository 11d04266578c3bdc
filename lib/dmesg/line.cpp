#include "lib/dmesg/line.h"

#include <algorithm>

#include "lib/base/number.h"

namespace kiln::dmesg {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

/// `<4>` or `<12>`: a level, perhaps with a facility above it.
void take_level(std::string_view& text, Line& line) {
  if (text.size() < 3 || text[0] != '<' || !is_digit(text[1])) return;
  std::string_view rest = text.substr(1);
  const auto value = take_number(rest);
  if (!value || rest.empty() || rest.front() != '>') return;
  line.level = static_cast<int>(*value & 7);
  text = rest.substr(1);
  skip_spaces(text);
}

/// `[   12.345678]`, perhaps with a caller behind it: `[T123]`, `[    C1]`, inside or after.
void take_stamp(std::string_view& text, Line& line) {
  if (text.empty() || text.front() != '[') return;
  std::string_view rest = text.substr(1);
  skip_spaces(rest);
  const auto seconds = take_number(rest);
  if (!seconds || rest.size() < 2 || rest.front() != '.' || !is_digit(rest[1])) return;
  rest.remove_prefix(1);
  double scale = 0.1;
  double fraction = 0;
  while (!rest.empty() && is_digit(rest.front())) {
    fraction += scale * (rest.front() - '0');
    scale /= 10;
    rest.remove_prefix(1);
  }
  const size_t end = rest.find(']');
  if (end == std::string_view::npos || end > 16) return;
  line.time = static_cast<double>(*seconds) + fraction;
  text = rest.substr(end + 1);
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

/// T123 or C1 from the front.
bool take_caller_name(std::string_view& text, Line& line) {
  if (text.empty() || (text.front() != 'T' && text.front() != 'C')) return false;
  const bool task = text.front() == 'T';
  std::string_view rest = text.substr(1);
  const auto number = take_number(rest);
  if (!number || *number >= static_cast<unsigned long long>(kProcessor)) return false;
  line.caller = static_cast<Caller>(*number) + (task ? 0 : kProcessor);
  text = rest;
  return true;
}

/// `[T123]` or `[   C1]` after the stamp.
void take_caller(std::string_view& text, Line& line) {
  if (text.empty() || text.front() != '[') return;
  std::string_view rest = text.substr(1);
  skip_spaces(rest);
  Line found;
  if (!take_caller_name(rest, found) || rest.empty() || rest.front() != ']') return;
  line.caller = found.caller;
  text = rest.substr(1);
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

/// A record of /dev/kmsg: `4,812,12345678,-;text` (further fields may stand before the `;`).
bool take_kmsg(std::string_view& text, Line& line) {
  std::string_view rest = text;
  const auto flags = take_number(rest);
  if (!flags || rest.empty() || rest.front() != ',') return false;
  rest.remove_prefix(1);
  if (!take_number(rest) || rest.empty() || rest.front() != ',') return false;
  rest.remove_prefix(1);
  const auto micros = take_number(rest);
  if (!micros || rest.empty() || rest.front() != ',') return false;
  const size_t end = rest.substr(0, 128).find(';');
  if (end == std::string_view::npos) return false;
  constexpr std::string_view kCaller = "caller=";
  std::string_view fields = rest.substr(0, end);
  if (const size_t at = fields.find(kCaller); at != std::string_view::npos) {
    fields.remove_prefix(at + kCaller.size());
    take_caller_name(fields, line);
  }
  line.level = static_cast<int>(*flags & 7);
  line.time = static_cast<double>(*micros) / 1e6;
  line.record = true;
  text = rest.substr(end + 1);
  return true;
}

bool is_clock(std::string_view text) {
  return text.size() == 8 && is_digit(text[0]) && text[2] == ':' && is_digit(text[4]) &&
         text[5] == ':' && is_digit(text[7]);
}

/// `[Sun Nov 29 10:15:55 2026] ` of dmesg -T.
bool take_date(std::string_view& text) {
  if (text.size() < 26 || text[0] != '[' || text[25] != ']' || !is_clock(text.substr(12, 8)))
    return false;
  text.remove_prefix(26);
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return true;
}

/// `Nov 29 10:15:55 host kernel: ` or `2026-11-29T10:15:55+0100 host kernel: ` of a journal.
bool take_journal(std::string_view& text) {
  constexpr std::string_view kKernel = " kernel: ";
  constexpr size_t kMostBytes = 120;
  const size_t end = text.substr(0, kMostBytes).find(kKernel);
  if (end == std::string_view::npos || end < 17) return false;
  if (!is_clock(text.substr(7, 8)) && !is_clock(text.substr(11, 8))) return false;
  text.remove_prefix(end + kKernel.size());
  return true;
}

/// `2026-11-24T21:15:00.123Z `: the time a console server, a journal or dmesg put before the line.
void take_host_time(std::string_view& text) {
  if (take_date(text) || take_journal(text)) return;
  if (text.size() < 21 || text[4] != '-' || text[7] != '-' || text[10] != 'T') return;
  if (!std::all_of(text.begin(), text.begin() + 4, is_digit)) return;
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || space > 32) return;
  text.remove_prefix(space + 1);
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// \x0a, as /dev/kmsg writes what is not printable, as the byte itself.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      const int high = hex_digit(text[i + 2]);
      const int low = hex_digit(text[i + 3]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 3;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

/// Where the next `[   12.345678]` begins behind the front of `raw`; npos = nowhere.
size_t find_stamp(std::string_view raw) {
  for (size_t at = raw.find('[', 1); at != std::string_view::npos; at = raw.find('[', at + 1)) {
    size_t i = at + 1;
    while (i < raw.size() && raw[i] == ' ') ++i;
    const size_t seconds = i;
    while (i < raw.size() && i < seconds + 10 && is_digit(raw[i])) ++i;
    if (i == seconds || i + 7 >= raw.size() || raw[i] != '.' || raw[i + 7] != ']') continue;
    if (std::all_of(raw.begin() + static_cast<ptrdiff_t>(i) + 1,
                    raw.begin() + static_cast<ptrdiff_t>(i) + 7, is_digit))
      return at;
  }
  return std::string_view::npos;
}

/// A record's text may hold several lines.
void add_record(Line line, std::vector<Line>& lines) {
  if (line.text.find("\\x") == std::string::npos) {
    lines.push_back(std::move(line));
    return;
  }
  const std::string text = unescape(line.text);
  size_t begin = 0;
  do {
    const size_t end = std::min(text.find('\n', begin), text.size());
    line.text = strip_control(std::string_view(text).substr(begin, end - begin));
    lines.push_back(line);
    begin = end + 1;
  } while (begin < text.size());
}

void add_part(std::string_view raw, std::vector<Line>& lines) {
  Line line = parse_line(raw);
  if (line.record) {
    add_record(std::move(line), lines);
  } else {
    lines.push_back(std::move(line));
  }
}

}  // namespace

std::string strip_control(std::string_view raw) {
  const bool clean = std::none_of(raw.begin(), raw.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (clean) return std::string(raw);
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    const auto byte = static_cast<unsigned char>(raw[i]);
    if (byte == 0x1b) {
      if (i + 1 < raw.size() && raw[i + 1] == '[') {
        size_t end = i + 2;
        while (end < raw.size() && end < i + 24 && (raw[end] < '@' || raw[end] > '~')) ++end;
        i = std::min(end, raw.size() - 1);
      } else if (i + 1 < raw.size()) {
        ++i;
      }
      continue;
    }
    if (byte < 0x20 && byte != '\t') continue;
    if (byte == 0x7f) continue;
    out.push_back(raw[i]);
  }
  return out;
}

Line parse_line(std::string_view raw) {
  Line line;
  while (!raw.empty() && raw.back() == '\r') raw.remove_suffix(1);
  line.raw = raw;
  const std::string clean = strip_control(raw.substr(0, kMaxLineBytes));
  std::string_view rest = clean;
  take_host_time(rest);
  if (!take_kmsg(rest, line)) {
    take_level(rest, line);
    take_stamp(rest, line);
    take_caller(rest, line);
    if (line.level < 0) take_level(rest, line);
  }
  line.text = std::string(rest);
  return line;
}

/// Whether only a level or a console server's time stands before the stamp at `at`.
static bool only_prefix(std::string_view raw, size_t at) {
  const std::string clean = strip_control(raw.substr(0, at));
  std::string_view front = clean;
  take_host_time(front);
  Line line;
  take_level(front, line);
  skip_spaces(front);
  return front.empty();
}

void take_apart(std::string_view raw, std::vector<Line>& lines) {
  lines.clear();
  raw = raw.substr(0, kMaxLineBytes);
  while (!raw.empty() && raw.back() == '\r') raw.remove_suffix(1);
  do {
    const size_t end = std::min(raw.find('\r'), raw.size());
    std::string_view part = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (part.empty() && !raw.empty()) continue;
    for (size_t stamp = find_stamp(part); stamp != std::string_view::npos;
         stamp = find_stamp(part)) {
      if (only_prefix(part, stamp)) {
        const size_t next = find_stamp(part.substr(stamp));
        if (next == std::string_view::npos) break;
        stamp += next;
      }
      add_part(part.substr(0, stamp), lines);
      part.remove_prefix(stamp);
    }
    add_part(part, lines);
  } while (!raw.empty());
}

std::vector<std::string_view> raw_lines(std::string_view log) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  while (start < log.size()) {
    size_t end = log.find('\n', start);
    if (end == std::string_view::npos) end = log.size();
    lines.push_back(log.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

}  // namespace kiln::dmesg
