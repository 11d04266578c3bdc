#pragma once
/// A session as the wire has it and as the database has it. Pure.
#include "kiln/v1/report.pb.h"
#include "lib/db/session_table.h"

namespace kiln::results {

/// What came of a session; what is known at its start (key, attempt, ...) is not in the message.
db::StoredSession to_row(const v1::Session& session);
v1::Session to_session(const db::StoredSession& row);

}  // namespace kiln::results
