#pragma once
/// What changed in the lab lately, numbered, for those who look at it. Many small changes of one
/// thing are one: it says what to look at again, not what it is. Safe for concurrent use.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::live {

struct Change {
  int64_t seq = 0;
  std::string kind;     ///< "run" "finding" "machine" "queue" "schedule" "known" "access"
  int64_t run_id = 0;   ///< of a run and its findings
  std::string name{};   ///< of a machine, a schedule
  std::string state{};  ///< of a run
};

struct BoardOptions {
  size_t kept = 1000;      ///< changes that a lost connection may catch up with
  Millis pace{100};        ///< watchers are woken that often at most
  Millis heartbeat{1000};  ///< and that often at least
};

class Board {
 public:
  /// Called on the board's thread; must return at once.
  using Watcher = std::function<void()>;

  explicit Board(const Clock& clock, BoardOptions options = {});
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  /// Never waits; may be called by any thread.
  void post(Change change);
  /// The newest number so far. Numbers grow over restarts, too: they begin with the time.
  [[nodiscard]] int64_t newest();
  /// What came after that number, each thing once; nullopt: some of it is no longer known.
  [[nodiscard]] std::optional<std::vector<Change>> after(int64_t seq);
  /// Woken as long as the watcher is there.
  void add(std::weak_ptr<Watcher> watcher);

 private:
  struct State {
    std::deque<Change> changes;
    int64_t newest = 0;
    int64_t forgotten = 0;  ///< the newest number that is no longer there
    std::vector<std::weak_ptr<Watcher>> watchers;
    bool changed = false;
    bool stop = false;
  };
  void loop();

  const BoardOptions options_;
  Sync<State> state_;
  std::thread thread_;
};

}  // namespace kiln::live
