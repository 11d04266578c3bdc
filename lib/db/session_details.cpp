#include "lib/db/session_details.h"

#include <cmath>
#include <limits>

#include "lib/db/kernel_report_table.h"

namespace kiln::db {
namespace {

void insert_results(SQLite::Database& db, const StoredSession& session) {
  sql::Inserter insert(db,
                       "INSERT INTO results (session_id, position, test, phase, outcome, seconds,"
                       " reason, kernel_words) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const verdict::ResultRow& result : session.results) {
    insert.add(session.id, position++, result.test, result.phase, result.outcome,
               std::isfinite(result.seconds) ? result.seconds : 0.0, result.reason,
               sql::Blob{result.kernel_words});
  }
}

void insert_measurements(SQLite::Database& db, const StoredSession& session) {
  sql::Inserter insert(db,
                       "INSERT INTO measurements (session_id, position, bench, metric, value, unit)"
                       " VALUES (?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const verdict::MeasurementRow& m : session.measurements) {
    insert.add(session.id, position++, m.bench, m.metric, m.value, m.unit);  // NaN becomes NULL
  }
}

void load_identity_modules(SQLite::Database& db, StoredSession* session) {
  sql::each(
      db, "SELECT module, build_id FROM session_modules WHERE session_id = ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const std::string module = c.text();
        session->identity.module_build_ids[module] = c.text();
      },
      session->id);
}

void load_artifacts(SQLite::Database& db, StoredSession* session) {
  sql::each(
      db, "SELECT name, digest FROM artifacts WHERE session_id = ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const std::string name = c.text();
        session->artifacts[name] = c.text();
      },
      session->id);
}

void load_results(SQLite::Database& db, StoredSession* session) {
  sql::each(
      db, kSelectResults,
      [&](SQLite::Statement& row) {
        sql::Columns columns(row);
        session->results.push_back(read_result(columns));
      },
      session->id);
}

void load_measurements(SQLite::Database& db, StoredSession* session) {
  sql::each(
      db, kSelectMeasurements,
      [&](SQLite::Statement& row) {
        sql::Columns columns(row);
        session->measurements.push_back(read_measurement(columns));
      },
      session->id);
}

void insert_conditions(SQLite::Database& db, const StoredSession& session) {
  const hygiene::Conditions& c = session.conditions;
  if (c == hygiene::Conditions()) return;
  sql::execute(db, "INSERT INTO session_conditions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", session.id,
               c.settings.governor, c.settings.turbo, c.settings.clocksource, c.throttled,
               c.celsius, c.other_load, c.stolen_percent);
}

}  // namespace

hygiene::Conditions read_conditions(sql::Columns& columns) {
  hygiene::Conditions out;
  out.settings.governor = columns.text();
  out.settings.turbo = columns.text();
  out.settings.clocksource = columns.text();
  out.throttled = columns.optional_integer();
  out.celsius = columns.optional_real();
  out.other_load = columns.optional_real();
  out.stolen_percent = columns.optional_real();
  return out;
}

verdict::ResultRow read_result(sql::Columns& columns) {
  verdict::ResultRow result;
  result.test = columns.text();
  result.phase = columns.text();
  result.outcome = columns.text();
  result.seconds = columns.real();
  result.reason = columns.text();
  result.kernel_words = columns.text();
  return result;
}

verdict::MeasurementRow read_measurement(sql::Columns& columns) {
  verdict::MeasurementRow m;
  m.bench = columns.text();
  m.metric = columns.text();
  m.value = columns.optional_real().value_or(std::numeric_limits<double>::quiet_NaN());
  m.unit = columns.text();
  return m;
}

void insert_details(SQLite::Database& db, const StoredSession& session) {
  insert_conditions(db, session);
  insert_results(db, session);
  insert_measurements(db, session);
  insert_kernel_reports(db, session.id, session.kernel);
  sql::Inserter modules(
      db, "INSERT INTO session_modules (session_id, module, build_id) VALUES (?, ?, ?)");
  for (const auto& [module, id] : session.identity.module_build_ids) {
    modules.add(session.id, module, id);
  }
  sql::Inserter phases(
      db, "INSERT INTO session_phases (session_id, position, name, seconds) VALUES (?, ?, ?, ?)");
  int position = 0;
  for (const PhaseTimeRow& phase : session.phases) {
    phases.add(session.id, position++, phase.name,
               std::isfinite(phase.seconds) ? phase.seconds : 0.0);
  }
  sql::Inserter artifacts(db, "INSERT INTO artifacts (session_id, name, digest) VALUES (?, ?, ?)");
  for (const auto& [name, digest] : session.artifacts) artifacts.add(session.id, name, digest);
}

void load_details(SQLite::Database& db, StoredSession* session) {
  sql::each(
      db, "SELECT test FROM session_tests WHERE session_id = ? ORDER BY position",
      [&](SQLite::Statement& row) { session->only_tests.push_back(row.getColumn(0).getString()); },
      session->id);
  sql::each(
      db, "SELECT tag FROM session_tags WHERE session_id = ? ORDER BY tag",
      [&](SQLite::Statement& row) { session->tags.push_back(row.getColumn(0).getString()); },
      session->id);
  load_identity_modules(db, session);
  sql::each(
      db, "SELECT name, seconds FROM session_phases WHERE session_id = ? ORDER BY position",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        PhaseTimeRow phase;
        phase.name = c.text();
        phase.seconds = c.real();
        session->phases.push_back(std::move(phase));
      },
      session->id);
  sql::each(
      db, kSelectConditions,
      [&](SQLite::Statement& row) {
        sql::Columns columns(row);
        session->conditions = read_conditions(columns);
      },
      session->id);
  load_artifacts(db, session);
  load_results(db, session);
  load_measurements(db, session);
  session->kernel = load_kernel_reports(db, session->id);
}

}  // namespace kiln::db
