#include "controller/intake/git.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/text.h"

namespace kiln::intake {
namespace {

namespace fs = std::filesystem;

/// True while some process has this repository as its GIT_DIR.
bool in_use(const os::Path& repository) {
  const std::string needle = "GIT_DIR=" + repository.string();
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto environment = os::read_file(it->path() / "environ", 1 << 20);
    if (!environment) continue;
    for (const std::string& entry : split(*environment, '\0'))
      if (entry == needle) return true;
  }
  return false;
}

}  // namespace

Result<Git> Git::attach(os::Path repository, os::Path scratch) {
  KILN_TRY(os::make_dirs(scratch));
  Git git(fs::absolute(repository), fs::absolute(scratch));
  KILN_TRY(os::write_atomic(git.scratch_ / "gitconfig",
                            "[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n[core]\n\tfsync = all\n"));
  return git;
}

Result<Git> Git::open(os::Path repository, os::Path scratch) {
  KILN_TRY(os::make_dirs(repository.parent_path()));
  KILN_ASSIGN(Git git, attach(std::move(repository), std::move(scratch)));
  if (!fs::exists(git.repository_ / "HEAD")) {
    Call init{{"init", "--quiet", "--bare", "--initial-branch=main", git.repository_.string()}};
    init.bare = false;
    KILN_TRY(git.output(init));
  }
  git.remove_stale_locks();
  return git;
}

void Git::remove_stale_locks() const {
  std::vector<os::Path> locks;
  std::error_code error;
  for (const char* folder : {"", "refs"}) {
    const os::Path root = repository_ / folder;
    for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().filename() == "objects") it.disable_recursion_pending();
      if (it->path().extension() == ".lock") locks.push_back(it->path());
    }
  }
  if (locks.empty() || in_use(repository_)) return;
  for (const os::Path& lock : locks) fs::remove(lock, error);
}

os::Command Git::command(const Call& call) const {
  os::Command command;
  command.argv = {"git",
                  "-c",
                  "core.hooksPath=/dev/null",
                  "-c",
                  "core.autocrlf=false",
                  "-c",
                  "core.attributesFile=/dev/null",
                  "-c",
                  "core.quotePath=false",
                  "-c",
                  "gc.auto=0",
                  "-c",
                  "advice.detachedHead=false"};
  command.argv.insert(command.argv.end(), call.arguments.begin(), call.arguments.end());
  command.clear_env = !call.user_home;
  command.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                 {"LC_ALL", "C"},
                 {"GIT_CONFIG_NOSYSTEM", "1"},
                 {"GIT_CONFIG_GLOBAL", (scratch_ / "gitconfig").string()},
                 {"GIT_TERMINAL_PROMPT", "0"},
                 {"GIT_ASKPASS", "/bin/true"},
                 {"SSH_ASKPASS", "/bin/true"},
                 {"GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=30"},
                 {"GIT_AUTHOR_NAME", "kiln"},
                 {"GIT_AUTHOR_EMAIL", "kiln@localhost"},
                 {"GIT_AUTHOR_DATE", "0 +0000"},
                 {"GIT_COMMITTER_NAME", "kiln"},
                 {"GIT_COMMITTER_EMAIL", "kiln@localhost"},
                 {"GIT_COMMITTER_DATE", "0 +0000"}};
  if (!call.user_home) command.env["HOME"] = scratch_.string();
  if (call.bare) command.env["GIT_DIR"] = repository_.string();
  if (!call.index_file.empty()) command.env["GIT_INDEX_FILE"] = call.index_file.string();
  command.cwd = call.cwd.empty() ? scratch_.string() : call.cwd.string();
  command.stdin_text = call.stdin_text;
  command.timeout = call.timeout;
  command.max_capture = call.max_output;
  return command;
}

Result<os::Exit> Git::run(const Call& call, std::stop_token stop) const {
  auto exit = os::run(command(call), stop);
  if (!exit && exit.error().kind == ErrorKind::kNotFound)
    return fail(Error(ErrorKind::kInfrastructure, "git is not installed")
                    .with_hint("run: apt-get install git"));
  if (!exit) return exit;
  if (exit->timed_out)
    return fail(ErrorKind::kTimeout,
                fmt::format("`git {}` did not end within {}", call.arguments.front(),
                            human_duration(call.timeout)));
  if (exit->code != 0 && exit->err.find("No space left on device") != std::string::npos)
    return fail(ErrorKind::kNoSpace, fmt::format("no space left for {}", repository_.string()));
  if (exit->truncated)
    return fail(ErrorKind::kBadInput,
                fmt::format("`git {}` printed more than {}", call.arguments.front(),
                            human_bytes(call.max_output)));
  return exit;
}

Result<std::string> Git::output(const Call& call, std::stop_token stop) const {
  KILN_ASSIGN(os::Exit exit, run(call, stop));
  if (exit.ok()) return std::string(trim(exit.out));
  std::vector<std::string> words = split_lines(to_valid_utf8(exit.err));
  if (words.size() > 5) words.erase(words.begin(), words.end() - 5);
  std::string text = join(words, "; ");
  if (text.empty()) text = fmt::format("exit code {}, signal {}", exit.code, exit.signal);
  return fail(ErrorKind::kInfrastructure,
              fmt::format("`git {}` failed: {}", call.arguments.front(), text));
}

Result<bool> Git::has(const std::vector<std::string>& objects) const {
  Call call{{"cat-file", "--batch-check"}};
  call.stdin_text = join(objects, "\n") + "\n";
  KILN_ASSIGN(const std::string text, output(call));
  return text.find(" missing") == std::string::npos;
}

Result<TempIndex> TempIndex::make(const os::Path& scratch) {
  KILN_ASSIGN(os::Path folder, os::make_temp_dir(scratch, "index-"));
  return TempIndex(std::move(folder));
}

TempIndex::~TempIndex() {
  std::error_code error;
  if (!folder_.empty()) fs::remove_all(folder_, error);
}

}  // namespace kiln::intake
