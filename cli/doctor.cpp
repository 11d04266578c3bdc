/// kiln doctor: what is missing on this computer and the command that mends it.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "cli/doctor_check.h"
#include "cli/paths.h"
#include "cli/terminal.h"
#include "controller/builder/sandbox.h"
#include "lib/base/text.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::cli {
namespace {

constexpr uint64_t kDiskWanted =
    15'000'000'000ULL;  // sources, objects and image of the founding job
constexpr uint64_t kMemoryWanted = 6'000'000'000ULL;

Check check_packages(const std::filesystem::path& home) {
  os::Command command;
  command.argv = {(home / "packaging" / "missing").string(), "build", "run"};
  const auto missing = os::run_ok(command);
  if (!missing) return {"packages", "missing", missing.error().message, ""};
  const std::string names(trim(*missing));
  if (names.empty()) return {"packages", "ok", "all of packaging/packages.txt are installed", ""};
  return {"packages", "missing", "not installed: " + names,
          "sudo apt-get install -y --no-install-recommends " + names};
}

/// Tries what builds will use, in the same way.
Check check_sandbox() {
  const auto sandbox = builder::Sandbox::probe();
  if (sandbox) return {"sandbox", "ok", sandbox->level(), ""};
  return {"sandbox", "missing", sandbox.error().message, sandbox.error().hint};
}

/// A range of user ids: the image recipe needs one when it does not run as root.
bool has_sub_ids(const std::string& file) {
  const auto text = os::read_file(file, 1 << 20);
  if (!text) return false;
  const passwd* user = ::getpwuid(::geteuid());
  const std::string id = std::to_string(::geteuid()) + ":";
  for (const std::string_view line : split_lines(*text))
    if (line.starts_with(id) ||
        (user != nullptr && line.starts_with(std::string(user->pw_name) + ":")))
      return true;
  return false;
}

/// Can the machines' root images be made here?
Check check_images() {
  os::Command command;
  command.argv = {"arch-test", "i386"};
  const auto exit = os::run(command);
  if (!exit) return {"images", "missing", exit.error().message, exit.error().hint};
  if (!exit->ok())
    return {"images", "missing",
            "this computer cannot execute i386 programs (tried: arch-test i386)",
            "use an x86 kernel with CONFIG_IA32_EMULATION, or: sudo apt-get install -y "
            "qemu-user-static"};
  if (::geteuid() != 0 && !(has_sub_ids("/etc/subuid") && has_sub_ids("/etc/subgid")))
    return {"images", "missing", "you have no range of user ids in /etc/subuid and /etc/subgid",
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"};
  return {"images", "ok", "i386 programs run; root images can be made", ""};
}

Check check_kvm() {
  if (::access("/dev/kvm", F_OK) != 0)
    return {"kvm", "note",
            "no /dev/kvm: machines are emulated (TCG), slower; wall clock is information only", ""};
  if (::access("/dev/kvm", R_OK | W_OK) != 0)
    return {"kvm", "note", "/dev/kvm is there but may not be opened",
            "sudo usermod -aG kvm $USER, then log in again"};
  return {"kvm", "ok", "/dev/kvm opens; the first run proves it with a real boot", ""};
}

Check check_disk(const std::filesystem::path& folder) {
  std::filesystem::path at = folder;
  std::error_code code;
  while (!std::filesystem::exists(at, code) && at.has_relative_path()) at = at.parent_path();
  const auto free = os::free_bytes(at);
  if (!free)
    return {"disk", "missing", free.error().message, "name another data folder with --data-dir"};
  if (::access(at.c_str(), W_OK) != 0)
    return {"disk", "missing", folder.string() + " may not be written",
            "name another data folder with --data-dir"};
  const std::string found = fmt::format("{} free for {}", human_bytes(*free), folder.string());
  if (*free < kDiskWanted)
    return {"disk", "missing",
            found + fmt::format(", about {} are needed", human_bytes(kDiskWanted)),
            "free some space, or name another data folder with --data-dir"};
  return {"disk", "ok", found, ""};
}

Check check_memory() {
  struct sysinfo info {};
  ::sysinfo(&info);
  const uint64_t total = static_cast<uint64_t>(info.totalram) * info.mem_unit;
  const std::string found =
      fmt::format("{}, {} processors", human_bytes(total), std::thread::hardware_concurrency());
  if (total < kMemoryWanted)
    return {"memory", "note", found + "; a test machine of 2 GiB beside a build wants 6 GB", ""};
  return {"memory", "ok", found, ""};
}

void print_text(const std::vector<Check>& checks) {
  for (const Check& check : checks) {
    std::cout << fmt::format("{:<8} {:<12} {}\n", check.state, check.name, check.found);
    if (!check.mend.empty()) std::cout << fmt::format("{:<21} mend: {}\n", "", check.mend);
  }
}

void print_json(const std::vector<Check>& checks) {
  nlohmann::json all = nlohmann::json::array();
  for (const Check& check : checks)
    all.push_back({{"name", check.name},
                   {"state", check.state},
                   {"found", check.found},
                   {"mend", check.mend}});
  std::cout << nlohmann::json{{"checks", all}}.dump(2, ' ', false,
                                                    nlohmann::json::error_handler_t::replace)
            << "\n";
}

}  // namespace

int doctor_command(const Options& options) {
  const auto of_lab = check_lab(options);
  if (!of_lab) return report_error(options, of_lab.error());
  std::vector<Check> checks = *of_lab;
  if (checks.empty()) {
    const auto home = home_dir(options.home);
    if (!home) return report_error(options, home.error());
    const auto data = data_dir(options.data_dir);
    if (!data) return report_error(options, data.error());
    checks = {check_packages(*home), check_sandbox(),   check_images(),
              check_kvm(),           check_disk(*data), check_memory()};
  }
  options.format == Format::kJson ? print_json(checks) : print_text(checks);
  for (const Check& check : checks)
    if (check.state == "missing") return kNoVerdict;
  return kOk;
}

}  // namespace kiln::cli
