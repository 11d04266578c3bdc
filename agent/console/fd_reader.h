#pragma once
/// A thread that reads a serial line (socket, tty) and hands on what comes.
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::agent {

/// Owns a descriptor and the thread that reads it until its end. The destructor stops and joins.
class FdReader {
 public:
  /// `sink` is called on the reader's thread with each chunk.
  FdReader(int fd, std::function<void(std::string_view)> sink);
  ~FdReader();
  FdReader(const FdReader&) = delete;
  FdReader& operator=(const FdReader&) = delete;
  /// Waits until the other side has closed, at most `milliseconds`: true when all bytes are in.
  bool wait_end(int milliseconds);
  /// Bytes to the other side, from any thread. kInfrastructure when it has closed, or takes none
  /// for that long.
  Status write(std::string_view bytes, Millis timeout);

 private:
  void loop();
  int fd_;
  std::mutex write_mutex_;
  int stop_fd_;
  int end_fd_;
  std::function<void(std::string_view)> sink_;
  std::thread thread_;
};

}  // namespace kiln::agent
