#pragma once
/// A machine's console for people: what it said last, and what it says from now on. However slow
/// they read, the console never waits for them.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::agent {

/// Safe for concurrent use.
class ConsoleTaps {
 public:
  explicit ConsoleTaps(size_t kept = 256 << 10, size_t shown_first = 16 << 10)
      : kept_(kept), shown_first_(shown_first) {}

  void feed(std::string_view bytes);
  /// Where a new reader begins: a little before now.
  [[nodiscard]] uint64_t begin();
  /// What was said from `*at` on, at most 64 KiB of it, and `*at` after it; "" when nothing comes
  /// within `wait`. Who is too slow for what is kept is told how much he missed.
  std::string read(uint64_t* at, Millis wait);

 private:
  struct State {
    std::string kept;
    uint64_t end = 0;  ///< bytes that ever came
  };
  const size_t kept_;
  const size_t shown_first_;
  Sync<State> state_;
};

}  // namespace kiln::agent
