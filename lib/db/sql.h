#pragma once
/// How the tables speak SQL: transactions that end as Results, statements with typed arguments.
/// Only for this folder: it is the one place where SQLiteCpp's exceptions are caught.
#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lib/base/clock.h"
#include "lib/db/change_queue.h"
#include "lib/db/connection.h"
#include "lib/db/database.h"

namespace kiln::db {

struct Database::Impl {
  explicit Impl(SQLite::Database database) : db(std::move(database)) {}
  std::mutex mutex;
  Connection db;  ///< only with the mutex held
  ChangeQueue changes{db, mutex};
  bool read_only = false;
  Observer observer;
};

namespace sql {

/// SQLite's error as ours: "cannot WHAT: database or disk is full".
Error to_error(const SQLite::Exception& e, std::string_view what, const std::string& file);

/// Tells the database's observer how long it lived.
class Timed {
 public:
  Timed(const Database::Observer& observer, bool writes) : observer_(observer), writes_(writes) {}
  ~Timed() {
    if (observer_)
      observer_(writes_,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  const Database::Observer& observer_;
  bool writes_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// For looking, at one consistent state: calls f(connection), which returns a Result.
template <typename F>
auto read(const Database& database, std::string_view what, F f)
    -> std::invoke_result_t<F, SQLite::Database&> {
  Database::Impl& impl = database.impl();
  const Timed timed(impl.observer, false);
  impl.changes.settle();
  const std::lock_guard lock(impl.mutex);
  try {
    SQLite::Transaction transaction(impl.db, SQLite::TransactionBehavior::DEFERRED);
    auto result = f(impl.db);
    if (result) transaction.commit();
    return result;
  } catch (const SQLite::Exception& e) {
    return tl::unexpected<Error>(to_error(e, what, impl.db.getFilename()));
  }
}

/// For changing: f returns a Result and is called on the queue's thread. An error of f, or one that
/// SQLite throws, undoes everything that f did. What it did is on disk when this returns.
template <typename F>
auto write(const Database& database, std::string_view what, F f)
    -> std::invoke_result_t<F, SQLite::Database&> {
  using Outcome = std::invoke_result_t<F, SQLite::Database&>;
  Database::Impl& impl = database.impl();
  const Timed timed(impl.observer, true);  // what it waits for others is in it
  std::optional<Outcome> outcome;
  Change change;
  change.work = [&](SQLite::Database& db) {
    outcome.emplace(f(db));
    return outcome->has_value();
  };
  change.failed = [&](const SQLite::Exception& e) {
    outcome.emplace(tl::unexpected<Error>(to_error(e, what, impl.db.getFilename())));
  };
  impl.changes.run(change);
  return std::move(*outcome);
}

/// As write(), without waiting: f owns what it needs, and `then` is called with its outcome on the
/// queue's thread; it must return at once.
template <typename F>
void write_later(const Database& database, std::string what, F f,
                 std::function<void(Status)> then) {
  auto outcome = std::make_shared<Status>();
  auto change = std::make_unique<Change>();
  change->work = [f = std::move(f), outcome](SQLite::Database& db) {
    *outcome = f(db);
    return outcome->has_value();
  };
  change->failed = [outcome, what = std::move(what),
                    file = database.impl().db.getFilename()](const SQLite::Exception& e) {
    *outcome = tl::unexpected<Error>(to_error(e, what, file));
  };
  change->ended = [outcome, then = std::move(then)] { then(std::move(*outcome)); };
  database.impl().changes.post(std::move(change));
}

/// A change that nobody waits for and that may be lost with the process: f returns nothing and
/// owns what it needs. It is on disk before any later change of any thread.
template <typename F>
void post(const Database& database, F f) {
  auto change = std::make_unique<Change>();
  change->work = [f = std::move(f)](SQLite::Database& db) {
    f(db);
    return true;
  };
  database.impl().changes.post(std::move(change));
}

/// Bytes that need not be text.
struct Blob {
  const std::string& bytes;
};

inline void bind(SQLite::Statement& s, int i, const std::string& text) {
  s.bind(i, text);
}
inline void bind(SQLite::Statement& s, int i, const char* text) {
  s.bind(i, text);
}
inline void bind(SQLite::Statement& s, int i, const Blob& blob) {
  s.bind(i, static_cast<const void*>(blob.bytes.data()), static_cast<int>(blob.bytes.size()));
}
inline void bind(SQLite::Statement& s, int i, double number) {
  s.bind(i, number);
}
inline void bind(SQLite::Statement& s, int i, WallTime time) {
  s.bind(i, static_cast<int64_t>(time.time_since_epoch().count()));
}
inline void bind(SQLite::Statement& s, int i, Millis duration) {
  s.bind(i, static_cast<int64_t>(duration.count()));
}
template <typename T>
requires std::is_integral_v<T>
void bind(SQLite::Statement& s, int i, T number) {
  s.bind(i, static_cast<int64_t>(number));
}
template <typename T>
void bind(SQLite::Statement& s, int i, const std::optional<T>& value) {
  if (value) {
    bind(s, i, *value);
  } else {
    s.bind(i);
  }
}

template <typename... Args>
void bind_all(SQLite::Statement& statement, const Args&... args) {
  int i = 0;
  (bind(statement, ++i, args), ...);
}

/// Runs one statement; the number of rows it changed.
template <typename... Args>
int execute(SQLite::Database& db, const char* text, const Args&... args) {
  Connection::Prepared statement(db, text);
  bind_all(*statement, args...);
  return statement->exec();
}

/// Calls row(statement) for each row.
template <typename Row, typename... Args>
void each(SQLite::Database& db, const char* text, Row row, const Args&... args) {
  Connection::Prepared statement(db, text);
  bind_all(*statement, args...);
  while (statement->executeStep()) row(*statement);
}

/// One statement for many rows.
class Inserter {
 public:
  Inserter(SQLite::Database& db, const char* text) : statement_(db, text) {}
  template <typename... Args>
  void add(const Args&... args) {
    statement_->reset();
    bind_all(*statement_, args...);
    statement_->exec();
  }

 private:
  Connection::Prepared statement_;
};

/// Reads a row's columns one after the other.
class Columns {
 public:
  explicit Columns(SQLite::Statement& statement) : statement_(&statement) {}
  std::string text() { return next().getString(); }
  int64_t integer() { return next().getInt64(); }
  int small() { return next().getInt(); }
  bool flag() { return next().getInt() != 0; }
  double real() { return next().getDouble(); }
  WallTime time() { return WallTime(Millis(integer())); }
  Millis duration() { return Millis(integer()); }
  std::optional<WallTime> optional_time() {
    const SQLite::Column column = next();
    if (column.isNull()) return std::nullopt;
    return WallTime(Millis(column.getInt64()));
  }
  std::optional<int64_t> optional_integer() {
    const SQLite::Column column = next();
    if (column.isNull()) return std::nullopt;
    return column.getInt64();
  }
  std::optional<double> optional_real() {
    const SQLite::Column column = next();
    if (column.isNull()) return std::nullopt;
    return column.getDouble();
  }

 private:
  SQLite::Column next() { return statement_->getColumn(index_++); }
  SQLite::Statement* statement_;
  int index_ = 0;
};

}  // namespace sql
}  // namespace kiln::db
