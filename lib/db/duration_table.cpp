#include "lib/db/duration_table.h"

#include <algorithm>
#include <cmath>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

/// Value at a share (0..1) of sorted samples, interpolated.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + (sorted[above] - sorted[below]) * part;
}

void insert(SQLite::Database& db, const std::string& kind, const std::string& source,
            double seconds, WallTime when) {
  sql::execute(db,
               "INSERT INTO durations (kind, source, seconds, recorded_ms) VALUES (?, ?, ?, ?)"
               " ON CONFLICT DO NOTHING",
               kind, source, seconds, when);
  sql::execute(db,
               "DELETE FROM durations WHERE kind = ? AND id NOT IN"
               " (SELECT id FROM durations WHERE kind = ? ORDER BY id DESC LIMIT ?)",
               kind, kind, DurationTable::kKept);
}

/// A clock that jumped gives no sample.
bool is_sample(double seconds) {
  return std::isfinite(seconds) && seconds >= 0;
}

}  // namespace

Status DurationTable::add(const std::string& kind, const std::string& source, double seconds,
                          WallTime when) {
  if (!is_sample(seconds)) return {};
  return sql::write(*database_, "store a duration", [&](SQLite::Database& db) -> Status {
    insert(db, kind, source, seconds, when);
    return {};
  });
}

void DurationTable::post(const std::string& kind, const std::string& source, double seconds,
                         WallTime when) {
  if (!is_sample(seconds)) return;
  sql::post(*database_, [kind, source, seconds, when](SQLite::Database& db) {
    insert(db, kind, source, seconds, when);
  });
}

Result<std::map<std::string, std::vector<double>>> DurationTable::history() const {
  using History = std::map<std::string, std::vector<double>>;
  return sql::read(*database_, "read the durations", [](SQLite::Database& db) -> Result<History> {
    History history;
    sql::each(db, "SELECT kind, seconds FROM durations ORDER BY id", [&](SQLite::Statement& row) {
      sql::Columns c(row);
      const std::string kind = c.text();
      history[kind].push_back(c.real());
    });
    return history;
  });
}

Result<std::optional<DurationSpread>> DurationTable::spread(const std::string& kind) const {
  KILN_ASSIGN(const auto all, history());
  const auto found = all.find(kind);
  if (found == all.end()) return std::nullopt;
  std::vector<double> sorted = found->second;
  std::sort(sorted.begin(), sorted.end());
  return DurationSpread{sorted.size(), quantile(sorted, 0.1), quantile(sorted, 0.5),
                        quantile(sorted, 0.9)};
}

}  // namespace kiln::db
