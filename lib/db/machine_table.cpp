#include "lib/db/machine_table.h"

#include "lib/db/sql.h"

namespace kiln::db {

Status MachineTable::put(const MachineRow& m) {
  return sql::write(*database_, "store the machine", [&](SQLite::Database& db) -> Status {
    sql::execute(db,
                 "INSERT INTO machines (name, agent, intent, intent_why, health, health_why,"
                 " errors_in_a_row, changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name)"
                 " DO UPDATE SET agent = excluded.agent, intent = excluded.intent,"
                 " intent_why = excluded.intent_why, health = excluded.health,"
                 " health_why = excluded.health_why, errors_in_a_row = excluded.errors_in_a_row,"
                 " changed_ms = excluded.changed_ms",
                 m.name, m.agent, m.intent, m.intent_why, m.health, m.health_why, m.errors_in_a_row,
                 m.changed);
    return {};
  });
}

Result<std::vector<MachineRow>> MachineTable::all() const {
  return sql::read(*database_, "read the machines",
                   [](SQLite::Database& db) -> Result<std::vector<MachineRow>> {
                     std::vector<MachineRow> rows;
                     sql::each(db,
                               "SELECT name, agent, intent, intent_why, health, health_why,"
                               " errors_in_a_row, changed_ms FROM machines ORDER BY name",
                               [&](SQLite::Statement& row) {
                                 sql::Columns c(row);
                                 MachineRow m;
                                 m.name = c.text();
                                 m.agent = c.text();
                                 m.intent = c.text();
                                 m.intent_why = c.text();
                                 m.health = c.text();
                                 m.health_why = c.text();
                                 m.errors_in_a_row = c.small();
                                 m.changed = c.time();
                                 rows.push_back(std::move(m));
                               });
                     return rows;
                   });
}

}  // namespace kiln::db
