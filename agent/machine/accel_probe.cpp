#include "agent/machine/accel_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "agent/machine/kvm_probe_code.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr int kProbeExit = 33;  // isa-debug-exit: (0x10 << 1) | 1
constexpr std::string_view kProbeText = "KILN-KVM-OK";

std::string host_boot_id() {
  return std::string(trim(os::read_file("/proc/sys/kernel/random/boot_id", 100).value_or("?")));
}

std::string boot_sector() {
  std::string image(512, '\0');
  for (size_t i = 0; i < kKvmProbeCode.size(); ++i) image[i] = static_cast<char>(kKvmProbeCode[i]);
  image[510] = '\x55';
  image[511] = '\xaa';
  return image;
}

Result<std::string> qemu_version(const std::string& program, std::stop_token stop) {
  os::Command command;
  command.argv = {program, "--version"};
  command.timeout = Millis(20'000);
  KILN_ASSIGN(const std::string text, os::run_ok(command, stop));
  // "QEMU emulator version 7.2.22 (Debian ...)"
  const auto words = split(text.substr(0, text.find('\n')), ' ');
  return words.size() > 3 ? words[3] : std::string("?");
}

}  // namespace

Result<AccelAnswer> AccelProbe::choose(std::stop_token stop) {
  auto state = state_.lock();
  if (state->answer) return *state->answer;
  KILN_ASSIGN(const std::string version, qemu_version(config_.qemu, stop));
  state->key = host_boot_id() + " " + version;
  if (const auto text = os::read_file(config_.memory_file, 1 << 16)) {
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_object() && json.value("key", "") == state->key) {
      state->answer = AccelAnswer{json.value("kvm", false), json.value("why", ""), version};
      return *state->answer;
    }
  }
  KILN_ASSIGN(AccelAnswer answer, probe(version, stop));
  remember(state->key, answer);
  state->answer = answer;
  return answer;
}

void AccelProbe::kvm_failed(const std::string& why) {
  auto state = state_.lock();
  if (!state->answer || !state->answer->kvm) return;
  state->answer->kvm = false;
  state->answer->why = why;
  remember(state->key, *state->answer);
}

void AccelProbe::remember(const std::string& key, const AccelAnswer& answer) {
  const nlohmann::json json{{"key", key}, {"kvm", answer.kvm}, {"why", answer.why}};
  // Not being able to remember costs one more probe next time, nothing else.
  (void)os::write_atomic(config_.memory_file,
                         json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Result<AccelAnswer> AccelProbe::probe(const std::string& version, std::stop_token stop) {
  AccelAnswer answer{false, "", version};
  if (::access(config_.kvm_device.c_str(), F_OK) != 0) {
    answer.why = "there is no " + config_.kvm_device.string();
    return answer;
  }
  if (::access(config_.kvm_device.c_str(), R_OK | W_OK) != 0) {
    answer.why = "no permission to use " + config_.kvm_device.string();
    return answer;
  }
  const os::Path image = config_.memory_file.string() + ".probe.img";
  KILN_TRY(os::write_atomic(image, boot_sector()));
  os::Command command;
  command.argv = {config_.qemu, "-accel", config_.accel, "-cpu", "Haswell-noTSX", "-m", "64",
                  "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial",
                  "stdio", "-device", "isa-debug-exit,iobase=0xf4", "-boot", "a", "-drive",
                  // floppy: the one controller whose boot sector fits in 512 bytes read-only
                  fmt::format("file={},format=raw,if=floppy,readonly=on", image.string())};
  command.timeout = config_.limit;
  auto exit = os::run(command, stop);
  ::unlink(image.c_str());
  if (!exit) return fail(std::move(exit.error()));
  answer.kvm = exit->code == kProbeExit && exit->out.find(kProbeText) != std::string::npos;
  if (answer.kvm) {
    answer.why = fmt::format("KVM booted the probe in {}", human_duration(exit->elapsed));
  } else if (exit->timed_out) {
    answer.why = fmt::format("a guest under KVM hung for {}", human_duration(config_.limit));
  } else {
    const auto lines = split_lines(exit->err);
    answer.why = fmt::format(
        "a guest under KVM did not run: {}",
        lines.empty() ? fmt::format("exit code {}", exit->code) : to_valid_utf8(lines.back()));
  }
  return answer;
}

}  // namespace kiln::agent
