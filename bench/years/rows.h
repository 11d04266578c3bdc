#pragma once
/// Writes made-up nights into a database of Kiln's own schema.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/VariadicBind.h>

#include <cstdint>
#include <functional>
#include <string>

#include "bench/years/model.h"
#include "bench/years/report.h"

namespace kiln::bench {

/// Artifacts that all sessions and builds share: a database is large, its logs need not be.
struct Blobs {
  std::string console;
  std::string config[2];  ///< of kConfigs
};

/// The last night ends at `until_ms`.
class Rows {
 public:
  Rows(SQLite::Database& db, const Size& size, v1::RunReport sample, Blobs blobs, int64_t until_ms);

  /// All runs, oldest first; `done` is told how many there are.
  void write(const std::function<void(int)>& done);
  [[nodiscard]] int64_t results() const { return results_; }

 private:
  /// A prepared statement for many rows.
  class Into {
   public:
    Into(SQLite::Database& db, const std::string& text) : statement_(db, text) {}
    template <typename... Args>
    void add(const Args&... args) {
      statement_.reset();
      SQLite::bind(statement_, args...);
      statement_.exec();
    }

   private:
    SQLite::Statement statement_;
  };

  void write_lab();
  void write_run();
  RunFacts facts();
  void write_builds(const RunFacts& run);
  void write_functional(const RunFacts& run);
  void write_performance(const RunFacts& run);
  void write_session(const RunFacts& run, const std::string& key, const char* purpose, int cell,
                     int pair);
  void write_results(int64_t session, int cell);
  void write_events(const RunFacts& run);
  void write_verdict(const RunFacts& run);
  void write_known_hits(const RunFacts& run);
  void decide_old();

  SQLite::Database& db_;
  const Size size_;
  const v1::RunReport sample_;
  const Blobs blobs_;
  const int64_t until_ms_;
  Nights nights_;
  int64_t session_ = 0;
  int64_t verdict_ = 0;
  int64_t results_ = 0;
  Into run_, cell_, build_, run_build_, session_row_, artifact_, phase_, result_, measurement_,
      kernel_, frame_, event_, verdict_row_, finding_, occurrence_, hit_, firing_;
};

}  // namespace kiln::bench
