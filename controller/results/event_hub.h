#pragma once
/// What happens in the runs of this process, for those who watch. Durable events are handed to a
/// store function, too; fine-grained ones (a test's step, a console line) live in memory only.
/// Safe for concurrent use; runs do not wait for each other.
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "kiln/v1/lab.pb.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::results {

class EventHub {
 public:
  /// Must not wait; is called in the order of a run's numbers.
  using Store = std::function<void(int64_t run_id, const v1::RunEvent&)>;
  EventHub(const Clock& clock, Store store) : clock_(clock), store_(std::move(store)) {}

  /// Numbers and times the event, and wakes the watchers. After kind "finished" nothing more is
  /// taken.
  void publish(int64_t run_id, v1::RunEvent event);
  /// Numbers go on after `last_seq`, well after: a watcher may have seen events that an earlier
  /// process could not store any more, and asks for what comes after them.
  void resume(int64_t run_id, int64_t last_seq);
  void open(int64_t run_id) { (void)find_or_add(run_id); }
  /// Is this run being driven by this process, or was not long ago?
  bool knows(int64_t run_id);
  /// The next events with seq > after, at least one unless `wait` ends first. Old ones beyond the
  /// memory's bound are left out. Nothing of a run that is not known (any more): the store has it.
  std::optional<std::vector<v1::RunEvent>> next(int64_t run_id, int64_t after, Millis wait);

 private:
  struct Run {
    int64_t last_seq = 0;
    bool finished = false;
    std::deque<v1::RunEvent> events;
  };
  /// A run has a lock of its own: who watches one is not woken by another.
  using Shared = std::shared_ptr<Sync<Run>>;
  struct Runs {
    std::map<int64_t, Shared> all;
    std::deque<int64_t> finished;  ///< oldest first
  };
  Shared find_or_add(int64_t run_id);
  void forget_old(int64_t finished_run);

  static constexpr size_t kKept = 5000;
  static constexpr std::ptrdiff_t kMostAtOnce = 100;  ///< a watcher that is slow holds no more
  static constexpr size_t kKeptFinished = 64;         ///< runs; the store has the others' events
  static constexpr int64_t kGap = 1000;

  const Clock& clock_;
  Store store_;
  Sync<Runs> runs_;
};

/// Steps and console lines are for the live view only.
bool is_durable(const v1::RunEvent& event);

}  // namespace kiln::results
