#pragma once
/// What the consoles of sessions that are going on said last: in memory only, since the whole of it
/// is stored when a session has ended. Safe for concurrent use.
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/sync.h"

namespace kiln::results {

class ConsoleTails {
 public:
  /// So many bytes in all; a session has an even share of them, from kLeast to kMost.
  explicit ConsoleTails(size_t total = 16 << 20) : total_(total) {}

  void add(int64_t session_id, std::string_view line);
  /// Its console is stored, or nobody will ever say more.
  void drop(int64_t session_id);

  struct Said {
    int64_t first =
        1;  ///< number of the first line that is kept; lost ones on the way do not count
    std::vector<std::string> lines{};
    int64_t all_lines = 0;  ///< kept or not
    int64_t all_bytes = 0;
  };
  [[nodiscard]] Said of(int64_t session_id) const;

  static constexpr size_t kMost = 256 << 10;
  static constexpr size_t kLeast = 1 << 10;
  static constexpr size_t kMostLine = 16 << 10;  ///< a longer one is cut and ends in "..."

 private:
  struct Tail {
    std::deque<std::string> lines;
    size_t kept = 0;  ///< bytes of them
    int64_t all_lines = 0;
    int64_t all_bytes = 0;
  };
  const size_t total_;
  mutable Sync<std::map<int64_t, Tail>> tails_;
};

}  // namespace kiln::results
