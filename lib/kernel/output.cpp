#include "lib/kernel/output.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "lib/base/text.h"

namespace kiln::kernel {
namespace {

struct Patterns {
  RE2 step{R"re(^  ([A-Z][A-Z0-9_+]*)(?: \[[A-Z]+\])?\s+(\S+)$)re"};
  RE2 diagnostic{
      R"re(^([^\s:][^:]*):(\d+)(?::\d+)?: *(warning|error|fatal error|Error|Warning|Fatal error): ?(.*)$)re"};
  RE2 kconfig{
      R"re(^([^\s:][^:]*):(\d+): ?(syntax error|unknown statement.*|invalid statement.*|can't open file.*|recursive inclusion.*)$)re"};
  RE2 whole{R"re(^(?:cc1|cc1plus|gcc|as|ccache|\S+-gcc): (?:fatal )?error: (.*)$)re"};
  RE2 modpost{R"re(^(ERROR|WARNING): modpost: (.*)$)re"};
  RE2 undefined{R"re(^"([^"]+)" \[([^\]]+)\] undefined!$)re"};
  RE2 objtool{R"re(^(\S+): (warning|error): objtool: (.*)$)re"};
  RE2 link{
      R"re(^(?:\S*ld(?:\.bfd|\.lld)?: )?(\S+?):(?:\([^)]*\)|\d+): (undefined reference to .*|multiple definition of .*)$)re"};
  RE2 ld{R"re(^\S*ld(?:\.bfd|\.lld)?: (error: |warning: )?(.*)$)re"};
  RE2 shell{
      R"re(^([^\s:]+): (?:line )?(\d+): (.*(?:not found|Permission denied|No such file or directory))$)re"};
  RE2 make{R"re(^make(?:\[\d+\])?: \*\*\* (.*)$)re"};
};

/// Compiled once; never changed, so free to share.
const Patterns& patterns() {
  static const Patterns all;
  return all;
}

constexpr size_t kMaxText = 2000;

}  // namespace

OutputParser::OutputParser(std::string source_root, std::string object_root)
    : source_root_(std::move(source_root)), object_root_(std::move(object_root)) {}

std::string OutputParser::relative(std::string_view path) const {
  for (const std::string* root : {&source_root_, &object_root_})
    if (!root->empty() && path.starts_with(*root) && path.size() > root->size() &&
        path[root->size()] == '/')
      path.remove_prefix(root->size() + 1);
  while (path.starts_with("./")) path.remove_prefix(2);
  while (path.starts_with("../")) path.remove_prefix(3);
  return std::string(path);
}

void OutputParser::line(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  if (text.empty()) return;
  const std::string clean = to_valid_utf8(text.substr(0, kMaxText));
  if (step(clean) || compiler(clean) || linker(clean)) return;
  others(clean);
}

bool OutputParser::step(std::string_view text) {
  std::string verb, target;
  if (!RE2::FullMatch(text, patterns().step, &verb, &target)) return false;
  last_step_ = verb + " " + target;
  if (verb == "CC" || verb == "AS" || verb == "CPP") {
    unit_ = target;
    units_.insert(target);
    ++compilations_;
  } else {
    unit_.clear();
  }
  return true;
}

bool OutputParser::compiler(std::string_view text) {
  const Patterns& p = patterns();
  std::string file, severity, message;
  int number = 0;
  if (RE2::FullMatch(text, p.diagnostic, &file, &number, &severity, &message)) {
    const bool of_unit = !file.ends_with(".config") && file.find("Kconfig") == std::string::npos;
    if (severity == "warning" || severity == "Warning")
      add_warning(relative(file), number, std::move(message), of_unit);
    else
      add_error(relative(file), number, std::move(message), false);
    return true;
  }
  if (RE2::FullMatch(text, p.kconfig, &file, &number, &message)) {
    add_error(relative(file), number, std::move(message), false);
    return true;
  }
  if (RE2::FullMatch(text, p.whole, &message)) {
    add_error(unit_, 0, std::move(message), false);
    return true;
  }
  return false;
}

bool OutputParser::linker(std::string_view text) {
  const Patterns& p = patterns();
  std::string kind, file, message, symbol;
  if (RE2::FullMatch(text, p.modpost, &kind, &message)) {
    if (RE2::FullMatch(message, p.undefined, &symbol, &file))
      message = fmt::format("modpost: \"{}\" undefined", symbol);
    else
      message = "modpost: " + message;
    if (kind == "ERROR")
      add_error(relative(file), 0, std::move(message), false);
    else
      add_warning(relative(file), 0, std::move(message), false);
    return true;
  }
  if (RE2::FullMatch(text, p.objtool, &file, &kind, &message)) {
    if (kind == "error")
      add_error(relative(file), 0, "objtool: " + message, false);
    else
      add_warning(relative(file), 0, "objtool: " + message, true);
    return true;
  }
  if (RE2::FullMatch(text, p.link, &file, &message)) {
    add_error(relative(file), 0, std::move(message), false);
    return true;
  }
  if (RE2::FullMatch(text, p.ld, &kind, &message)) {
    if (kind == "warning: ")
      add_warning("", 0, "ld: " + message, false);
    else if (message.find("in function `") == std::string::npos)
      add_error("", 0, "ld: " + message, !message.ends_with("No space left on device"));
    return true;
  }
  return false;
}

bool OutputParser::others(std::string_view text) {
  std::string message;
  std::string file;
  int number = 0;
  if (RE2::FullMatch(text, patterns().shell, &file, &number, &message)) {
    add_error(relative(file), number, std::move(message), false);
    return true;
  }
  if (!RE2::FullMatch(text, patterns().make, &message)) return false;
  if (message.starts_with("Deleting file") || message.starts_with("Waiting for")) return true;
  add_error("", 0, "make: " + message, true);
  return true;
}

void OutputParser::add_warning(std::string file, int line, std::string text, bool of_unit) {
  if (count_ >= kMaxWarnings) return;
  std::vector<Warning>& list = warnings_[of_unit ? unit_ : std::string()];
  Warning warning{std::move(file), line, std::move(text)};
  if (std::find(list.begin(), list.end(), warning) != list.end()) return;
  list.push_back(std::move(warning));
  ++count_;
}

void OutputParser::add_error(std::string file, int line, std::string text, bool weak) {
  std::optional<Warning>& slot = weak ? weak_error_ : error_;
  if (!slot) slot = Warning{std::move(file), line, std::move(text)};
}

std::optional<Warning> OutputParser::first_error() const {
  return error_ ? error_ : weak_error_;
}

std::string to_text(const Warning& warning) {
  if (warning.file.empty()) return warning.text;
  if (warning.line == 0) return fmt::format("{}: {}", warning.file, warning.text);
  return fmt::format("{}:{}: {}", warning.file, warning.line, warning.text);
}

}  // namespace kiln::kernel
