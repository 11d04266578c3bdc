#pragma once
/// The git command line on one bare repository, cut off from the user's configuration, hooks and
/// prompts. Safe for concurrent use: no state but paths.
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::intake {

class Git {
 public:
  struct Call {
    std::vector<std::string> arguments{};
    std::string stdin_text{};
    os::Path index_file{};  ///< GIT_INDEX_FILE, "" = none
    os::Path cwd{};
    bool user_home = false;  ///< fetches may need the user's SSH keys
    bool bare = true;        ///< with GIT_DIR set to the repository
    Millis timeout{120'000};
    size_t max_output = 64u << 20;
  };

  /// Creates `repository` (bare) when it is not there, and removes lock files that a killed git
  /// left when no git works in it any more. `scratch` holds temporary index files.
  static Result<Git> open(os::Path repository, os::Path scratch);
  /// A repository that another process, perhaps of another computer, keeps: only read here.
  static Result<Git> attach(os::Path repository, os::Path scratch);

  [[nodiscard]] const os::Path& dir() const { return repository_; }
  [[nodiscard]] const os::Path& scratch() const { return scratch_; }

  /// Runs git; an exit code other than 0 is no Error.
  Result<os::Exit> run(const Call& call, std::stop_token stop = {}) const;
  /// Its output, trimmed; an exit code other than 0 is an Error with git's words.
  Result<std::string> output(const Call& call, std::stop_token stop = {}) const;

  /// True when all objects are in the repository.
  Result<bool> has(const std::vector<std::string>& objects) const;

  /// Command for a caller that needs a shell around it (redirections).
  [[nodiscard]] os::Command command(const Call& call) const;

 private:
  Git(os::Path repository, os::Path scratch)
      : repository_(std::move(repository)), scratch_(std::move(scratch)) {}
  void remove_stale_locks() const;

  os::Path repository_;
  os::Path scratch_;
};

/// A temporary index file, removed with its lock at the end.
class TempIndex {
 public:
  static Result<TempIndex> make(const os::Path& scratch);
  TempIndex(TempIndex&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  TempIndex& operator=(TempIndex&&) = delete;
  ~TempIndex();
  [[nodiscard]] os::Path path() const { return folder_ / "index"; }

 private:
  explicit TempIndex(os::Path folder) : folder_(std::move(folder)) {}
  os::Path folder_;
};

}  // namespace kiln::intake
