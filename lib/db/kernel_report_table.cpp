#include "lib/db/kernel_report_table.h"

#include <fmt/format.h>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

void insert_frames(SQLite::Database& db, int64_t session_id, int report,
                   const std::vector<dmesg::Frame>& frames) {
  sql::Inserter insert(db,
                       "INSERT INTO kernel_frames (session_id, report_position, position, function,"
                       " module, file, line, inlined) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const dmesg::Frame& frame : frames)
    insert.add(session_id, report, position++, frame.function, frame.module, frame.file, frame.line,
               frame.inlined);
}

}  // namespace

void insert_kernel_reports(SQLite::Database& db, int64_t session_id,
                           const std::vector<verdict::KernelReport>& reports) {
  sql::Inserter insert(
      db,
      "INSERT INTO kernel_reports (session_id, position, kind, title, signature,"
      " text, test, subsystem, late, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const verdict::KernelReport& report : reports) {
    insert.add(session_id, position, report.kind, report.title, report.signature,
               sql::Blob{report.text}, report.test, report.subsystem, report.late, report.times);
    insert_frames(db, session_id, position++, report.frames);
  }
}

std::vector<verdict::KernelReport> load_kernel_reports(SQLite::Database& db, int64_t session_id) {
  std::vector<verdict::KernelReport> reports;
  sql::each(
      db,
      "SELECT kind, title, signature, text, test, subsystem, late, times FROM kernel_reports"
      " WHERE session_id = ? ORDER BY position",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        verdict::KernelReport& report = reports.emplace_back();
        report.kind = c.text();
        report.title = c.text();
        report.signature = c.text();
        report.text = c.text();
        report.test = c.text();
        report.subsystem = c.text();
        report.late = c.flag();
        report.times = c.small();
      },
      session_id);
  if (reports.empty()) return reports;
  sql::each(
      db,
      "SELECT report_position, function, module, file, line, inlined FROM kernel_frames"
      " WHERE session_id = ? ORDER BY report_position, position",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const auto report = static_cast<size_t>(c.integer());
        if (report >= reports.size()) return;
        dmesg::Frame& frame = reports[report].frames.emplace_back();
        frame.function = c.text();
        frame.module = c.text();
        frame.file = c.text();
        frame.line = c.small();
        frame.inlined = c.flag();
      },
      session_id);
  return reports;
}

Status KernelReportTable::set_decoded(int64_t session_id, int position,
                                      const std::vector<dmesg::Frame>& frames,
                                      const std::string& subsystem) {
  return sql::write(*database_, "store the decoded report", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(
        db, "UPDATE kernel_reports SET subsystem = ? WHERE session_id = ? AND position = ?",
        subsystem, session_id, position);
    if (changed == 0)
      return fail(ErrorKind::kNotFound,
                  fmt::format("session {} has no kernel report {}", session_id, position));
    sql::execute(db, "DELETE FROM kernel_frames WHERE session_id = ? AND report_position = ?",
                 session_id, position);
    insert_frames(db, session_id, position, frames);
    return {};
  });
}

Result<int> KernelReportTable::boots_before(int64_t run_id, const std::string& machine,
                                            const std::string& signature) const {
  return sql::read(*database_, "look for earlier kernel reports",
                   [&](SQLite::Database& db) -> Result<int> {
                     int boots = 0;
                     sql::each(
                         db,
                         "SELECT count(DISTINCT s.id) FROM kernel_reports k"
                         " JOIN sessions s ON s.id = k.session_id"
                         " WHERE k.signature = ? AND s.run_id < ? AND s.machine = ?"
                         " AND s.variant = 'baseline' AND s.state = 'done'",
                         [&](SQLite::Statement& row) { boots = row.getColumn(0).getInt(); },
                         signature, run_id, machine);
                     return boots;
                   });
}

}  // namespace kiln::db
