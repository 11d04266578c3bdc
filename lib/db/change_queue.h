#pragma once
/// Changes of many threads as few transactions: those that wait while one is being written to the
/// disk are committed together by the next. Each change is done whole or not at all, whatever
/// becomes of its neighbours. Only for this folder, by lib/db/sql.h. Safe for concurrent use.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace kiln::db {

/// One change; its outcome is whatever `work` and `failed` leave behind.
struct Change {
  std::function<bool(SQLite::Database&)> work;             ///< false: nothing of it is to stay
  std::function<void(const SQLite::Exception&)> failed{};  ///< it is not stored
  std::function<void()> ended{};                           ///< of a posted one, whatever came of it
  std::exception_ptr thrown{};                             ///< by `work`: not SQLite's
  bool done = false;
};

class ChangeQueue {
 public:
  /// Both must outlive it; the connection is used with the mutex held.
  ChangeQueue(SQLite::Database& db, std::mutex& mutex) : db_(db), db_mutex_(mutex) {}
  /// Writes what is left.
  ~ChangeQueue();
  ChangeQueue(const ChangeQueue&) = delete;
  ChangeQueue& operator=(const ChangeQueue&) = delete;

  /// Returns when the change is on disk, or is not to be.
  void run(Change& change);
  /// Returns at once; the change is on disk before any that comes after it.
  void post(std::unique_ptr<Change> change);
  /// Returns when all that was posted before is on disk: who reads next sees it.
  void settle();

 private:
  struct Waiting {
    Change* change = nullptr;
    std::unique_ptr<Change> own;              ///< nobody waits for it
    std::condition_variable* told = nullptr;  ///< who waits
  };
  void add(Waiting waiting);
  void loop();
  void commit(const std::deque<Waiting>& batch);
  void apply(Change& change);

  SQLite::Database& db_;
  std::mutex& db_mutex_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Waiting> waiting_;
  size_t posted_ = 0;  ///< that are not on disk yet
  bool stop_ = false;
  std::thread thread_;  ///< from the first change on: a reader needs none
};

}  // namespace kiln::db
