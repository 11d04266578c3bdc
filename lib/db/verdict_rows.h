#pragma once
/// Verdicts inside a transaction of another table. Only for this folder.
#include "lib/db/sql.h"
#include "lib/db/verdict_table.h"

namespace kiln::db {

void insert_verdict(SQLite::Database& db, int64_t run_id, const VerdictRow& verdict);
/// The newest verdict of a run; `with_report`: its bytes, too.
std::optional<VerdictRow> find_verdict(SQLite::Database& db, int64_t run_id, bool with_report);

/// Brings to the row whether decisions hide what the run found of `subject`.
void hide_decided(SQLite::Database& db, int64_t run_id, const std::string& subject);

}  // namespace kiln::db
