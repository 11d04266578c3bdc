#include "lib/log/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::log {
namespace {

constexpr std::string_view kWords[] = {"debug", "info", "warning", "error"};

std::atomic<Level> g_least{Level::kOff};
std::atomic<Format> g_format{Format::kText};

/// Bare when it is one plain word; else quoted, on one line.
std::string text_value(const std::string& value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=';
  });
  if (plain) return value;
  return nlohmann::json(to_valid_utf8(value)).dump();
}

}  // namespace

std::optional<Level> level_from(std::string_view word) {
  for (size_t i = 0; i < std::size(kWords); ++i)
    if (kWords[i] == word) return static_cast<Level>(i);
  return std::nullopt;
}

void set_up(Format format, Level least) {
  g_format = format;
  g_least = least;
}

void set_level(Level least) {
  g_least = least;
}

std::string render(Format format, std::string_view time, Level level, std::string_view event,
                   std::initializer_list<Field> fields) {
  const std::string_view word = kWords[std::min<size_t>(static_cast<size_t>(level), 3)];
  if (format == Format::kJson) {
    nlohmann::ordered_json out;
    out["time"] = time;
    out["level"] = word;
    out["event"] = event;
    for (const auto& [name, value] : fields) out[std::string(name)] = to_valid_utf8(value);
    return out.dump();
  }
  std::string out = fmt::format("{} {:7} {}", time, word, event);
  for (const auto& [name, value] : fields) out += fmt::format(" {}={}", name, text_value(value));
  return out;
}

void line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < g_least.load()) return;
  const std::string text =
      render(g_format, to_rfc3339(SystemClock().now()), level, event, fields) + "\n";
  // A log that cannot be written stops nothing.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

}  // namespace kiln::log
