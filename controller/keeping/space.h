#pragma once
/// Looks at the data folder's free space: below a mark the lab takes no new work.
#include <functional>
#include <string>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::controller {

/// A little above the mark it goes on, so that it does not come and go with each log.
bool is_low(bool was_low, uint64_t free, uint64_t mark);

struct SpaceParts {
  os::Path folder;
  uint64_t mark = 0;  ///< bytes; 0 = never low
  Millis every{5000};
  std::function<Result<uint64_t>(const os::Path&)> free_bytes = os::free_bytes;
  /// Told each change: in words why nothing new is taken, "" = it is again. On the watch's thread
  /// or that of check(); must return at once.
  std::function<void(const std::string& why)> changed{};
};

/// Safe for concurrent use.
class SpaceWatch {
 public:
  explicit SpaceWatch(SpaceParts parts);
  ~SpaceWatch() { stop(); }
  SpaceWatch(const SpaceWatch&) = delete;
  SpaceWatch& operator=(const SpaceWatch&) = delete;

  void start();
  void stop();
  void set_mark(uint64_t mark);

  /// Looks now; kNoSpace, with both figures, when new work is not taken.
  Status check();
  /// Why nothing new is taken, as of the last look; "" = it is.
  [[nodiscard]] std::string why();
  [[nodiscard]] uint64_t mark();
  /// At the last look; 0 before the first.
  [[nodiscard]] uint64_t free();

 private:
  struct State {
    uint64_t mark = 0;
    uint64_t free = 0;
    bool low = false;
    std::string why;
  };
  void look();

  SpaceParts parts_;
  Sync<State> state_;
  std::jthread thread_;
};

}  // namespace kiln::controller
