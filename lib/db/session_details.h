#pragma once
/// The rows that hang on a session. Only for this folder.
#include "lib/db/session_table.h"
#include "lib/db/sql.h"

namespace kiln::db {

/// Bound to a session's id; each row is read by the function below it.
inline constexpr const char* kSelectResults =
    "SELECT test, phase, outcome, seconds, reason, kernel_words FROM results"
    " WHERE session_id = ? ORDER BY position";
verdict::ResultRow read_result(sql::Columns& columns);
inline constexpr const char* kSelectMeasurements =
    "SELECT bench, metric, value, unit FROM measurements WHERE session_id = ?"
    " ORDER BY position";
verdict::MeasurementRow read_measurement(sql::Columns& columns);

inline constexpr const char* kSelectConditions =
    "SELECT governor, turbo, clocksource, throttled, celsius, other_load, stolen_percent"
    " FROM session_conditions WHERE session_id = ?";
/// Of these seven columns; all of them NULL: nothing is known.
hygiene::Conditions read_conditions(sql::Columns& columns);

void insert_details(SQLite::Database& db, const StoredSession& session);
void load_details(SQLite::Database& db, StoredSession* session);

}  // namespace kiln::db
