#include "agent/hardware/deploy.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr uint64_t kSpare = 16ULL << 20;  ///< to be left free on the machine's disk
constexpr uint64_t kMaxListing = 1 << 20;

bool is_plain(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '-' && name.size() <= 128 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "._-") == std::string::npos;
}

class Deployment {
 public:
  Deployment(Shell& shell, const std::string& folder, Millis timeout, std::stop_token stop)
      : shell_(shell), folder_(shell_quote(folder)), name_(folder), stop_(std::move(stop)) {
    deadline_ = std::chrono::steady_clock::now() + timeout;
  }

  Result<ShellReply> run(const std::string& command, const os::Path& input = {}) {
    ShellRequest request;
    request.command = command;
    request.input_file = input.string();
    request.max_output = kMaxListing;
    request.timeout = std::max(
        Millis(1), std::chrono::ceil<Millis>(deadline_ - std::chrono::steady_clock::now()));
    return shell_.run(request, stop_);
  }

  /// Name -> hash of what is there; makes the folder. `free` gets the disk's free bytes.
  Result<std::map<std::string, std::string>> look(uint64_t* free) {
    KILN_ASSIGN(const ShellReply reply,
                run(fmt::format("mkdir -p {0} && cd {0} && df -Pk . | awk 'NR==2{{print $4}}' && "
                                "find . -mindepth 1 -maxdepth 1 -type f ! -name '*.part' -exec "
                                "sha256sum {{}} +",
                                folder_)));
    if (!reply.ok()) return fail(broken("look", reply));
    const auto lines = split_lines(reply.out);
    uint64_t kib = 0;
    if (lines.empty() ||
        std::from_chars(lines[0].data(), lines[0].data() + lines[0].size(), kib).ec != std::errc())
      return fail(broken("look", reply));
    *free = kib << 10;
    std::map<std::string, std::string> out;
    for (size_t i = 1; i < lines.size(); ++i)  // "HASH  ./NAME"
      if (lines[i].size() > 68) out[lines[i].substr(68)] = lines[i].substr(0, 64);
    return out;
  }

  Status send(const DeployFile& file) {
    KILN_ASSIGN(const ShellReply reply,
                run(fmt::format("cd {} && cat > {}.part", folder_, file.name), file.local));
    if (!reply.ok()) return fail(broken("send " + file.name, reply));
    return {};
  }

  /// The hashes are of what the disk has: the cache is dropped for these files first. All at once,
  /// since each sync may wait for the whole disk.
  Status check(const std::vector<std::pair<const DeployFile*, std::string>>& files) {
    std::string command = "cd " + folder_ + " && sync";
    std::string rest;
    for (const auto& [file, hash] : files) {
      command += " " + file->name + ".part";
      rest += fmt::format(
          " && {{ dd if={0}.part iflag=nocache count=0 2>/dev/null; "
          "sha256sum < {0}.part; }}",
          file->name);
    }
    KILN_ASSIGN(const ShellReply reply, run(command + rest));
    if (!reply.ok()) return fail(broken("read back", reply));
    const auto lines = split_lines(reply.out);
    for (size_t i = 0; i < files.size(); ++i) {
      const std::string there = i < lines.size() ? lines[i].substr(0, 64) : "";
      if (there != files[i].second)
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("{} arrived as {}, it is {}: half a file, or a bad disk",
                                files[i].first->name, to_valid_utf8(there), files[i].second));
    }
    return {};
  }

  Status name(const std::vector<std::pair<const DeployFile*, std::string>>& files) {
    std::string command = "cd " + folder_;
    for (const auto& [file, hash] : files)
      command += fmt::format(" && mv {0}.part {0}", file->name);
    KILN_ASSIGN(const ShellReply moved, run(command + " && sync ."));
    if (!moved.ok()) return fail(broken("rename", moved));
    return {};
  }

  Status remove(const std::vector<std::string>& names) {
    std::string command = "cd " + folder_ + " && rm -rf -- *.part";
    for (const std::string& name : names) command += " " + shell_quote("./" + name);
    KILN_ASSIGN(const ShellReply reply, run(command));
    if (!reply.ok()) return fail(broken("remove old files", reply));
    return {};
  }

  [[nodiscard]] Error broken(const std::string& step, const ShellReply& reply) const {
    const std::string words = to_valid_utf8(trim(std::string_view(reply.err).substr(0, 300)));
    const bool full = words.find("No space left") != std::string::npos;
    return Error(full ? ErrorKind::kNoSpace : ErrorKind::kInfrastructure,
                 fmt::format("{} in {} on the machine: exit code {}: {}", step, name_,
                             reply.exit_code, words));
  }

 private:
  Shell& shell_;
  std::string folder_;  ///< quoted
  std::string name_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

Result<DeployReport> deploy(Shell& shell, const std::string& folder,
                            const std::vector<DeployFile>& files, Millis timeout,
                            std::stop_token stop) {
  Deployment to(shell, folder, timeout, std::move(stop));
  uint64_t free = 0;
  KILN_ASSIGN(auto there, to.look(&free));
  DeployReport report;
  std::vector<std::pair<const DeployFile*, std::string>> wanted;
  for (const DeployFile& file : files) {
    if (!is_plain(file.name)) return fail(ErrorKind::kInternal, "no file's name: " + file.name);
    KILN_ASSIGN(std::string hash, os::sha256_file(file.local));
    const auto found = there.find(file.name);
    const bool same = found != there.end() && found->second == hash;
    if (found != there.end()) there.erase(found);
    if (same) {
      ++report.kept;
      continue;
    }
    KILN_ASSIGN(const uint64_t size, os::file_size(file.local));
    report.bytes += size;
    wanted.emplace_back(&file, std::move(hash));
  }
  std::vector<std::string> old;
  for (const auto& [name, hash] : there) old.push_back(name);
  KILN_TRY(to.remove(old));
  if (!old.empty()) {
    KILN_TRY(to.look(&free));
  }
  if (!wanted.empty() && report.bytes + kSpare > free)
    return fail(ErrorKind::kNoSpace,
                fmt::format("{} on the machine has {} free, {} are to be copied", folder,
                            human_bytes(free), human_bytes(report.bytes)));
  if (wanted.empty()) return report;
  for (const auto& [file, hash] : wanted) KILN_TRY(to.send(*file));
  KILN_TRY(to.check(wanted));
  KILN_TRY(to.name(wanted));
  report.sent = static_cast<int>(wanted.size());
  return report;
}

Status empty_folder(Shell& shell, const std::string& folder, Millis timeout, std::stop_token stop) {
  Deployment to(shell, folder, timeout, std::move(stop));
  KILN_ASSIGN(const ShellReply reply, to.run("rm -rf -- " + shell_quote(folder) + " && sync"));
  if (!reply.ok()) return fail(to.broken("remove", reply));
  return {};
}

}  // namespace kiln::agent
