#include "lib/symbols/addr2line.h"

#include <charconv>
#include <filesystem>
#include <optional>

#include "lib/base/text.h"

namespace kiln::symbols {
namespace {

constexpr size_t kMaxInlined = 32;
constexpr size_t kMaxNameBytes = 512;

std::optional<uint64_t> address_of(std::string_view line) {
  if (!line.starts_with("0x")) return std::nullopt;
  uint64_t value = 0;
  const char* const end = line.data() + line.size();
  const auto [at, error] = std::from_chars(line.data() + 2, end, value, 16);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

/// `/kiln/src/./drivers/x/../y.c` -> `drivers/y.c`
std::string relative_to(std::string_view file, std::string_view sources, std::string_view objects) {
  for (const std::string_view folder : {sources, objects}) {
    if (folder.empty() || !file.starts_with(folder)) continue;
    if (file.size() > folder.size() && file[folder.size()] == '/') {
      file.remove_prefix(folder.size() + 1);
      break;
    }
  }
  return to_valid_utf8(std::filesystem::path(file).lexically_normal().string());
}

/// `drivers/x.c:12`, perhaps with ` (discriminator 3)`; `??:0` and `x.c:?` tell nothing.
Place place_of(std::string_view function, std::string_view line, std::string_view sources,
               std::string_view objects) {
  Place place{to_valid_utf8(function.substr(0, kMaxNameBytes)), "", 0};
  line = line.substr(0, line.find(" ("));
  const size_t colon = line.rfind(':');
  if (colon == std::string_view::npos || line.starts_with("??") || colon > kMaxNameBytes)
    return place;
  const std::string_view digits = line.substr(colon + 1);
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (number <= 0) return place;
  place.file = relative_to(line.substr(0, colon), sources, objects);
  place.line = number;
  return place;
}

}  // namespace

std::map<uint64_t, std::vector<Place>> read_addr2line(std::string_view text,
                                                      std::string_view sources,
                                                      std::string_view objects) {
  std::map<uint64_t, std::vector<Place>> out;
  std::vector<Place>* places = nullptr;
  const std::vector<std::string> lines = split_lines(text);
  for (size_t i = 0; i < lines.size();) {
    const std::string_view line = trim(lines[i]);
    if (const auto address = address_of(line)) {
      places = &out[*address];
      places->clear();
      ++i;
      continue;
    }
    if (places == nullptr || i + 1 >= lines.size()) break;
    if (places->size() < kMaxInlined)
      places->push_back(place_of(line, trim(lines[i + 1]), sources, objects));
    i += 2;
  }
  std::erase_if(
      out, [](const auto& item) { return item.second.empty() || item.second.back().file.empty(); });
  return out;
}

}  // namespace kiln::symbols
