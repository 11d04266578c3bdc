#include "lib/kernel/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/kernel/kconfig.h"

namespace kiln::kernel {
namespace {

constexpr std::string_view kPrefix = "CONFIG_";
constexpr std::string_view kNotSet = " is not set";

bool is_symbol(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// One line of a .config; false when it is no setting.
bool read_setting(std::string_view line, std::string& symbol, std::string& value) {
  if (line.starts_with("# CONFIG_") && line.ends_with(kNotSet)) {
    symbol = line.substr(9, line.size() - 9 - kNotSet.size());
    value = "n";
    return is_symbol(symbol);
  }
  const size_t equals = line.find('=');
  if (!line.starts_with(kPrefix) || equals == std::string_view::npos) return false;
  symbol = line.substr(kPrefix.size(), equals - kPrefix.size());
  value = line.substr(equals + 1);
  return is_symbol(symbol) && !value.empty();
}

std::string setting_text(const Asked& asked) {
  if (asked.value == "n") return fmt::format("# CONFIG_{} is not set\n", asked.symbol);
  return fmt::format("CONFIG_{}={}\n", asked.symbol, asked.value);
}

std::string value_of(const ConfigValues& values, const std::string& symbol) {
  const auto it = values.find(symbol);
  return it == values.end() ? std::string() : it->second;
}

bool same_value(const std::string& a, const std::string& b) {
  return a == b || (a.empty() && b == "n") || (a == "n" && b.empty());
}

std::string reason_for(const Asked& asked, const std::string& got, const ConfigValues& resolved,
                       const KconfigIndex* kconfig) {
  if (kconfig == nullptr) return {};
  if (!kconfig->has(asked.symbol)) {
    const std::string near = kconfig->nearest_symbol(asked.symbol);
    if (near.empty()) return "this kernel has no such symbol";
    return fmt::format("this kernel has no such symbol; did you mean `{}`?", near);
  }
  return kconfig->why_not(asked.symbol, asked.value, got, resolved);
}

std::map<std::string, Asked> by_symbol(std::span<const Asked> asked) {
  std::map<std::string, Asked> map;
  for (const Asked& a : asked) map[a.symbol] = a;
  return map;
}

}  // namespace

Result<std::vector<Asked>> parse_fragment(std::string_view text, const std::string& file) {
  std::vector<Asked> asked;
  int number = 0;
  for (const std::string& raw : split_lines(text)) {
    ++number;
    const std::string_view line = trim(raw);
    Asked one;
    if (read_setting(line, one.symbol, one.value)) {
      one.file = file;
      one.line = number;
      asked.push_back(std::move(one));
    } else if (!line.empty() && line[0] != '#') {
      Error error(ErrorKind::kBadInput, "not a configuration line");
      error.position = Position{file, number, 1};
      error.source_line = to_valid_utf8(line.substr(0, 200));
      error.span = static_cast<int>(std::min<size_t>(line.size(), 200));
      error.hint = "write CONFIG_X=y or `# CONFIG_X is not set`";
      return fail(std::move(error));
    }
  }
  return asked;
}

ConfigValues parse_config(std::string_view text) {
  ConfigValues values;
  std::string symbol, value;
  for (const std::string& line : split_lines(text))
    if (read_setting(line, symbol, value)) values[symbol] = value;
  return values;
}

std::vector<Asked> effective(std::span<const Asked> asked) {
  std::vector<Asked> out;
  std::map<std::string, size_t> index;
  for (const Asked& a : asked) {
    const auto [it, fresh] = index.emplace(a.symbol, out.size());
    if (fresh)
      out.push_back(a);
    else
      out[it->second] = a;
  }
  return out;
}

std::string merge(std::string_view base, std::span<const Asked> asked) {
  const std::vector<Asked> settings = effective(asked);
  std::set<std::string> replaced;
  for (const Asked& a : settings) replaced.insert(a.symbol);
  std::string out, symbol, value;
  for (const std::string& line : split_lines(base))
    if (!read_setting(line, symbol, value) || !replaced.contains(symbol)) out += line + "\n";
  for (const Asked& a : settings) out += setting_text(a);
  return out;
}

std::vector<ConfigProblem> check_kept(std::span<const Asked> asked, const ConfigValues& resolved,
                                      const KconfigIndex* kconfig) {
  std::vector<ConfigProblem> problems;
  for (const Asked& a : effective(asked)) {
    const std::string got = value_of(resolved, a.symbol);
    const bool unknown = got.empty() && kconfig != nullptr && !kconfig->has(a.symbol);
    // Asking for "not set" of a symbol that is not offered is kept, unless it is misspelt.
    if (same_value(a.value, got) && !unknown) continue;
    problems.push_back({a, got, reason_for(a, got, resolved, kconfig)});
  }
  return problems;
}

std::string to_text(const ConfigProblem& problem) {
  const Asked& a = problem.asked;
  const std::string asked =
      a.value == "n" ? a.symbol + " not set" : fmt::format("{}={}", a.symbol, a.value);
  std::string out =
      fmt::format("CONFIG_{} was asked, the resolved configuration has {}", asked,
                  problem.got.empty() || problem.got == "n" ? "it not set" : problem.got);
  if (!problem.reason.empty()) out += ": " + problem.reason;
  return out;
}

Status to_status(const std::vector<ConfigProblem>& problems, const std::string& config_name) {
  if (problems.empty()) return {};
  const ConfigProblem& first = problems.front();
  Error error(ErrorKind::kBadInput, to_text(first));
  error.position = Position{first.asked.file, first.asked.line, 1};
  error.source_line = trim(setting_text(first.asked));
  error.span = static_cast<int>(error.source_line.size());
  for (size_t i = 1; i < problems.size() && i < 20; ++i)
    error.context.push_back(fmt::format("also {}:{}: {}", problems[i].asked.file,
                                        problems[i].asked.line, to_text(problems[i])));
  if (problems.size() > 20)
    error.context.push_back(fmt::format("and {} more", problems.size() - 20));
  error.context.push_back(fmt::format("while resolving the configuration `{}`", config_name));
  return fail(std::move(error));
}

std::vector<ConfigDifference> differences(std::span<const Asked> left_asked,
                                          const ConfigValues& left,
                                          std::span<const Asked> right_asked,
                                          const ConfigValues& right, const KconfigIndex& kconfig,
                                          std::span<const std::string> axis) {
  std::set<std::string> names;
  for (const auto& [name, value] : left) names.insert(name);
  for (const auto& [name, value] : right) names.insert(name);
  const auto asked_left = by_symbol(left_asked);
  const auto asked_right = by_symbol(right_asked);
  std::vector<ConfigDifference> out;
  std::map<std::string, size_t> index;
  for (const std::string& name : names) {
    ConfigDifference d{name, value_of(left, name), value_of(right, name), false, {}};
    if (same_value(d.left, d.right)) continue;
    const auto l = asked_left.find(name);
    const auto r = asked_right.find(name);
    const std::string lv = l == asked_left.end() ? "" : l->second.value;
    const std::string rv = r == asked_right.end() ? "" : r->second.value;
    if (lv != rv) {
      const Asked& by = r != asked_right.end() ? r->second : l->second;
      d.explained = axis.empty() || std::find(axis.begin(), axis.end(), name) != axis.end();
      d.reason = fmt::format("{} by {}:{}", d.explained ? "asked" : "not in the axis, but asked",
                             os::Path(by.file).filename().string(), by.line);
    }
    index[name] = out.size();
    out.push_back(std::move(d));
  }
  // What follows from an explained difference is explained; at most one round a symbol.
  for (bool again = true; again;) {
    again = false;
    for (ConfigDifference& d : out) {
      if (d.explained) continue;
      for (const std::string& cause : kconfig.influences(d.symbol)) {
        const auto it = index.find(cause);
        if (it == index.end() || !out[it->second].explained) continue;
        d.explained = again = true;
        d.reason = fmt::format("follows from {}", cause);
        break;
      }
    }
  }
  return out;
}

}  // namespace kiln::kernel
