#include "lib/machine/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "lib/base/text.h"
#include "lib/machine/gpu.h"
#include "lib/machine/read.h"

namespace kiln::machine {
namespace {

constexpr size_t kMaxComment = 150;

bool is_plain_word(const std::string& value) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (value.empty() || !(letter(value[0]) || value[0] == '/')) return false;
  for (const char* word : {"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
    if (value.size() == std::string_view(word).size() &&
        std::equal(value.begin(), value.end(), word,
                   [](char a, char b) { return (a | 0x20) == b; }))
      return false;
  return std::all_of(value.begin(), value.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' || c == '-';
  });
}

std::string comment(const std::string& text) {
  return "# " + text.substr(0, kMaxComment) + "\n";
}

std::string boot_text(const BootSpec& boot) {
  std::string out = "{driver: " + boot.driver;
  if (!boot.esp.empty()) out += ", esp: " + yaml_word(boot.esp);
  if (!boot.folder.empty()) out += ", folder: " + yaml_word(boot.folder);
  if (!boot.cmdline.empty()) out += ", cmdline: " + yaml_word(boot.cmdline);
  return out + "}";
}

/// Number of the first line, from 0, behind the block of `machines` without what belongs to the
/// next key: its comments, and empty lines.
size_t end_of_machines(const conf::Value& root, const conf::Value::Member& machines,
                       const std::vector<std::string>& lines) {
  size_t end = lines.size();
  for (const conf::Value::Member& other : root.members)
    if (other.line > machines.line) end = std::min(end, static_cast<size_t>(other.line - 1));
  while (end > static_cast<size_t>(machines.line) &&
         (trim(lines[end - 1]).empty() || lines[end - 1].starts_with('#')))
    --end;
  return end;
}

/// Where the list's dashes stand; nullopt when it has none (a list in brackets).
std::optional<size_t> dash_column(const conf::Value& list, const std::vector<std::string>& lines,
                                  size_t first) {
  if (list.items.empty()) return std::nullopt;
  for (size_t i = static_cast<size_t>(list.items.back().line); i > first; --i) {
    const size_t at = lines[i - 1].find_first_not_of(' ');
    if (at != std::string::npos && lines[i - 1][at] == '-') return at;
  }
  return std::nullopt;
}

std::string indented(const std::string& text, size_t by) {
  std::string out;
  for (const std::string& line : split_lines(text)) out += std::string(by, ' ') + line + "\n";
  return out;
}

/// Nothing but the new machine differs, and it can be read.
Status check_result(const std::string& file, const std::string& text, const LabFile* before,
                    const std::string& name) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  KILN_ASSIGN(const conf::Document document, conf::parse(file, folder, text));
  KILN_ASSIGN(const LabFile after, read_lab_file(document));
  std::vector<std::string> wanted;
  if (before != nullptr)
    for (const MachineSpec& each : before->machines) wanted.push_back(each.name);
  wanted.push_back(name);
  std::vector<std::string> found;
  for (const MachineSpec& each : after.machines) found.push_back(each.name);
  if (found == wanted) return {};
  return fail(ErrorKind::kBadInput,
              fmt::format("{} is written in a way that a machine cannot be added to", file));
}

}  // namespace

std::string yaml_word(const std::string& value) {
  if (is_plain_word(value)) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Status check_flow_map(const std::string& what, const std::string& text) {
  const bool one_line = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (one_line && text.starts_with('{') && text.ends_with('}')) return {};
  return fail(
      Error(ErrorKind::kBadInput, fmt::format("`{}` is no map for `{}`", text, what))
          .with_hint("as in the lab file: '{driver: none}'; docs/lab-file.md has the rest"));
}

Entry propose_entry(const std::string& name, const Survey& survey) {
  Entry out;
  out.name = name;
  out.comments.push_back(fmt::format("{}, {}, {}", survey.product.empty() ? "?" : survey.product,
                                     survey.cpu, ram_words(survey.ram_kib)));
  out.comments.push_back(fmt::format("{}, {}, firmware {}", survey.system, survey.kernel,
                                     survey.firmware.empty() ? "not known" : survey.firmware));
  for (const Gpu& gpu : survey.gpus) {
    const auto kind = gpu_kind(gpu.id);
    out.comments.push_back(fmt::format(
        "GPU {} at {}: {}, driver {}", gpu.id, gpu.slot,
        kind ? fmt::format("{}, gen{}", kind->platform, kind->generation) : "generation not known",
        gpu.driver.empty() ? "none" : gpu.driver));
    if (!kind || out.tags.size() > 1) continue;
    out.tags = {"intel", fmt::format("gen{}", kind->generation), std::string(kind->platform)};
    if (!gpu.driver.empty()) out.tags.push_back(gpu.driver);
    out.facts.emplace_back("gpu", gpu.id);
  }
  if (survey.ram_kib != 0) out.facts.emplace_back("ram", ram_words(survey.ram_kib));
  if (survey.systemd_boot) {
    const std::string esp = survey.esp.empty() ? "/boot/efi" : survey.esp;
    out.boot = {"systemd-boot", esp + "/kiln", esp, ""};
  } else if (survey.grub) {
    out.boot.driver = "grub";
  } else if (survey.kexec) {
    out.boot.driver = "kexec";
  }
  if (out.boot.driver != "none") out.boot.cmdline = built_cmdline(survey);
  return out;
}

std::string entry_text(const Entry& entry) {
  std::string out;
  for (const std::string& line : entry.comments) out += comment(line);
  out += "- name: " + entry.name + "\n";
  std::string rest;
  std::vector<std::string> words;
  for (const std::string& tag : entry.tags) words.push_back(yaml_word(tag));
  rest += "tags: [" + join(words, ", ") + "]\n";
  words.clear();
  for (const auto& [key, value] : entry.facts) words.push_back(key + ": " + yaml_word(value));
  if (!words.empty()) rest += "facts: {" + join(words, ", ") + "}\n";
  rest += entry.power.empty()
              ? "# power: what can switch it; without it a hang waits for a person\n"
              : "power: " + entry.power + "\n";
  rest += entry.console.empty()
              ? "# console: its serial line; without it a kernel that dies early dies unheard\n"
              : "console: " + entry.console + "\n";
  if (entry.boot.driver == "none")
    rest += "# boot: what starts a kernel once; without it no session can run\n";
  else
    rest += "boot: " + boot_text(entry.boot) + "\n";
  const ShellSpec& shell = entry.shell;
  rest += "shell: {address: " + yaml_word(shell.address);
  if (shell.port != 22) rest += fmt::format(", port: {}", shell.port);
  if (shell.user != "root") rest += ", user: " + yaml_word(shell.user);
  rest += fmt::format(", key_file: {}, host_key_file: {}}}\n", yaml_word(shell.key_file),
                      yaml_word(shell.host_key_file));
  return out + indented(rest, 2);
}

Result<std::string> with_entry(const std::string& file, const std::string& text,
                               const std::string& name, const std::string& entry) {
  if (trim(text).empty()) {
    const std::string out =
        "# The machines of this computer's agent: docs/lab-file.md\nlab: 1\n"
        "machines:\n" +
        indented(entry, 2);
    KILN_TRY(check_result(file, out, nullptr, name));
    return out;
  }
  const std::string folder = std::filesystem::path(file).parent_path().string();
  KILN_ASSIGN(const conf::Document document, conf::parse(file, folder, text));
  KILN_ASSIGN(const LabFile before, read_lab_file(document));
  if (before.find(name) != nullptr)
    return fail(
        Error(ErrorKind::kConflict, fmt::format("{} has a machine {} already", file, name))
            .with_hint("what it says of it is yours to change; kiln machine check tries it"));
  const conf::Value::Member* machines = conf::Node(document).find("machines");
  auto lines = split(text, '\n');
  if (text.ends_with('\n')) lines.pop_back();
  const auto first = static_cast<size_t>(machines->line);
  size_t dash = 2;
  if (machines->value.items.empty() && trim(lines[first - 1]) == "machines: []") {
    lines[first - 1] = "machines:";
  } else if (const auto at = dash_column(machines->value, lines, first)) {
    dash = *at;
  } else {
    return fail(document.error_at(machines->line, machines->column, 8,
                                  "`machines` is written in brackets: nothing can be added to it",
                                  "a line with a dash for each machine"));
  }
  const size_t end = end_of_machines(document.root(), *machines, lines);
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == end) out += "\n" + indented(entry, dash);
    out += lines[i] + "\n";
  }
  if (end == lines.size()) out += "\n" + indented(entry, dash);
  KILN_TRY(check_result(file, out, &before, name));
  return out;
}

}  // namespace kiln::machine
