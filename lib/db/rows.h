#pragma once
/// A query's rows as structs. Only for this folder, as sql.h is.
#include <vector>

#include "lib/db/sql.h"

namespace kiln::db::sql {

/// All rows of a query, each read by `read`.
template <typename T, typename Read, typename... Args>
Result<std::vector<T>> all(const Database& database, const char* what, const char* text, Read read,
                           const Args&... args) {
  return sql::read(database, what, [&](SQLite::Database& db) -> Result<std::vector<T>> {
    std::vector<T> rows;
    each(
        db, text,
        [&](SQLite::Statement& row) {
          Columns columns(row);
          rows.push_back(read(columns));
        },
        args...);
    return rows;
  });
}

inline std::string text_of(Columns& columns) {
  return columns.text();
}

}  // namespace kiln::db::sql
