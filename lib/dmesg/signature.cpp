#include "lib/dmesg/signature.h"

#include <algorithm>
#include <array>

#include "lib/base/text.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kFrames = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/// 12, 0x2c, c251f030, ffff88800a5b3f00
bool is_number(std::string_view word) {
  if (word.size() > 2 && word.starts_with("0x"))
    return std::all_of(word.begin() + 2, word.end(), is_hex);
  if (std::all_of(word.begin(), word.end(), is_digit)) return true;
  return word.size() >= 8 && word.size() <= 16 && std::all_of(word.begin(), word.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

/// 12ms, 4096kB: the unit behind the digits, "" = none.
std::string_view unit_of(std::string_view word) {
  static constexpr std::array<std::string_view, 14> kUnits = {
      "ns", "us", "ms", "s", "B", "kB", "KB", "MB", "GB", "KiB", "MiB", "kHz", "MHz", "GHz"};
  const size_t end = word.find_first_not_of("0123456789");
  if (end == 0 || end == word.npos) return "";
  const auto found = std::find(kUnits.begin(), kUnits.end(), word.substr(end));
  return found == kUnits.end() ? "" : *found;
}

/// "lockup" tells by its stack, "oom" by nothing.
bool tells_by_title(std::string_view kind) {
  static constexpr std::array<std::string_view, 4> kByTitle = {"error", "gpu-hang", "hardware",
                                                               "panic"};
  return std::find(kByTitle.begin(), kByTitle.end(), kind) != kByTitle.end();
}

/// The ways from a program to a driver, at the outer end of most stacks.
bool is_way_in(std::string_view function) {
  static constexpr std::array<std::string_view, 7> kWays = {
      "drm_ioctl*", "vfs_*", "ksys_*", "do_vfs_ioctl", "full_proxy_*", "proc_reg_*", "do_iter_*"};
  return std::any_of(kWays.begin(), kWays.end(),
                     [&](std::string_view pattern) { return glob_match(pattern, function); });
}

/// The part of the stack that is the same each time.
std::vector<std::string_view> telling_functions(std::string_view kind,
                                                const std::vector<StackEntry>& stack) {
  size_t begin = 0;
  size_t end = stack.size();
  if (kind == "rcu-stall" || kind == "lockup") {
    while (end > 1 && is_way_in(without_suffix(stack[end - 1].symbol))) --end;
    begin = end - std::min(end, kFrames);
  }
  std::vector<std::string_view> names;
  for (size_t i = begin; i < std::min(begin + kFrames, end); ++i)
    names.push_back(without_suffix(stack[i].symbol));
  return names;
}

}  // namespace

std::string without_numbers(std::string_view title) {
  std::string out;
  out.reserve(title.size());
  size_t i = 0;
  while (i < title.size()) {
    if (!is_word_byte(title[i])) {
      out.push_back(title[i++]);
      continue;
    }
    size_t end = i;
    while (end < title.size() && is_word_byte(title[end])) ++end;
    const std::string_view word = title.substr(i, end - i);
    if (const std::string_view unit = unit_of(word); !unit.empty()) {
      out.push_back('#');
      out += unit;
    } else if (!is_number(word)) {
      out += word;
    } else {
      out.push_back('#');
      // 12.5 is one number.
      if (end + 1 < title.size() && title[end] == '.' && is_digit(title[end + 1])) {
        size_t behind = end + 1;
        while (behind < title.size() && is_digit(title[behind])) ++behind;
        if (behind == title.size() || !is_word_byte(title[behind])) end = behind;
      }
    }
    i = end;
  }
  return out;
}

std::string make_signature(std::string_view kind, std::string_view title,
                           const std::vector<StackEntry>& stack) {
  std::string out(kind);
  if (kind == "oom") return out;
  // Full tables of lockdep say nothing of who filled the last entry.
  if (tells_by_title(kind) || stack.empty() || title.starts_with("BUG: MAX_"))
    return out + ": " + without_numbers(title);
  std::string_view between = ": ";
  for (const std::string_view name : telling_functions(kind, stack)) {
    out += between;
    out += name;
    between = " < ";
  }
  return out;
}

}  // namespace kiln::dmesg
