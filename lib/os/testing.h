#pragma once
/// For tests: a real disk that is small.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "lib/os/files.h"

namespace kiln::os {

inline constexpr int kMayNotMount = 77;  ///< mounting is not permitted here: the test is skipped

/// What `work` returns, in a child process whose `folder` is a disk of that size ("1m") of its own;
/// -1 when the child did not come to its end.
inline int on_a_small_disk(const Path& folder, const std::string& size,
                           const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0) ::_exit(kMayNotMount);
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      ::_exit(kMayNotMount);
    ::_exit(work());
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace kiln::os
