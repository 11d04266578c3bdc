#pragma once
/// The rows that hang on a session. Only for this folder.
#include "lib/db/session_table.h"
#include "lib/db/sql.h"

namespace kiln::db {

void insert_details(SQLite::Database& db, const StoredSession& session);
void load_details(SQLite::Database& db, StoredSession* session);

}  // namespace kiln::db
