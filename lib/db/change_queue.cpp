#include "lib/db/change_queue.h"

#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <utility>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

/// In one transaction; others wait for its end, so it is not to grow without bound.
constexpr size_t kMostTogether = 512;

}  // namespace

ChangeQueue::~ChangeQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    came_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void ChangeQueue::add(Waiting waiting) {
  waiting_.push_back(std::move(waiting));
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  came_.notify_one();
}

void ChangeQueue::run(Change& change) {
  std::condition_variable told;
  std::unique_lock lock(mutex_);
  add({&change, nullptr, &told});
  told.wait(lock, [&] { return change.done; });
  if (change.thrown) std::rethrow_exception(change.thrown);
}

void ChangeQueue::post(std::unique_ptr<Change> change) {
  const std::lock_guard lock(mutex_);
  Change* const raw = change.get();
  ++posted_;
  add({raw, std::move(change), nullptr});
}

void ChangeQueue::settle() {
  std::condition_variable told;
  Change nothing{[](SQLite::Database&) { return true; }};
  std::unique_lock lock(mutex_);
  if (posted_ == 0) return;
  add({&nothing, nullptr, &told});
  told.wait(lock, [&] { return nothing.done; });
}

void ChangeQueue::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    came_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::deque<Waiting> batch;
    while (!waiting_.empty() && batch.size() < kMostTogether) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    commit(batch);
    for (const Waiting& each : batch)
      if (each.change->ended) each.change->ended();
    lock.lock();
    for (Waiting& each : batch) {
      each.change->done = true;
      if (each.own) --posted_;
      if (each.told != nullptr) each.told->notify_one();  // it goes on when the lock is free
    }
  }
}

/// SQLite's word for one change is not the end of its neighbours; where it has undone the whole
/// transaction (a full disk), it is.
void ChangeQueue::commit(const std::deque<Waiting>& batch) {
  const std::lock_guard lock(db_mutex_);
  try {
    SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
    for (const Waiting& each : batch) apply(*each.change);
    transaction.commit();
  } catch (const SQLite::Exception& e) {
    for (const Waiting& each : batch)
      if (each.change->failed) each.change->failed(e);
  }
}

void ChangeQueue::apply(Change& change) {
  bool good = false;
  sql::execute(db_, "SAVEPOINT change");
  try {
    good = change.work(db_);
  } catch (const SQLite::Exception& e) {
    if (sqlite3_get_autocommit(db_.getHandle()) != 0) throw;
    if (change.failed) change.failed(e);
  } catch (...) {
    change.thrown = std::current_exception();
  }
  if (!good) sql::execute(db_, "ROLLBACK TO change");
  sql::execute(db_, "RELEASE change");
}

}  // namespace kiln::db
