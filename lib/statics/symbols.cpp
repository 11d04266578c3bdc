#include "lib/statics/symbols.h"

#include <re2/re2.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::statics {
namespace {

constexpr size_t kMaxName = 300;
constexpr size_t kMaxSymbols = 200'000;

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Of the build, not of the source.
bool is_made_up(std::string_view name) {
  for (const std::string_view prefix : {"__ksymtab", "__kstrtab", "__crc_", "__UNIQUE_ID", "__mod_",
                                        "__x86.get_pc_thunk", "__pfx_", ".L"})
    if (name.starts_with(prefix)) return true;
  return false;
}

}  // namespace

std::string source_name(std::string_view symbol) {
  while (true) {
    const size_t dot = symbol.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return std::string(symbol);
    const std::string_view tail = symbol.substr(dot + 1);
    if (!is_digits(tail) && tail != "cold" && tail != "isra" && tail != "part" &&
        tail != "constprop" && tail != "lto_priv")
      return std::string(symbol);
    symbol = symbol.substr(0, dot);
  }
}

std::map<std::string, std::map<std::string, uint64_t>> read_nm(std::string_view output) {
  // Symbols without a size have no second number.
  static const RE2 kLine(R"re(^([^:]+):[0-9a-f]+ ([0-9a-f]+) [A-Za-z] (\S+)$)re");
  std::map<std::string, std::map<std::string, uint64_t>> out;
  size_t count = 0;
  for (const std::string& raw : split_lines(output)) {
    std::string object;
    std::string size;
    std::string name;
    if (!RE2::FullMatch(to_valid_utf8(raw), kLine, &object, &size, &name)) continue;
    if (name.size() > kMaxName || size.size() > 16 || is_made_up(name)) continue;
    if (++count > kMaxSymbols) break;
    const uint64_t bytes = std::strtoull(size.c_str(), nullptr, 16);
    uint64_t& sum = out[object][source_name(name)];
    sum += std::min(bytes, UINT64_MAX - sum);
  }
  return out;
}

std::map<std::string, uint64_t> read_stack_usage(std::string_view text) {
  // FILE:LINE:COLUMN:FUNCTION, bytes, how sure gcc is
  static const RE2 kLine(R"re(^.*:\d+:\d+:([^:\t]+)\t(\d{1,15})\t[a-z,]+$)re");
  std::map<std::string, uint64_t> out;
  for (const std::string& raw : split_lines(text)) {
    std::string name;
    uint64_t bytes = 0;
    if (!RE2::FullMatch(to_valid_utf8(raw), kLine, &name, &bytes)) continue;
    if (name.size() > kMaxName || out.size() >= kMaxSymbols) continue;
    uint64_t& largest = out[source_name(name)];
    largest = std::max(largest, bytes);
  }
  return out;
}

}  // namespace kiln::statics
