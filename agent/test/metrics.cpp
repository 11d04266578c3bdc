#include "agent/test/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr std::string_view kWord = "kiln-metric";
constexpr size_t kMaxMetrics = 10'000;
constexpr size_t kMaxRefused = 20;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./%+-=").find(c) != std::string_view::npos;
  });
}

/// "" or why the words are no metric.
std::string parse(const std::vector<std::string>& words, MeasuredValue& value) {
  if (words.size() != 4) return "not `kiln-metric NAME VALUE UNIT`";
  if (!is_name(words[1])) return "bad name";
  if (!is_name(words[3])) return "bad unit";
  const std::string& text = words[2];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value.value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value.value))
    return "bad number";
  value.metric = words[1];
  value.unit = words[3];
  return {};
}

}  // namespace

Metrics read_metrics(std::string_view output, const std::string& bench) {
  Metrics out;
  std::set<std::string> names;
  for (const std::string& line : split_lines(output)) {
    std::string_view text = line;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text != kWord && !text.starts_with(std::string(kWord) + " ")) continue;
    MeasuredValue value;
    value.bench = bench;
    std::string why = parse(split(text, ' '), value);
    if (why.empty() && !names.insert(value.metric).second) why = "the name came before";
    if (why.empty() && out.values.size() >= kMaxMetrics) why = "too many metrics";
    if (why.empty()) {
      out.values.push_back(std::move(value));
    } else if (out.refused.size() < kMaxRefused) {
      out.refused.push_back(fmt::format("{}: \"{}\"", why, to_valid_utf8(text.substr(0, 200))));
    }
  }
  return out;
}

}  // namespace kiln::agent
