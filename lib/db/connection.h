#pragma once
/// A connection that keeps its statements prepared: their texts are few and are asked again and
/// again. Only for this folder; used with the Database's mutex held.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace kiln::db {

class Connection final : public SQLite::Database {
 public:
  explicit Connection(SQLite::Database database) : SQLite::Database(std::move(database)) {}

  /// A statement for as long as this lives; then it is kept for the next one.
  class Prepared {
   public:
    Prepared(SQLite::Database& db, const char* text)
        : connection_(static_cast<Connection&>(db)), text_(text) {
      const auto kept = connection_.kept_.find(text_);
      if (kept != connection_.kept_.end()) {
        statement_ = std::move(kept->second);
        connection_.kept_.erase(kept);
      } else {
        statement_ = std::make_unique<SQLite::Statement>(db, text_);
      }
    }
    ~Prepared() {
      // Of an error that was told already it would tell again.
      if (statement_->tryReset() != 0 || connection_.kept_.size() >= kMostKept) return;
      statement_->clearBindings();
      connection_.kept_.emplace(std::move(text_), std::move(statement_));
    }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    SQLite::Statement& operator*() { return *statement_; }
    SQLite::Statement* operator->() { return statement_.get(); }

   private:
    Connection& connection_;
    std::string text_;
    std::unique_ptr<SQLite::Statement> statement_;
  };

 private:
  static constexpr size_t kMostKept = 200;
  std::unordered_map<std::string, std::unique_ptr<SQLite::Statement>> kept_;  ///< not in use
};

}  // namespace kiln::db
