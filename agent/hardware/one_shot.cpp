#include "agent/hardware/one_shot.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{30'000};
constexpr const char* kEntry = "kiln";  ///< the loaders' name for it

Result<std::string> ask(Shell& shell, const std::string& command, const std::string& input,
                        std::stop_token stop) {
  ShellRequest request;
  request.command = command;
  request.input = input;
  request.timeout = kLimit;
  request.max_output = 64 << 10;
  KILN_ASSIGN(const ShellReply reply, shell.run(request, stop));
  if (reply.ok()) return reply.out;
  return fail(ErrorKind::kInfrastructure,
              fmt::format("boot loader: exit code {}: {}", reply.exit_code,
                          to_valid_utf8(trim(std::string_view(reply.err).substr(0, 300)))));
}

class Grub final : public OneShot {
 public:
  Grub(machine::BootSpec boot, std::string boot_folder)
      : boot_(std::move(boot)),
        grub_(shell_quote(boot_folder + "/grub")),
        option_("--boot-directory=" + shell_quote(boot_folder)) {}

  Status arm(Shell& shell, const BootEntry& entry, std::stop_token stop) override {
    KILN_TRY(check_cmdline(entry));
    // custom.cfg is read by every grub.cfg that Debian's and Fedora's tools make; what others
    // wrote there stays. GRUB has its own paths and finds the file system by its id.
    const std::string initrd =
        entry.initrd.empty() ? "" : fmt::format("echo \"  initrd $path/{}\"; ", entry.initrd);
    const std::string script = fmt::format(
        "set -e; g={grub}; f={folder}; {clean}"
        "id=$(grub-probe --target=fs_uuid \"$f\"); path=$(grub-mkrelpath \"$f\"); "
        "test -f \"$f/{kernel}\"; "
        "{{ cat \"$g/custom.cfg\" 2>/dev/null || true; echo '### kiln'; "
        "echo 'menuentry \"Kiln: one boot\" --id {entry} {{'; "
        "echo \"  search --no-floppy --fs-uuid --set=root $id\"; "
        "echo \"  linux $path/{kernel} $(cat)\"; {initrd}echo '}}'; echo '### end of kiln'; }} "
        "> \"$g/custom.cfg.new\"; sync \"$g/custom.cfg.new\"; "
        "mv \"$g/custom.cfg.new\" \"$g/custom.cfg\"; grub-reboot {option} {entry} >&2; sync; "
        "grub-editenv \"$g/grubenv\" list",
        fmt::arg("grub", grub_), fmt::arg("folder", shell_quote(boot_.folder)),
        fmt::arg("clean", clean()), fmt::arg("kernel", entry.kernel), fmt::arg("entry", kEntry),
        fmt::arg("initrd", initrd), fmt::arg("option", option_));
    KILN_ASSIGN(const std::string env, ask(shell, script, entry.cmdline, stop));
    for (const std::string& line : split_lines(env))
      if (line == fmt::format("next_entry={}", kEntry)) return {};
    return fail(ErrorKind::kInfrastructure,
                "GRUB's one-shot entry was set and is not there when it is read back");
  }

  Status disarm(Shell& shell, std::stop_token stop) override {
    const std::string script = fmt::format(
        "set -e; g={}; {}if [ -e \"$g/grubenv\" ] && grub-editenv \"$g/grubenv\" list | "
        "grep -qx next_entry={}; then grub-editenv \"$g/grubenv\" unset next_entry; fi; "
        "sync",
        grub_, clean(), kEntry);
    KILN_TRY(ask(shell, script, "", stop));
    return {};
  }
  [[nodiscard]] std::string go() const override { return reboot_soon(); }

 private:
  /// Takes our part out of $g/custom.cfg, whole or not at all.
  static std::string clean() {
    return "if [ -e \"$g/custom.cfg\" ]; then sed '/^### kiln$/,/^### end of kiln$/d' "
           "\"$g/custom.cfg\" > \"$g/custom.cfg.new\"; mv \"$g/custom.cfg.new\" \"$g/custom.cfg\"; "
           "fi; ";
  }
  machine::BootSpec boot_;
  std::string grub_;
  std::string option_;
};

class SystemdBoot final : public OneShot {
 public:
  explicit SystemdBoot(machine::BootSpec boot) : boot_(std::move(boot)) {}

  Status arm(Shell& shell, const BootEntry& entry, std::stop_token stop) override {
    KILN_TRY(check_cmdline(entry));
    if (!boot_.folder.starts_with(boot_.esp + "/"))
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} is not on the EFI system partition at {}: systemd-boot reads no"
                              " other",
                              boot_.folder, boot_.esp));
    const std::string path = boot_.folder.substr(boot_.esp.size());
    std::string text = fmt::format("title Kiln: one boot\nlinux {}/{}\n", path, entry.kernel);
    if (!entry.initrd.empty()) text += fmt::format("initrd {}/{}\n", path, entry.initrd);
    text += "options " + entry.cmdline + "\n";
    // The menu's entry is whole or not there, and only then the variable names it.
    const std::string script = fmt::format(
        "set -e; e={entries}; test -f {folder}/{kernel}; mkdir -p \"$e\"; "
        "cat > \"$e/{name}.new\"; sync \"$e/{name}.new\"; mv \"$e/{name}.new\" \"$e/{name}\"; "
        "sync \"$e\"; bootctl set-oneshot {name} >&2; {set}",
        fmt::arg("entries", entries()), fmt::arg("folder", shell_quote(boot_.folder)),
        fmt::arg("kernel", entry.kernel), fmt::arg("name", kFile), fmt::arg("set", kOneShotSet));
    KILN_ASSIGN(const std::string set, ask(shell, script, text, stop));
    if (trim(set) == kFile) return {};
    return fail(ErrorKind::kInfrastructure,
                "systemd-boot's one-shot entry was set and is not there when it is read back");
  }
  Status disarm(Shell& shell, std::stop_token stop) override {
    // Somebody else's entry stays.
    const std::string script = fmt::format(
        "set -e; if [ \"$({set})\" = {name} ]; then bootctl set-oneshot ''; fi; "
        "e={entries}; rm -f \"$e/{name}\" \"$e/{name}.new\"; sync",
        fmt::arg("set", kOneShotSet), fmt::arg("name", kFile), fmt::arg("entries", entries()));
    KILN_TRY(ask(shell, script, "", stop));
    return {};
  }
  [[nodiscard]] std::string go() const override { return reboot_soon(); }

 private:
  static constexpr const char* kFile = "kiln.conf";
  /// Prints what is set, without the attributes before it and the zeros between its letters.
  static constexpr const char* kOneShotSet =
      "tail -q -c +5 /sys/firmware/efi/efivars/LoaderEntryOneShot-* 2>/dev/null | tr -d '\\000'";

  [[nodiscard]] std::string entries() const { return shell_quote(boot_.esp + "/loader/entries"); }

  machine::BootSpec boot_;
};

class Kexec final : public OneShot {
 public:
  explicit Kexec(machine::BootSpec boot) : boot_(std::move(boot)) {}

  Status arm(Shell& shell, const BootEntry& entry, std::stop_token stop) override {
    KILN_TRY(check_cmdline(entry));
    // -a: the old call too, which a kernel of another width needs.
    const std::string initrd =
        entry.initrd.empty() ? "" : " --initrd=" + shell_quote(boot_.folder + "/" + entry.initrd);
    const std::string script = fmt::format(
        "set -e; kexec -a -l {}{} --command-line=\"$(cat)\" >&2; cat /sys/kernel/kexec_loaded",
        shell_quote(boot_.folder + "/" + entry.kernel), initrd);
    KILN_ASSIGN(const std::string loaded, ask(shell, script, entry.cmdline, stop));
    if (trim(loaded) == "1") return {};
    return fail(ErrorKind::kInfrastructure, "kexec took the kernel, and none is loaded");
  }
  Status disarm(Shell& shell, std::stop_token stop) override {
    KILN_TRY(ask(shell,
                 "if [ \"$(cat /sys/kernel/kexec_loaded 2>/dev/null)\" = 1 ]; then kexec -u; fi",
                 "", stop));
    return {};
  }
  [[nodiscard]] std::string go() const override {
    return after_goodbye("systemctl kexec || { sync; kexec -e; }");
  }
  [[nodiscard]] bool survives_reset() const override { return false; }

 private:
  machine::BootSpec boot_;
};

}  // namespace

bool is_safe_cmdline(const std::string& cmdline) {
  if (cmdline.size() > 2000) return false;
  for (const char c : cmdline)
    if (c < 0x20 || c > 0x7e || std::string_view("'\"\\$`{};&|<>#").find(c) != std::string::npos)
      return false;
  return true;
}

Status check_cmdline(const BootEntry& entry) {
  if (is_safe_cmdline(entry.cmdline)) return {};
  return fail(ErrorKind::kBadInput,
              "a kernel's command line has characters that a boot loader would take for its own: " +
                  entry.cmdline);
}

std::string reboot_soon() {
  return after_goodbye("systemctl reboot || reboot");
}

std::string after_goodbye(const std::string& command) {
  // The parent of the login's shell is the server's process for this connection alone.
  return fmt::format(
      "p=$PPID setsid sh -c 'n=0; while kill -0 $p 2>/dev/null && [ $n -lt 10 ]; do "
      "n=$((n + 1)); sleep 0.03; done; {}' </dev/null >/dev/null 2>&1 &",
      command);
}

std::unique_ptr<OneShot> make_one_shot(const machine::BootSpec& boot,
                                       const std::string& boot_folder) {
  if (boot.driver == "grub") return std::make_unique<Grub>(boot, boot_folder);
  if (boot.driver == "systemd-boot") return std::make_unique<SystemdBoot>(boot);
  if (boot.driver == "kexec") return std::make_unique<Kexec>(boot);
  return nullptr;
}

}  // namespace kiln::agent
