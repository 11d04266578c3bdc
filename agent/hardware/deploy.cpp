#include "agent/hardware/deploy.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr uint64_t kSpare = 16ULL << 20;  ///< to be left free on the machine's disk
constexpr uint64_t kMaxListing = 1 << 20;

/// The machine's hasher, in $h: openssl uses the processor's SHA instructions, Debian's sha256sum
/// does not (5 to 10 times slower, half of a copy's time). Both print "HASH, two characters, NAME".
constexpr std::string_view kHasher =
    "h=sha256sum; openssl dgst -sha256 -r /dev/null >/dev/null 2>&1 && h='openssl dgst -sha256 "
    "-r'; ";

bool is_plain(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '-' && name.size() <= 128 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "._-") == std::string::npos;
}

struct Wanted {
  const DeployFile* file;
  std::string hash;
};

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

  /// Name -> hash of what is there; makes the folder and removes halves of files. `free` gets the
  /// disk's free bytes.
  Result<std::map<std::string, std::string>> look(uint64_t* free) {
    KILN_ASSIGN(const ShellReply reply,
                run(fmt::format("{1}mkdir -p {0} && cd {0} && rm -rf -- *.part && "
                                "df -Pk . | awk 'NR==2{{print $4}}' && "
                                "find . -mindepth 1 -maxdepth 1 -type f -exec $h {{}} +",
                                folder_, kHasher)));
    if (!reply.ok()) return fail(broken("look", reply));
    const auto lines = split_lines(reply.out);
    uint64_t kib = 0;
    if (lines.empty() ||
        std::from_chars(lines[0].data(), lines[0].data() + lines[0].size(), kib).ec != std::errc())
      return fail(broken("look", reply));
    *free = kib << 10;
    std::map<std::string, std::string> out;
    for (size_t i = 1; i < lines.size(); ++i)  // "HASH, 2 characters, ./NAME"
      if (lines[i].size() > 68) out[lines[i].substr(68)] = lines[i].substr(0, 64);
    return out;
  }

  /// Sends the files, reads them back and names them. A command for each, the last one with all
  /// that follows: a login shell that reads its settings costs more than its work here.
  Status send(const std::vector<Wanted>& files) {
    for (size_t i = 0; i < files.size(); ++i) {
      const std::string& name = files[i].file->name;
      std::string command = fmt::format("cd {} && cat > {}.part", folder_, name);
      if (i + 1 == files.size()) command = std::string(kHasher) + command + finish(files);
      KILN_ASSIGN(const ShellReply reply, run(command, files[i].file->local));
      if (reply.exit_code == kDiffers)
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("{}: half a file, or a bad disk", to_valid_utf8(trim(reply.out))));
      if (!reply.ok()) return fail(broken("send " + name, reply));
    }
    return {};
  }

  Status remove(const std::vector<std::string>& names) {
    std::string command = "cd " + folder_ + " && rm -rf --";
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
  static constexpr int kDiffers = 93;  ///< exit code: what the disk has is not what was sent

  /// The hashes are of what the disk has: the cache is dropped for these files first. One sync for
  /// all, since each may wait for the whole disk.
  static std::string finish(const std::vector<Wanted>& files) {
    std::string sync = " && sync";
    std::string check;
    std::string rename;
    for (const Wanted& wanted : files) {
      const std::string& name = wanted.file->name;
      sync += fmt::format(" {}.part", name);
      check += fmt::format(
          " && {{ dd if={0}.part iflag=nocache count=0 2>/dev/null; "
          "is=$($h < {0}.part | cut -c 1-64); [ \"$is\" = {1} ] || "
          "{{ echo \"{0} arrived as $is, it is {1}\"; exit {2}; }}; }}",
          name, wanted.hash, kDiffers);
      rename += fmt::format(" && mv {0}.part {0}", name);
    }
    return sync + check + rename + " && sync .";
  }

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
  std::vector<Wanted> wanted;
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
    wanted.push_back({&file, std::move(hash)});
  }
  std::vector<std::string> old;
  for (const auto& [name, hash] : there) old.push_back(name);
  if (!old.empty()) {
    KILN_TRY(to.remove(old));
    KILN_TRY(to.look(&free));
  }
  if (!wanted.empty() && report.bytes + kSpare > free)
    return fail(ErrorKind::kNoSpace,
                fmt::format("{} on the machine has {} free, {} are to be copied", folder,
                            human_bytes(free), human_bytes(report.bytes)));
  if (wanted.empty()) return report;
  KILN_TRY(to.send(wanted));
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
