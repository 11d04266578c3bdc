#include "lib/db/verdict_table.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/text.h"
#include "lib/db/verdict_rows.h"

namespace kiln::db {
namespace {

constexpr const char* kFigures =
    "SELECT id, result, exit_code, headline, results_planned, results_got, regressions, fixes,"
    " warnings, flaky, lost, known, judged_ms, rules, cause, ";

VerdictRow read_verdict(SQLite::Statement& row) {
  sql::Columns c(row);
  VerdictRow verdict;
  verdict.id = c.integer();
  verdict.result = c.text();
  verdict.exit_code = c.small();
  verdict.headline = c.text();
  verdict.results_planned = c.small();
  verdict.results_got = c.small();
  verdict.regressions = c.small();
  verdict.fixes = c.small();
  verdict.warnings = c.small();
  verdict.flaky = c.small();
  verdict.lost = c.small();
  verdict.known = c.small();
  verdict.judged = c.time();
  verdict.rules = c.small();
  verdict.cause = c.text();
  verdict.report = c.text();
  return verdict;
}

verdict::Occurrence read_occurrence(SQLite::Statement& row) {
  sql::Columns c(row);
  verdict::Occurrence seen;
  seen.finding = c.text();
  seen.session_id = c.integer();
  seen.test = c.text();
  seen.config = c.text();
  seen.outcome = c.text();
  seen.row = c.small();
  seen.report = c.small();
  seen.known = split_ids(c.text());
  return seen;
}

bool says_the_same(const VerdictRow& a, const VerdictRow& b) {
  return a.result == b.result && a.rules == b.rules && a.report == b.report;
}

int64_t insert_row(SQLite::Database& db, int64_t run_id, const VerdictRow& v) {
  sql::execute(db,
               "INSERT INTO verdicts (run_id, result, exit_code, headline, results_planned,"
               " results_got, regressions, fixes, warnings, flaky, lost, known, judged_ms, rules,"
               " cause, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               run_id, v.result, v.exit_code, v.headline, v.results_planned, v.results_got,
               v.regressions, v.fixes, v.warnings, v.flaky, v.lost, v.known, v.judged, v.rules,
               v.cause, sql::Blob{v.report});
  return db.getLastInsertRowid();
}

std::optional<int> position(int index) {
  return index < 0 ? std::nullopt : std::optional(index);
}

/// The job that a run's findings are listed under, "" = of none: it checks a machine.
std::string listed_job(SQLite::Database& db, int64_t run_id) {
  std::string job;
  sql::each(
      db, "SELECT job_name FROM runs WHERE id = ? AND checks_machine = ''",
      [&](SQLite::Statement& row) { job = row.getColumn(0).getString(); }, run_id);
  return job;
}

void insert_findings(SQLite::Database& db, int64_t run_id, int64_t id, const VerdictRow& verdict) {
  const std::string job = listed_job(db, run_id);
  sql::Inserter findings(db,
                         "INSERT INTO findings (verdict_id, position, name, class, bare_class,"
                         " test, subject, known, only_patched, summary, detail, run_id, job)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  int at = 0;
  for (const FindingRow& f : verdict.findings) {
    findings.add(id, at++, f.name, f.cls, f.bare_class, f.test, f.subject, join_ids(f.known),
                 f.only_patched, f.summary, sql::Blob{f.detail}, run_id, job);
    hide_decided(db, run_id, f.subject);
  }
  sql::Inserter seen(db,
                     "INSERT INTO occurrences (verdict_id, position, finding, session_id, test,"
                     " config, outcome, row, report, known) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  at = 0;
  for (const verdict::Occurrence& o : verdict.occurrences)
    seen.add(id, at++, o.finding, o.session_id, o.test, o.config, o.outcome, position(o.row),
             position(o.report), join_ids(o.known));
}

}  // namespace

std::string join_ids(const std::vector<int64_t>& ids) {
  std::string out;
  for (const int64_t id : ids) out += fmt::format("{}{}", out.empty() ? "" : " ", id);
  return out;
}

std::vector<int64_t> split_ids(const std::string& text) {
  std::vector<int64_t> out;
  for (const std::string& word : split(text, ' ')) {
    int64_t id = 0;
    const char* end = word.data() + word.size();
    const auto [at, code] = std::from_chars(word.data(), end, id);
    if (code == std::errc() && at == end) out.push_back(id);
  }
  return out;
}

void hide_decided(SQLite::Database& db, int64_t run_id, const std::string& subject) {
  sql::execute(db,
               "UPDATE findings SET hidden_until_ms = coalesce((SELECT CASE d.action"
               " WHEN 'dismiss' THEN 9223372036854775807"
               " WHEN 'snooze' THEN coalesce(d.until_ms, 0) ELSE 0 END"
               " FROM decided_findings x JOIN decisions d ON d.id = x.decision_id"
               " WHERE x.run_id = ?1 AND x.subject = ?2 AND d.undone_ms IS NULL"
               " AND d.action IN ('dismiss', 'reopen', 'snooze') ORDER BY d.id DESC LIMIT 1), 0)"
               " WHERE run_id = ?1 AND subject = ?2",
               run_id, subject);
}

void insert_verdict(SQLite::Database& db, int64_t run_id, const VerdictRow& verdict) {
  const auto newest = find_verdict(db, run_id, true);
  const bool same = newest && says_the_same(*newest, verdict);
  const int64_t id = same ? newest->id : insert_row(db, run_id, verdict);
  // Findings are those of the newest verdict: lists and filters look at nothing else.
  for (const char* text :
       {"DELETE FROM findings WHERE verdict_id IN (SELECT id FROM verdicts WHERE run_id = ?)",
        "DELETE FROM occurrences WHERE verdict_id IN (SELECT id FROM verdicts WHERE run_id = ?)",
        "DELETE FROM known_hits WHERE run_id = ?"})
    sql::execute(db, text, run_id);
  insert_findings(db, run_id, id, verdict);
  sql::Inserter hits(
      db, "INSERT INTO known_hits (filter_id, run_id, occurrences, findings) VALUES (?, ?, ?, ?)");
  for (const KnownHit& hit : verdict.hits)
    hits.add(hit.filter_id, run_id, hit.occurrences, hit.findings);
}

std::optional<VerdictRow> find_verdict(SQLite::Database& db, int64_t run_id, bool with_report) {
  std::optional<VerdictRow> found;
  const std::string text = std::string(kFigures) + (with_report ? "report" : "x''") +
                           " FROM verdicts WHERE run_id = ? ORDER BY id DESC LIMIT 1";
  sql::each(
      db, text.c_str(), [&](SQLite::Statement& row) { found = read_verdict(row); }, run_id);
  return found;
}

Status VerdictTable::add(int64_t run_id, const VerdictRow& verdict) {
  return sql::write(*database_, "store the verdict", [&](SQLite::Database& db) -> Status {
    int known = 0;
    sql::each(
        db, "SELECT count(*) FROM runs WHERE id = ?",
        [&](SQLite::Statement& row) { known = row.getColumn(0).getInt(); }, run_id);
    if (known == 0) return fail(ErrorKind::kNotFound, fmt::format("run {} does not exist", run_id));
    insert_verdict(db, run_id, verdict);
    return {};
  });
}

Result<std::optional<VerdictRow>> VerdictTable::newest(int64_t run_id) const {
  return sql::read(*database_, "read the verdict",
                   [&](SQLite::Database& db) -> Result<std::optional<VerdictRow>> {
                     return find_verdict(db, run_id, true);
                   });
}

Result<std::vector<VerdictRow>> VerdictTable::all(int64_t run_id) const {
  return sql::read(*database_, "read the verdicts",
                   [&](SQLite::Database& db) -> Result<std::vector<VerdictRow>> {
                     std::vector<VerdictRow> rows;
                     const std::string text = std::string(kFigures) +
                                              "x'' FROM verdicts WHERE run_id = ? ORDER BY id DESC";
                     sql::each(
                         db, text.c_str(),
                         [&](SQLite::Statement& row) { rows.push_back(read_verdict(row)); },
                         run_id);
                     return rows;
                   });
}

Result<std::vector<FindingRow>> VerdictTable::findings(int64_t run_id) const {
  return sql::read(
      *database_, "read the findings",
      [&](SQLite::Database& db) -> Result<std::vector<FindingRow>> {
        std::vector<FindingRow> rows;
        sql::each(
            db,
            "SELECT name, class, bare_class, test, subject, known, only_patched, summary FROM "
            "findings"
            " WHERE verdict_id = (SELECT max(id) FROM verdicts WHERE run_id = ?) ORDER BY position",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              FindingRow finding;
              finding.name = c.text();
              finding.cls = c.text();
              finding.bare_class = c.text();
              finding.test = c.text();
              finding.subject = c.text();
              finding.known = split_ids(c.text());
              finding.only_patched = c.flag();
              finding.summary = c.text();
              rows.push_back(std::move(finding));
            },
            run_id);
        return rows;
      });
}

Result<std::vector<verdict::Occurrence>> VerdictTable::occurrences(int64_t run_id) const {
  return sql::read(*database_, "read the findings",
                   [&](SQLite::Database& db) -> Result<std::vector<verdict::Occurrence>> {
                     std::vector<verdict::Occurrence> rows;
                     sql::each(
                         db,
                         "SELECT finding, session_id, test, config, outcome, coalesce(row, -1),"
                         " coalesce(report, -1), known FROM occurrences WHERE verdict_id ="
                         " (SELECT max(id) FROM verdicts WHERE run_id = ?) ORDER BY position",
                         [&](SQLite::Statement& row) { rows.push_back(read_occurrence(row)); },
                         run_id);
                     return rows;
                   });
}

}  // namespace kiln::db
