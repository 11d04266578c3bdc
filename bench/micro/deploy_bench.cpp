/// Kernel and modules onto a machine's disk, against `tar | ssh` over the same link to the same
/// sshd: docs/performance.md, "Real machines". Prints one JSON document.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "agent/hardware/deploy.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"

namespace kiln::agent {
namespace {

constexpr int kRounds = 7;
constexpr Millis kLimit{120'000};

std::string noise(size_t size) {
  std::mt19937_64 random(7);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

double seconds(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run() {
  if (const std::string missing = LocalSshd::missing(); !missing.empty()) {
    fmt::print(stderr, "{}\n", missing);
    return 2;
  }
  const LocalSshd sshd;
  const auto folder = *os::TempFolder::make("/var/tmp", "deploy-bench-");
  const os::Path from = folder.path() / "from";
  (void)os::make_dirs(from);
  const std::vector<std::pair<std::string, size_t>> sizes{{"vmlinuz", 12 << 20},
                                                          {"modules.tar.zst", 24 << 20}};
  std::vector<DeployFile> files;
  for (const auto& [name, size] : sizes) {
    (void)os::write_atomic(from / name, noise(size));
    files.push_back({name, from / name});
  }
  (void)os::write_atomic(folder.path() / "known",
                         fmt::format("[127.0.0.1]:{} {}", sshd.endpoint().port,
                                     *os::read_file(sshd.endpoint().host_key_file, 4096)));
  auto shell = SshShell::connect(sshd.endpoint(), kLimit, {});
  if (!shell) {
    fmt::print(stderr, "{}\n", render(shell.error()));
    return 1;
  }
  std::vector<double> ours, bare, again;
  for (int round = 0; round < kRounds; ++round) {
    const os::Path to = folder.path() / fmt::format("ours-{}", round);
    const os::Path other = folder.path() / fmt::format("bare-{}", round);
    const auto copy = [&](int expected) {
      const auto report = deploy(**shell, to.string(), files, kLimit, {});
      if (!report || report->sent != expected) {
        fmt::print(stderr, "deploy: {}\n", report ? "not all was sent" : render(report.error()));
        std::exit(1);
      }
    };
    const auto tar = [&] {
      os::Command command;
      command.argv = {
          "sh", "-c",
          fmt::format("tar -C {} -cf - . | ssh -q -o BatchMode=yes -o UserKnownHostsFile={} -i {} "
                      "-p {} root@127.0.0.1 'mkdir -p {} && tar -C {} -xf - && sync {}/*'",
                      from.string(), (folder.path() / "known").string(), sshd.endpoint().key_file,
                      sshd.endpoint().port, other.string(), other.string(), other.string())};
      if (const auto done = os::run_ok(command); !done) {
        fmt::print(stderr, "tar | ssh: {}\n", render(done.error()));
        std::exit(1);
      }
    };
    // In turn, so that a slow moment of the computer hits both alike.
    if (round % 2 == 0) {
      ours.push_back(seconds([&] { copy(2); }));
      bare.push_back(seconds(tar));
    } else {
      bare.push_back(seconds(tar));
      ours.push_back(seconds([&] { copy(2); }));
    }
    again.push_back(seconds([&] { copy(0); }));
    (void)os::remove_tree(to);
    (void)os::remove_tree(other);
  }
  fmt::print(
      "{{\"mib\": 36, \"ours_s\": {:.3f}, \"tar_ssh_s\": {:.3f}, \"speed_ratio\": {:.2f}, "
      "\"unchanged_s\": {:.3f}}}\n",
      median(ours), median(bare), median(bare) / median(ours), median(again));
  return 0;
}

}  // namespace
}  // namespace kiln::agent

int main() {
  return kiln::agent::run();
}
