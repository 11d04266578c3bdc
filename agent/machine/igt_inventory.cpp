#include "agent/machine/igt_inventory.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "igt-tests";
constexpr const char* kScratch = ".inventory-";
constexpr uint64_t kNeededBytes = 400'000'000;  // an unpacked /usr, with room
constexpr size_t kMaxNames = 32u << 20;
constexpr Millis kUnpackLimit{300'000};
constexpr Millis kAskLimit{300'000};

/// Removed at the end, whatever happened.
class Scratch {
 public:
  static Result<Scratch> make(const os::Path& parent) {
    KILN_ASSIGN(os::Path path, os::make_temp_dir(parent, kScratch));
    return Scratch(std::move(path));
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (!path_.empty()) (void)os::remove_tree(path_);
  }
  [[nodiscard]] os::Path root() const { return path_ / "root"; }

 private:
  explicit Scratch(os::Path path) : path_(std::move(path)) {}
  os::Path path_;
};

void remove_leftovers(const os::Path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(kScratch)) (void)os::remove_tree(entry.path());
}

/// The image's /usr below `root`, and the names that its programs are found by.
Status unpack(const RootImage& image, const os::Path& root, std::stop_token stop) {
  KILN_TRY(os::make_dirs(root));
  os::Command command;
  // debugfs reads words of its own: the folder's name is kept away from them.
  command.argv = {"debugfs", "-R", "rdump /usr .", image.disk().string()};
  command.cwd = root;
  command.timeout = kUnpackLimit;
  KILN_TRY(os::run_ok(command, stop));
  std::error_code error;
  for (const char* name : {"bin", "lib", "sbin"})
    fs::create_symlink(fs::path("usr") / name, root / name, error);
  for (const char* name : {"dev", "proc", "tmp"}) fs::create_directory(root / name, error);
  if (error) return fail(os::errno_error("prepare", root, error.value()));
  // The user that igt_runner runs as sees what it needs; the folder above stays closed.
  if (::chmod(root.c_str(), 0755) != 0) return fail(os::errno_error("open up", root, errno));
  return {};
}

os::Command ask_command(const RootImage& image, const os::Path& root) {
  os::Command command;
  command.argv = {"unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"};
  if (::geteuid() == 0)
    command.argv.insert(command.argv.end(), {"chroot", "--userspec=65534:65534"});
  else
    command.argv.insert(command.argv.end(), {"--user", "--map-root-user", "chroot"});
  command.argv.insert(command.argv.end(),
                      {root.string(), "/usr/bin/igt_runner", "--list-all", image.test_root});
  command.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C"}, {"HOME", "/tmp"}};
  command.clear_env = true;
  command.cwd = "/";
  command.timeout = kAskLimit;
  command.max_capture = kMaxNames;
  return command;
}

/// Only whole names of tests: what igt_runner says besides goes.
Result<std::string> ask(const RootImage& image, const os::Path& root, std::stop_token stop) {
  const os::Command command = ask_command(image, root);
  KILN_ASSIGN(const std::string words, os::run_ok(command, stop));
  std::string names;
  for (const std::string& line : split_lines(words))
    if (line.starts_with("igt@")) names += line + "\n";
  if (words.size() >= kMaxNames || names.empty())
    return fail(ErrorKind::kInfrastructure,
                fmt::format("`{}` named {}", shell_join(command.argv),
                            names.empty() ? "no test" : "more tests than there can be"));
  return names;
}

}  // namespace

os::Path known_igt_inventory(const RootImage& image) {
  os::Path file = image.folder / kFile;
  return os::file_size(file).value_or(0) > 0 ? file : os::Path();
}

Result<os::Path> igt_inventory(const RootImage& image,
                               const std::function<void(const std::string&)>& progress,
                               std::stop_token stop) {
  if (os::Path known = known_igt_inventory(image); !known.empty()) return known;
  remove_leftovers(image.folder);
  KILN_ASSIGN(const uint64_t free, os::free_bytes(image.folder));
  if (free < kNeededBytes)
    return fail(
        Error(ErrorKind::kNoSpace,
              fmt::format("listing the image's tests needs {} in {}, {} are free",
                          human_bytes(kNeededBytes), image.folder.string(), human_bytes(free)))
            .with_hint("free some space there, or name another data folder with "
                       "--data-dir"));
  if (progress) progress("listing the tests that the root image holds (once)");
  KILN_ASSIGN(const Scratch scratch, Scratch::make(image.folder));
  KILN_TRY(unpack(image, scratch.root(), stop));
  auto names = ask(image, scratch.root(), stop);
  if (!names)
    return fail(std::move(names.error()).while_doing("while listing the tests of the root image"));
  KILN_TRY(os::write_atomic(image.folder / kFile, *names));
  return image.folder / kFile;
}

}  // namespace kiln::agent
