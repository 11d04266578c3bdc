#include "agent/test/identity.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "lib/base/text.h"
#include "lib/hygiene/conditions.h"

namespace kiln::agent {
namespace {

constexpr uint32_t kNtGnuBuildId = 3;
constexpr size_t kMaxNotes = 1 << 20;

uint32_t word_at(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// Base64 without line breaks; "" when it is none.
std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > kMaxNotes * 2) return {};
  std::string out(text.size() / 4 * 3 + 1, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) return {};
  size_t size = static_cast<size_t>(n);
  for (size_t i = text.size(); i > 0 && text[i - 1] == '=' && size > 0; --i) --size;
  out.resize(size);
  return out;
}

int64_t number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string module_lines(const std::vector<std::string>& modules) {
  std::string out;
  for (const std::string& module : modules) {
    const std::string name = shell_quote(module);
    out += fmt::format(
        "f=/sys/module/{0}/notes/.note.gnu.build-id; "
        "[ ! -r $f ] || echo module:{0}=$(base64 -w0 $f)\n",
        name);
  }
  return out;
}

std::string shown(const std::string& value) {
  return value.empty() ? "none" : value;
}

}  // namespace

std::string build_id_of_notes(std::string_view notes) {
  constexpr size_t kHeader = 12;
  const auto padded = [](size_t size) { return (size + 3) & ~size_t{3}; };
  while (notes.size() >= kHeader) {
    const size_t name_size = word_at(notes, 0);
    const size_t desc_size = word_at(notes, 4);
    const uint32_t type = word_at(notes, 8);
    notes.remove_prefix(kHeader);
    if (name_size > notes.size() || padded(name_size) > notes.size()) return {};
    const std::string_view name = notes.substr(0, name_size);
    notes.remove_prefix(padded(name_size));
    if (desc_size > notes.size()) return {};
    if (type == kNtGnuBuildId && name == std::string_view("GNU\0", 4))
      return hex(notes.substr(0, desc_size));
    notes.remove_prefix(std::min(padded(desc_size), notes.size()));
  }
  return {};
}

std::string probe_script(const std::vector<std::string>& modules) {
  const std::string facts =
      "echo release=$(uname -r)\n"
      "read -r x </proc/sys/kernel/random/boot_id; echo boot_id=$x\n"
      "read -r x </proc/sys/kernel/tainted; echo taint=$x\n"
      "read -r x </proc/cmdline; echo \"cmdline=$x\"\n"
      "echo notes=$(base64 -w0 /sys/kernel/notes)\n" +
      module_lines(modules) +
      "x=$(zcat /proc/config.gz | sha256sum); echo config=${x%% *}\n"
      "while read -r name value unit; do\n"
      "  case $name in MemTotal:|HighTotal:) echo \"$name=$value\";; esac\n"
      "done </proc/meminfo\n"
      "x=$(df -Pk / | tail -n 1); set -- $x; echo disk=$4\n" +
      hygiene::reading_script(/*look_for_load=*/false) + "echo end=kiln-probe\n";
  // busybox has all of these programs within its shell; a program's start costs an emulated machine
  // 25 ms. Its date knows no fractions of a second.
  return fmt::format(
      "echo now=$(date +%s.%N)\nfacts={}\n"
      "! command -v busybox >/dev/null || exec busybox sh -c \"$facts\"\neval \"$facts\"\n",
      shell_quote(facts));
}

std::string module_script(const std::vector<std::string>& modules) {
  return module_lines(modules) + "true\n";
}

std::map<std::string, std::string> read_modules(std::string_view output) {
  constexpr std::string_view kPrefix = "module:";
  std::map<std::string, std::string> out;
  for (const std::string& line : split_lines(output)) {
    const size_t equal = line.find('=');
    if (!line.starts_with(kPrefix) || equal == std::string::npos) continue;
    const std::string_view value = std::string_view(line).substr(equal + 1);
    out[line.substr(kPrefix.size(), equal - kPrefix.size())] =
        build_id_of_notes(decode_base64(trim(value)));
  }
  return out;
}

Result<Identity> read_probe(std::string_view output, WallTime host_now) {
  std::map<std::string, std::string> values;
  for (const std::string& line : split_lines(output)) {
    const size_t equal = line.find('=');
    if (equal != std::string::npos)
      values[line.substr(0, equal)] = trim(std::string_view(line).substr(equal + 1));
  }
  if (values["end"] != "kiln-probe") {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("the machine's answer about itself is cut off: \"{}\"",
                            to_valid_utf8(output.substr(0, 200))));
  }
  Identity id;
  id.release = values["release"];
  id.boot_id = values["boot_id"];
  id.taint = number(values["taint"]);
  id.cmdline = to_valid_utf8(values["cmdline"]);
  id.kernel_build_id = build_id_of_notes(decode_base64(values["notes"]));
  id.module_build_ids = read_modules(output);
  id.config_digest = values["config"];
  id.mem_total_kib = number(values["MemTotal:"]);
  id.high_total_kib = number(values["HighTotal:"]);
  id.disk_free_kib = number(values["disk"]);
  double now = 0;
  std::from_chars(values["now"].data(), values["now"].data() + values["now"].size(), now);
  const double host = static_cast<double>(host_now.time_since_epoch().count()) / 1000.0;
  id.clock_offset_seconds = std::round((now - host) * 1000.0) / 1000.0;
  return id;
}

std::vector<std::string> module_differences(const ExpectedIdentity& expected,
                                            const std::map<std::string, std::string>& seen) {
  std::vector<std::string> out;
  for (const auto& [module, build_id] : seen) {
    const auto wanted = expected.module_build_ids.find(module);
    if (wanted != expected.module_build_ids.end() && wanted->second != build_id) {
      out.push_back(fmt::format("the loaded module {} has build id {}, built was {}", module,
                                shown(build_id), wanted->second));
    }
  }
  return out;
}

std::vector<std::string> differences(const ExpectedIdentity& expected, const Identity& seen,
                                     const std::string& nonce,
                                     const std::vector<std::string>& old_boot_ids) {
  std::vector<std::string> out;
  const auto compare = [&](std::string_view what, const std::string& is, const std::string& want) {
    if (is != want) out.push_back(fmt::format("{} is {}, built was {}", what, shown(is), want));
  };
  compare("the kernel's release", seen.release, expected.release);
  compare("the kernel's build id", seen.kernel_build_id, expected.kernel_build_id);
  compare("the sha256 of the kernel's config", seen.config_digest, expected.config_digest);
  for (std::string& text : module_differences(expected, seen.module_build_ids))
    out.push_back(std::move(text));
  if (expected.wants_highmem && seen.high_total_kib == 0)
    out.emplace_back("the machine has no high memory (HighTotal is 0), the config wants it");
  if (!expected.wants_highmem && seen.high_total_kib != 0)
    out.push_back(
        fmt::format("the machine has high memory (HighTotal is {} KiB), the config wants "
                    "none",
                    seen.high_total_kib));
  bool nonce_seen = false;
  for (const std::string& word : split(seen.cmdline, ' '))
    nonce_seen = nonce_seen || word == "kiln.session=" + nonce;
  if (!nonce_seen)
    out.push_back(fmt::format("the command line does not hold kiln.session={}", nonce));
  if (seen.boot_id.empty()) out.emplace_back("the kernel has no boot id");
  for (const std::string& old : old_boot_ids) {
    if (old == seen.boot_id) out.push_back(fmt::format("boot id {} was seen before", old));
  }
  return out;
}

}  // namespace kiln::agent
