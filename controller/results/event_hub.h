#pragma once
/// What happens in the runs of this process, for those who watch. Durable events are handed to a
/// store function first; fine-grained ones (a test's step, a console line) live in memory only.
/// Safe for concurrent use.
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "kiln/v1/lab.pb.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::results {

class EventHub {
 public:
  using Store = std::function<void(int64_t run_id, const v1::RunEvent&)>;
  EventHub(const Clock& clock, Store store) : clock_(clock), store_(std::move(store)) {}

  /// Numbers and times the event, and wakes the watchers. After kind "finished" nothing more is
  /// taken.
  void publish(int64_t run_id, v1::RunEvent event);
  /// Numbers go on after `last_seq` (a resumed run).
  void open(int64_t run_id, int64_t last_seq);
  /// Is this run being driven by this process (or was, since it started)?
  bool knows(int64_t run_id);
  /// Events with seq > after, at least one unless `wait` ends first. Old ones beyond the memory's
  /// bound are left out.
  std::vector<v1::RunEvent> next(int64_t run_id, int64_t after, Millis wait);

 private:
  struct Run {
    int64_t last_seq = 0;
    bool finished = false;
    std::deque<v1::RunEvent> events;
  };
  static constexpr size_t kKept = 5000;

  const Clock& clock_;
  Store store_;
  Sync<std::map<int64_t, Run>> runs_;
};

/// Steps and console lines are for the live view only.
bool is_durable(const v1::RunEvent& event);

}  // namespace kiln::results
