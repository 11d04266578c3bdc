#pragma once
/// A unix socket that one child connects to.
#include <chrono>
#include <functional>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Listens at a path of less than 108 bytes. Since the child connects to us, no byte that it says
/// is lost and nobody polls for its socket to appear.
class UnixListener {
 public:
  static Result<UnixListener> create(const os::Path& path);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();
  /// A connection as a descriptor that the caller owns. `gone` is asked every 50 ms: true ends it.
  Result<int> accept(Millis timeout, const std::function<bool()>& gone);

 private:
  UnixListener(int fd, os::Path path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  os::Path path_;
};

/// A port of the loopback that was free a moment ago.
Result<int> free_tcp_port();

}  // namespace kiln::agent
