#include "agent/hardware/add.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/base/text.h"
#include "lib/machine/entry.h"
#include "lib/machine/read.h"
#include "lib/os/files.h"

namespace kiln::agent {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostFile = 1 << 20;
constexpr int kTries = 5;  ///< at one answer

Error missing(const std::string& what, const std::string& flag) {
  return Error(ErrorKind::kBadInput, "the machine's " + what + " is not given")
      .with_hint("give " + flag);
}

class Interview {
 public:
  Interview(AddOptions options, const ShellConnector& connect, const Ask& ask, std::stop_token stop)
      : options_(std::move(options)), connect_(connect), ask_(ask), stop_(std::move(stop)) {}

  Result<Added> run() {
    KILN_TRY(open_file());
    KILN_TRY(learn_names());
    KILN_TRY(learn_host_key());
    KILN_TRY(look());
    KILN_TRY(learn_gear());
    entry_.shell = {options_.address, options_.port, options_.user, for_file(options_.key_file),
                    fs::path(out_.host_key_file).filename().string()};
    out_.entry = machine::entry_text(entry_);
    KILN_TRY(write());
    return std::move(out_);
  }

 private:
  /// An answer; without anybody to ask, the proposal.
  Result<std::string> ask(const std::string& question, const std::string& proposal) {
    if (!ask_) return proposal;
    const auto answer = ask_(question, proposal);
    if (!answer || stop_.stop_requested()) return fail(ErrorKind::kCancelled, "nothing was added");
    const std::string said(trim(*answer));
    return said.empty() ? proposal : said;
  }
  Status fill(std::string* field, const std::string& what, const std::string& flag) {
    if (!field->empty()) return {};
    KILN_ASSIGN(*field, ask(what, ""));
    if (field->empty()) return fail(missing(what, flag));
    return {};
  }

  /// Behind links, so that the file itself is replaced; wrong as it is, it is said at once.
  Status open_file() {
    std::error_code code;
    const fs::path file = fs::weakly_canonical(fs::absolute(options_.file, code), code);
    out_.file = file.string();
    if (!fs::exists(file, code)) return {};
    KILN_ASSIGN(text_, os::read_file(file, kMostFile));
    if (trim(text_).empty()) return {};
    KILN_TRY(machine::load_lab_file(out_.file));
    return {};
  }

  Status learn_names() {
    KILN_TRY(fill(&options_.name, "name in the lab (a-z, 0-9, -)", "NAME"));
    out_.name = options_.name;
    KILN_TRY(fill(&options_.address, "address or name in the network", "--address"));
    KILN_TRY(fill(&options_.key_file, "private key file that it lets in", "--key"));
    options_.key_file = fs::absolute(options_.key_file).lexically_normal().string();
    KILN_ASSIGN(const uint64_t size, os::file_size(options_.key_file));
    if (size == 0) return fail(ErrorKind::kBadInput, options_.key_file + " is empty");
    out_.host_key_file =
        (fs::path(out_.file).parent_path() / (options_.name + ".host.pub")).string();
    // The name's form and place before anything is asked of the network.
    entry_.name = options_.name;
    return fits();
  }

  /// Whether the file's reader takes what is known of the entry. It wants the host key's file to be
  /// there, which comes when all else is right.
  Status fits() {
    machine::Entry trial = entry_;
    trial.shell = {options_.address, options_.port, options_.user, options_.key_file,
                   options_.key_file};
    KILN_TRY(machine::with_entry(out_.file, text_, out_.name, machine::entry_text(trial)));
    return {};
  }

  Status learn_host_key() {
    KILN_ASSIGN(out_.host_key,
                fetch_host_key(options_.address, options_.port, options_.limit, stop_));
    const std::string& shown = out_.host_key.fingerprint;
    if (!options_.fingerprint.empty() && options_.fingerprint != shown)
      return fail(ErrorKind::kPermission,
                  fmt::format("{} shows the host key {}, not {}: another machine answers there",
                              options_.address, shown, options_.fingerprint));
    std::error_code code;
    if (fs::exists(out_.host_key_file, code)) {
      KILN_ASSIGN(const HostKey pinned, read_host_key(out_.host_key_file));
      if (pinned.fingerprint != shown)
        return fail(Error(ErrorKind::kConflict,
                          fmt::format("{} has the host key {}, {} shows {}", out_.host_key_file,
                                      pinned.fingerprint, options_.address, shown))
                        .with_hint("if it was installed anew, remove the file"));
      has_key_file_ = true;
    }
    out_.compared = !options_.fingerprint.empty() || has_key_file_;
    if (out_.compared || !ask_) return {};
    KILN_ASSIGN(const std::string said,
                ask(fmt::format("its host key is {}; the machine itself says so, too (there:"
                                " ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)? yes or no",
                                shown),
                    "no"));
    if (said != "yes" && said != "y")
      return fail(ErrorKind::kCancelled, "the host key was not found right: nothing was added");
    out_.compared = true;
    return {};
  }

  /// Logs in by the key that was just shown: no other machine gets the survey.
  Status look() {
    KILN_ASSIGN(auto scratch, os::TempFolder::make(fs::temp_directory_path(), "kiln-add-"));
    const os::Path pinned = scratch.path() / "host.pub";
    KILN_TRY(os::write_atomic(pinned, out_.host_key.line + "\n"));
    const ShellEndpoint to{options_.address, options_.port, options_.user, options_.key_file,
                           pinned.string()};
    auto shell = connect_(to, options_.limit, {}, stop_);
    if (!shell) {
      if (shell.error().kind == ErrorKind::kPermission)
        shell.error().hint = fmt::format("put {}.pub into ~{}/.ssh/authorized_keys there",
                                         options_.key_file, options_.user);
      return fail(std::move(shell.error()));
    }
    KILN_ASSIGN(const std::string told, say(**shell, machine::survey_command()));
    KILN_ASSIGN(out_.survey, machine::read_survey(told));
    out_.notes = machine::survey_notes(out_.survey);
    entry_ = machine::propose_entry(options_.name, out_.survey);
    entry_.comments.push_back("host key " + out_.host_key.fingerprint +
                              (out_.compared ? "" : ", not compared with the machine"));
    if (!options_.cmdline.empty()) entry_.boot.cmdline = options_.cmdline;
    if (entry_.boot.driver == "none") return {};
    machine::BootSpec boot = entry_.boot;
    if (boot.folder.empty()) boot.folder = boot.driver == "kexec" ? "/var/lib/kiln" : "/boot/kiln";
    KILN_ASSIGN(const std::string probed, say(**shell, boot_probe(boot)));
    out_.boot = judge_boot(boot, probed);
    return {};
  }

  Result<std::string> say(Shell& shell, const std::string& command) {
    ShellRequest request;
    request.command = command;
    request.timeout = options_.limit * 2;  // a BMC takes its time
    request.max_output = 64 << 10;
    KILN_ASSIGN(const ShellReply reply, shell.run(request, stop_));
    return reply.out;
  }

  /// The BMC that it told of, when somebody knows its password; else what people say.
  Status learn_gear() {
    if (options_.power.empty() && !out_.survey.bmc_address.empty()) {
      if (options_.bmc_user.empty()) {
        KILN_ASSIGN(options_.bmc_user, ask(fmt::format("user of its BMC at {} (empty: not by IPMI)",
                                                       out_.survey.bmc_address),
                                           ""));
      }
      if (!options_.bmc_user.empty())
        KILN_TRY(fill(&options_.bmc_password_file, "file with the BMC's password",
                      "--bmc-password-file"));
    }
    if (!options_.bmc_user.empty() && !out_.survey.bmc_address.empty()) {
      options_.bmc_password_file = fs::absolute(options_.bmc_password_file).string();
      for (const auto& [text, driver] :
           {std::pair(&entry_.power, "ipmi"), std::pair(&entry_.console, "sol")})
        *text = fmt::format("{{driver: {}, address: {}, user: {}, password_file: {}}}", driver,
                            machine::yaml_word(out_.survey.bmc_address),
                            machine::yaml_word(options_.bmc_user),
                            machine::yaml_word(for_file(options_.bmc_password_file)));
    }
    KILN_TRY(learn_map("power", "what switches it", options_.power, &entry_.power));
    KILN_TRY(learn_map("console", "its serial line", options_.console, &entry_.console));
    if (!options_.tags.empty()) entry_.tags = options_.tags;
    KILN_ASSIGN(const std::string tags, ask("tags for jobs", join(entry_.tags, ",")));
    entry_.tags.clear();
    for (const std::string& tag : split(tags, ','))
      if (!trim(tag).empty()) entry_.tags.emplace_back(trim(tag));
    return {};
  }

  Status learn_map(const std::string& what, const std::string& means, const std::string& given,
                   std::string* text) {
    if (!given.empty()) *text = given;
    const auto check = [&]() -> Status {
      KILN_TRY(machine::check_flow_map(what, *text));
      return fits();
    };
    if (!text->empty()) return check();
    const std::string question =
        means + ": {driver: ...} as in docs/lab-file.md (empty: add it later)";
    Status good;
    for (int tries = 0; tries < kTries; ++tries) {
      // Who mistypes the last of seven answers is not sent back to the first.
      const std::string wrong = good ? "" : good.error().message + "; " + good.error().hint + "\n";
      KILN_ASSIGN(*text, ask(wrong + question, ""));
      good = text->empty() ? Status() : check();
      if (good) break;
    }
    return good;
  }

  [[nodiscard]] std::string for_file(const std::string& path) const {
    const std::string folder = fs::path(out_.file).parent_path().string() + "/";
    return path.starts_with(folder) ? path.substr(folder.size()) : path;
  }

  Status write() {
    KILN_TRY(fits());
    if (options_.dry_run) return {};
    KILN_ASSIGN(const std::string go, ask("write it to " + out_.file + "? yes or no", "yes"));
    if (go != "yes" && go != "y") return fail(ErrorKind::kCancelled, "nothing was added");
    if (!has_key_file_) KILN_TRY(os::write_atomic(out_.host_key_file, out_.host_key.line + "\n"));
    const Status written = write_file();
    std::error_code ignored;
    if (!written && !has_key_file_) fs::remove(out_.host_key_file, ignored);
    KILN_TRY(written);
    out_.written = true;
    return {};
  }

  Status write_file() {
    std::error_code code;
    unsigned mode = 0644;
    std::string now;
    if (struct stat of{}; ::stat(out_.file.c_str(), &of) == 0) {
      mode = of.st_mode & 07777;
      KILN_ASSIGN(now, os::read_file(out_.file, kMostFile));
    }
    if (now != text_)
      return fail(ErrorKind::kConflict, out_.file + " was changed meanwhile: nothing was added");
    KILN_ASSIGN(const std::string text,
                machine::with_entry(out_.file, text_, out_.name, out_.entry));
    return os::write_atomic(out_.file, text, mode);
  }

  AddOptions options_;
  const ShellConnector& connect_;
  const Ask& ask_;
  std::stop_token stop_;
  std::string text_;  ///< the file as it is
  bool has_key_file_ = false;
  machine::Entry entry_;
  Added out_;
};

}  // namespace

Result<Added> add_machine(AddOptions options, const ShellConnector& connect, const Ask& ask,
                          std::stop_token stop) {
  return Interview(std::move(options), connect, ask, std::move(stop)).run();
}

}  // namespace kiln::agent
