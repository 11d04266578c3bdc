#pragma once
/// Kiln's one database: SQLite, known to nothing outside this folder. docs/database.md describes
/// its tables; each *_table.h holds what is done with one.
/// Thread-safety: a Database and the tables on it may be used by several threads (one at a time
/// inside). Several processes may have the file open; one writes at a time, others wait up to 10 s.
#include <functional>
#include <memory>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::db {

/// An open database. Every write through it is on disk when it returns, or not done at all.
class Database {
 public:
  /// Makes the file when it is not there and brings an older one to the newest version. Errors:
  /// kBadInput for a file that is none of ours or is from a newer Kiln, kPermission, kNoSpace,
  /// kConflict when another process kept it locked.
  static Result<Database> open(const os::Path& file);
  /// For looking only; any write fails. An older file is refused: open() upgrades it.
  static Result<Database> open_read_only(const os::Path& file);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// The file's version: the number of the last migration.
  [[nodiscard]] int version() const;
  /// Nothing wrong inside, or kInternal with the first problem's words. Reads everything.
  [[nodiscard]] Status check() const;

  /// Told after each transaction whether it took the writer's place, and how long it took with the
  /// wait for its turn; on the thread that asked. Set before others use the database.
  using Observer = std::function<void(bool writes, double seconds)>;
  void set_observer(Observer observer);

  struct Impl;
  [[nodiscard]] Impl& impl() const { return *impl_; }

 private:
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::db
