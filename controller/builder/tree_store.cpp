#include "controller/builder/tree_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "lib/base/text.h"
#include "lib/os/eviction.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr time_t kOldTime = 946'684'800;  // 2000-01-01: older than any object
constexpr size_t kMaxOverlays = 200;
constexpr size_t kMaxCandidates = 8;

Status set_time(const os::Path& path, time_t seconds, long nanoseconds) {
  const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(os::errno_error("set the time of", path, errno));
  return {};
}

/// Makes everything readable for the sandbox's user, with one old time.
Status make_uniform(const os::Path& folder) {
  std::error_code error;
  const auto readable = [](const os::Path& path) -> Status {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return fail(os::errno_error("read", path, errno));
    if (S_ISLNK(info.st_mode)) return {};
    const mode_t wanted = info.st_mode | 0444 | ((info.st_mode & 0100) != 0 ? 0111 : 0);
    if ((wanted & 07777) != (info.st_mode & 07777) && ::chmod(path.c_str(), wanted & 07777) != 0)
      return fail(os::errno_error("open up", path, errno));
    return {};
  };
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    KILN_TRY(readable(it->path()));
    if (!it->is_directory(error)) KILN_TRY(set_time(it->path(), kOldTime, 0));
  }
  if (error) return fail(os::errno_error("read", folder, error.value()));
  return readable(folder);
}

/// The same tree with hard links for files.
Status link_all(const os::Path& from, const os::Path& to, const std::stop_token& stop) {
  std::error_code error;
  fs::create_directory(to, error);
  for (fs::recursive_directory_iterator it(from, error), end; !error && it != end;
       it.increment(error)) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "cloning the tree was stopped");
    const os::Path target = to / it->path().lexically_relative(from);
    if (it->is_symlink(error))
      fs::copy_symlink(it->path(), target, error);
    else if (it->is_directory(error))
      fs::create_directory(target, it->path(), error);
    else
      fs::create_hard_link(it->path(), target, error);
    if (error) return fail(os::errno_error("make", target, error.value()));
  }
  if (error) return fail(os::errno_error("clone", from, error.value()));
  return {};
}

Status rename_into_place(const os::Path& from, const os::Path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail(os::errno_error("rename", from, error.value()));
  return {};
}

/// A name of its own each time: a git that outlived a killed process must not write into ours.
os::Path temp_beside(const os::Path& target) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.{}-{}.tmp", target.string(), ::getpid(), ++counter);
}

/// Last use is the time of the folder itself.
void mark_used(const os::Path& folder) {
  ::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0);
}

uint64_t own_bytes(const os::Path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0 && (S_ISDIR(info.st_mode) || info.st_nlink == 1))
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

Result<TreeStore> TreeStore::open(const intake::Git& git, os::Path root) {
  KILN_TRY(os::make_dirs(root));
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".tmp") KILN_TRY(os::remove_tree(it->path()));
  if (error) return fail(os::errno_error("read", root, error.value()));
  return TreeStore(git, std::move(root));
}

Result<std::vector<TreeChange>> TreeStore::changes(const std::string& from,
                                                   const std::string& to) const {
  std::vector<TreeChange> list;
  if (from == to) return list;
  KILN_ASSIGN(const std::string text,
              git_.output({{"diff-tree", "-r", "-z", "--raw", "--no-renames", from, to}}));
  const std::vector<std::string> parts = split(text, '\0');
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    const std::vector<std::string> fields = split(parts[i], ' ');
    if (fields.size() < 5 || fields[4].empty())
      return fail(ErrorKind::kInternal, fmt::format("git diff-tree printed `{}`", parts[i]));
    TreeChange change;
    change.status = fields[4][0];
    change.regular = fields[0].starts_with(":100") && fields[1].starts_with("100");
    change.path = parts[i + 1];
    list.push_back(std::move(change));
  }
  return list;
}

Result<std::string> TreeStore::diff(const std::string& from, const std::string& to) const {
  const intake::Git::Call call{
      {"diff-tree", "-r", "-p", "--no-renames", "--no-color", "--no-ext-diff", from, to}};
  KILN_ASSIGN(os::Exit exit, git_.run(call));
  if (!exit.ok() || exit.truncated)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("git cannot tell how {} and {} differ: {}", from, to,
                            to_valid_utf8(trim(exit.err.substr(0, 500)))));
  return std::move(exit.out);
}

Result<std::string> TreeStore::text(const std::string& tree, const std::string& path,
                                    size_t max_bytes) const {
  intake::Git::Call call{{"cat-file", "blob", tree + ":" + path}};
  call.max_output = max_bytes;
  // Not trimmed: lines are counted.
  KILN_ASSIGN(os::Exit exit, git_.run(call));
  if (exit.truncated)
    return fail(ErrorKind::kBadInput, fmt::format("{} is longer than {} bytes", path, max_bytes));
  if (!exit.ok()) return fail(ErrorKind::kNotFound, fmt::format("{} is not in {}", path, tree));
  return std::move(exit.out);
}

Status TreeStore::check_out(const std::string& tree, const os::Path& target,
                            const std::vector<std::string>* paths, std::stop_token stop) const {
  KILN_TRY(os::make_dirs(target));
  KILN_ASSIGN(const intake::TempIndex index, intake::TempIndex::make(git_.scratch()));
  intake::Git::Call call{{"read-tree", tree}};
  call.index_file = index.path();
  if (auto read = git_.output(call, stop); !read) return fail(read.error());
  call.arguments = {"--work-tree=" + target.string(),
                    "-c",
                    "checkout.workers=0",
                    "checkout-index",
                    "--quiet",
                    "--force"};
  if (paths == nullptr) {
    call.arguments.emplace_back("--all");
  } else {
    call.arguments.insert(call.arguments.end(), {"-z", "--stdin"});
    for (const std::string& path : *paths) call.stdin_text += path + '\0';
  }
  call.cwd = target;
  call.timeout = Millis(900'000);
  if (auto done = git_.output(call, stop); !done)
    return fail(
        std::move(done.error()).while_doing("while writing the source tree to " + target.string()));
  return {};
}

Result<std::optional<std::string>> TreeStore::nearest(const std::string& tree) const {
  std::vector<std::pair<fs::file_time_type, std::string>> candidates;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error))
    if (it->path().extension().empty())
      candidates.emplace_back(fs::last_write_time(it->path(), error), it->path().filename());
  std::sort(candidates.rbegin(), candidates.rend());
  if (candidates.size() > kMaxCandidates) candidates.resize(kMaxCandidates);
  std::optional<std::string> best;
  size_t best_count = 20'000;  // beyond that a checkout is as good
  for (const auto& [time, name] : candidates) {
    auto list = changes(name, tree);
    if (list && list->size() < best_count) {
      best = name;
      best_count = list->size();
    }
  }
  return best;
}

Status TreeStore::clone(const std::string& from, const std::string& to, const os::Path& target,
                        std::stop_token stop) const {
  KILN_ASSIGN(const std::vector<TreeChange> list, changes(from, to));
  KILN_TRY(link_all(root_ / from, target, stop));
  std::vector<std::string> wanted;
  std::error_code error;
  for (const TreeChange& change : list) {
    fs::remove(target / change.path, error);
    if (change.status != 'D') wanted.push_back(change.path);
  }
  if (!wanted.empty()) KILN_TRY(check_out(to, target, &wanted, stop));
  for (const std::string& path : wanted) {
    struct stat info {};
    if (::lstat((target / path).c_str(), &info) != 0)
      return fail(os::errno_error("read", target / path, errno));
    if (S_ISREG(info.st_mode)) ::chmod((target / path).c_str(), (info.st_mode | 0444) & 07777);
  }
  return {};
}

Result<os::Path> TreeStore::folder(const std::string& tree, std::stop_token stop) const {
  const os::Path target = root_ / tree;
  if (fs::exists(target)) {
    mark_used(target);
    return target;
  }
  const os::Path temp = temp_beside(target);
  KILN_TRY(os::remove_tree(temp));
  KILN_ASSIGN(const std::optional<std::string> from, nearest(tree));
  if (from) {
    KILN_TRY(clone(*from, tree, temp, stop));
  } else {
    KILN_TRY(check_out(tree, temp, nullptr, stop));
    KILN_TRY(make_uniform(temp));
  }
  KILN_TRY(rename_into_place(temp, target));
  mark_used(target);
  return target;
}

Status TreeStore::freshen(const os::Path& folder, const std::vector<TreeChange>& list) const {
  std::error_code error;
  for (const TreeChange& change : list) {
    if (change.status == 'D' || !change.regular) continue;
    // A new inode: the old one may belong to other trees, too.
    const os::Path path = folder / change.path;
    const os::Path temp = path.string() + ".kiln-new";
    fs::copy_file(path, temp, fs::copy_options::overwrite_existing, error);
    if (error) return fail(os::errno_error("write", temp, error.value()));
    KILN_TRY(rename_into_place(temp, path));
  }
  return {};
}

Result<SourceView> TreeStore::view(const std::string& tree, const std::string& base,
                                   std::stop_token stop) const {
  SourceView view;
  if (base.empty() || base == tree) {
    KILN_ASSIGN(view.root, folder(tree, stop));
    return view;
  }
  KILN_ASSIGN(const std::vector<TreeChange> list, changes(base, tree));
  const bool few = list.size() <= kMaxOverlays &&
                   std::all_of(list.begin(), list.end(),
                               [](const TreeChange& c) { return c.status == 'M' && c.regular; });
  if (!few) {
    KILN_ASSIGN(view.root, folder(tree, stop));
    KILN_TRY(freshen(view.root, list));
    return view;
  }
  KILN_ASSIGN(view.root, folder(base, stop));
  const os::Path files = root_ / fmt::format("{}.over-{}", tree, base.substr(0, 16));
  if (!fs::exists(files)) {
    const os::Path temp = temp_beside(files);
    KILN_TRY(os::remove_tree(temp));
    std::vector<std::string> paths;
    for (const TreeChange& change : list) paths.push_back(change.path);
    KILN_TRY(check_out(tree, temp, &paths, stop));
    KILN_TRY(make_uniform(temp));
    KILN_TRY(rename_into_place(temp, files));
  }
  mark_used(files);
  for (const TreeChange& change : list) {
    view.overlays.emplace_back(change.path, files / change.path);
    if (::utimensat(AT_FDCWD, (files / change.path).c_str(), nullptr, 0) != 0)
      return fail(os::errno_error("set the time of", files / change.path, errno));
  }
  return view;
}

Status TreeStore::collect(uint64_t bytes, const std::vector<std::string>& keep) const {
  std::vector<os::CacheEntry> entries;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const os::Path& path = it->path();
    if (path.extension() == ".tmp") continue;  // being made
    const std::string name = path.filename().string();
    const bool kept = std::any_of(keep.begin(), keep.end(), [&](const std::string& tree) {
      return !tree.empty() && name.starts_with(tree);
    });
    std::error_code ignored;
    entries.push_back({path, own_bytes(path), fs::last_write_time(path, ignored), kept});
  }
  return os::evict(std::move(entries), bytes);
}

}  // namespace kiln::builder
