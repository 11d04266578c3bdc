#include "lib/conf/units.h"

#include <fmt/format.h>

#include <array>

#include "lib/base/number.h"

namespace kiln::conf {
namespace {

constexpr int64_t kMaxMillis = 10LL * 366 * 86'400'000;

struct DurationUnit {
  std::string_view word;
  int64_t millis;
};
constexpr std::array<DurationUnit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

struct SizeUnit {
  std::string_view word;
  uint64_t bytes;
};
constexpr std::array<SizeUnit, 9> kSizeUnits{{{"TiB", 1ULL << 40},
                                              {"GiB", 1ULL << 30},
                                              {"MiB", 1ULL << 20},
                                              {"KiB", 1ULL << 10},
                                              {"TB", 1'000'000'000'000ULL},
                                              {"GB", 1'000'000'000ULL},
                                              {"MB", 1'000'000ULL},
                                              {"kB", 1000ULL},
                                              {"B", 1ULL}}};

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || *number > static_cast<uint64_t>(kMaxMillis)) return std::nullopt;
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view word = text.substr(0, letters);
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].word != word) ++next_unit;
    if (next_unit == kDurationUnits.size()) return std::nullopt;
    const int64_t unit = kDurationUnits[next_unit].millis;
    if (static_cast<int64_t>(*number) > kMaxMillis / unit) return std::nullopt;
    total += static_cast<int64_t>(*number) * unit;
    if (total > kMaxMillis) return std::nullopt;
    ++next_unit;
    text.remove_prefix(letters);
  }
  return Millis(total);
}

std::string format_duration(Millis duration) {
  int64_t rest = duration.count();
  if (rest <= 0) return "0s";
  std::string out;
  for (const DurationUnit& unit : kDurationUnits) {
    if (rest >= unit.millis) out += fmt::format("{}{}", rest / unit.millis, unit.word);
    rest %= unit.millis;
  }
  return out;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const SizeUnit& unit : kSizeUnits) {
    if (unit.word != text) continue;
    if (*number > (1ULL << 63) / unit.bytes) return std::nullopt;
    return *number * unit.bytes;
  }
  return std::nullopt;
}

std::string format_size(uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes != 0 && unit.word.ends_with("iB") && bytes % unit.bytes == 0) {
      return fmt::format("{}{}", bytes / unit.bytes, unit.word);
    }
  }
  return fmt::format("{}B", bytes);
}

}  // namespace kiln::conf
