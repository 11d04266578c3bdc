#include "lib/symbols/units.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/symbols/object_file.h"

namespace kiln::symbols {
namespace {

constexpr uint64_t kMaxList = 4 << 20;
constexpr uint64_t kMaxArchive = 64 << 20;

/// A path that stays in the folder.
bool is_unit(std::string_view path) {
  return path.ends_with(".o") && path.size() < 512 && !path.starts_with('/') &&
         path.find("..") == std::string_view::npos &&
         path.find_first_of(" \t'\"\\`$;&|<>") == std::string_view::npos;
}

/// "drivers/gpu/drm/i915/i915" for i915, by the list of all modules.
Result<std::string> stem_of_module(const os::Path& objects, const std::string& module) {
  KILN_ASSIGN(const std::string order, os::read_file(objects / "modules.order", kMaxList));
  for (const std::string& line : split_lines(order)) {
    const std::string_view path = trim(line);
    const std::string stem(path.substr(0, path.rfind('.')));
    std::string name = stem.substr(stem.rfind('/') + 1);
    std::replace(name.begin(), name.end(), '-', '_');
    if (name == module && is_unit(stem + ".o")) return stem;
  }
  return fail(ErrorKind::kNotFound, fmt::format("the build has no module {}", module));
}

/// Words of a shell's command; a quoted part belongs to its word and keeps its quotes.
std::vector<std::string> words_of(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  for (const char c : command) {
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
      continue;
    }
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    }
    word.push_back(c);
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

Result<std::vector<std::string>> units_of(const os::Path& objects, const std::string& module) {
  std::vector<std::string> units;
  if (module.empty()) {
    KILN_ASSIGN(const std::string archive, os::read_file(objects / "vmlinux.a", kMaxArchive));
    KILN_ASSIGN(units, thin_archive_members(archive));
  } else {
    KILN_ASSIGN(const std::string stem, stem_of_module(objects, module));
    KILN_ASSIGN(const std::string list, os::read_file(objects / (stem + ".mod"), kMaxList));
    for (const std::string& line : split_lines(list))
      for (std::string& word : words_of(line)) units.push_back(std::move(word));
  }
  std::erase_if(units, [](const std::string& unit) { return !is_unit(unit); });
  return units;
}

Result<std::string> twin_command(std::string_view cmd_file, const std::string& unit,
                                 const std::string& target) {
  const auto none = [&] {
    return fail(ErrorKind::kBadInput, fmt::format("it is not recorded how {} was compiled", unit));
  };
  std::string_view line = cmd_file.substr(0, cmd_file.find('\n'));
  const std::string start = "cmd_" + unit + " := ";
  if (line.starts_with("saved")) line.remove_prefix(5);
  if (!line.starts_with(start)) return none();
  // As make reads it.
  const std::string command = replaced(
      replaced(replaced(std::string(line.substr(start.size())), "$(pound)", "#"), "\\#", "#"), "$$",
      "$");
  std::vector<std::string> words = words_of(command);
  bool compiles = false;
  bool writes = false;
  std::string out;
  for (std::string& word : words) {
    if (word.starts_with("-Wp,-MMD,") || word.starts_with("-Wp,-MD,")) continue;
    if (word == "-c" && !compiles) {
      out += "-g ";
      compiles = true;
    }
    if (word == unit) {
      word = target;
      writes = true;
    }
    out += word + ' ';
  }
  if (!compiles || !writes) return none();
  return std::string(trim(out));
}

}  // namespace kiln::symbols
