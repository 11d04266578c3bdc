#pragma once
/// How many wrong codes may be tried: a few by each peer, not many by all. Keeps bounded memory.
/// Safe for concurrent use.
#include <deque>
#include <map>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::controller {

class Attempts {
 public:
  static constexpr int kOfOne = 10;
  static constexpr int kOfAll = 100;
  static constexpr Millis kWindow{60'000};

  explicit Attempts(const Clock& clock) : clock_(clock) {}
  /// Another try may be made now. `peer` as gRPC tells it; its port does not count.
  bool allowed(const std::string& peer);
  void failed(const std::string& peer);

 private:
  struct Try {
    std::chrono::steady_clock::time_point when;
    std::string host;
  };
  struct State {
    std::deque<Try> tries;  ///< of the window, at most kOfAll
    std::map<std::string, int> by_host;
  };
  void forget_old(State& state);
  const Clock& clock_;
  Sync<State> state_;
};

}  // namespace kiln::controller
