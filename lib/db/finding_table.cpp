#include "lib/db/finding_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

constexpr std::array<std::string_view, 7> kForPeople = {
    "regression", "warning", "flaky", "coverage-lost", "build-failure", "build-warning", "fix"};

/// ?1 the time, ?2 state (0 open, 1 decided, 2 all), ?3 run, ?4 before, ?5 class, ?6 test, ?7 job,
/// ?8 machine, ?9 words. Findings are those of the newest verdicts: no other has any.
constexpr const char* kFrom =
    " FROM runs r JOIN verdicts v ON v.run_id = r.id JOIN findings f ON f.verdict_id = v.id"
    " WHERE r.checks_machine = '' AND (?3 = 0 OR r.id = ?3) AND (?4 = 0 OR r.id < ?4)"
    " AND (?2 <> 0 OR f.class IN ('regression', 'warning', 'flaky', 'coverage-lost',"
    " 'build-failure', 'build-warning', 'fix')) AND (?2 = 2 OR ?2 ="
    // Does the newest decision that stands hide it now?
    " coalesce((SELECT d.action = 'dismiss' OR (d.action = 'snooze' AND d.until_ms > ?1)"
    " FROM decided_findings x JOIN decisions d ON d.id = x.decision_id"
    " WHERE x.run_id = r.id AND x.subject = f.subject AND d.undone_ms IS NULL"
    " AND d.action IN ('dismiss', 'reopen', 'snooze') ORDER BY d.id DESC LIMIT 1), 0))"
    " AND (?5 = '' OR f.class GLOB ?5) AND (?6 = '' OR f.test GLOB ?6)"
    " AND (?7 = '' OR r.job_name GLOB ?7) AND (?8 = '' OR r.machine GLOB ?8)"
    " AND (?9 = '' OR instr(f.test, ?9) > 0 OR instr(f.summary, ?9) > 0)";

int number_of(FindingFilter::State state) {
  return state == FindingFilter::State::kOpen ? 0 : state == FindingFilter::State::kDecided ? 1 : 2;
}

/// Runs the query with the filter's arguments, and `more` after them.
template <typename Row, typename... More>
void each_of(SQLite::Database& db, const std::string& text, const FindingFilter& f, WallTime now,
             Row row, const More&... more) {
  sql::each(db, text.c_str(), row, now, number_of(f.state), f.run_id, f.before_run, f.cls, f.test,
            f.job, f.machine, f.words, more...);
}

ListedFinding read_listed(SQLite::Statement& row) {
  sql::Columns c(row);
  ListedFinding out;
  out.run_id = c.integer();
  out.job_name = c.text();
  out.title = c.text();
  out.machine = c.text();
  out.schedule = c.text();
  out.finished = c.optional_time();
  out.row.name = c.text();
  out.row.cls = c.text();
  out.row.test = c.text();
  out.row.subject = c.text();
  out.row.known = split_ids(c.text());
  out.row.summary = c.text();
  out.row.detail = c.text();
  return out;
}

constexpr const char* kDecision =
    "SELECT d.id, d.time_ms, d.who, d.action, d.reason, d.owner, d.until_ms,"
    " coalesce(d.request_id, ''), d.undone_ms IS NOT NULL FROM decisions d ";

DecisionRow read_decision(SQLite::Statement& row) {
  sql::Columns c(row);
  DecisionRow out;
  out.id = c.integer();
  out.time = c.time();
  out.who = c.text();
  out.action = c.text();
  out.reason = c.text();
  out.owner = c.text();
  out.until = c.optional_time();
  out.request_id = c.text();
  out.undone = c.flag();
  return out;
}

std::optional<DecisionRow> find_decision(SQLite::Database& db, const char* where,
                                         const auto& value) {
  std::optional<DecisionRow> found;
  sql::each(
      db, (std::string(kDecision) + where).c_str(),
      [&](SQLite::Statement& row) { found = read_decision(row); }, value);
  if (!found) return found;
  sql::each(
      db,
      "SELECT run_id, finding FROM decided_findings WHERE decision_id = ? ORDER BY run_id, finding",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        FindingName name;
        name.run_id = c.integer();
        name.finding = c.text();
        found->findings.push_back(std::move(name));
      },
      found->id);
  return found;
}

Error no_decision(int64_t id) {
  return {ErrorKind::kNotFound, fmt::format("there is no decision {}", id)};
}

void add_decisions(SQLite::Database& db, ListedFinding* finding) {
  sql::each(
      db,
      (std::string(kDecision) +
       "JOIN decided_findings x ON x.decision_id = d.id WHERE x.run_id = ? AND x.subject = ?"
       " AND d.undone_ms IS NULL ORDER BY d.id DESC")
          .c_str(),
      [&](SQLite::Statement& row) { finding->decisions.push_back(read_decision(row)); },
      finding->run_id, finding->row.subject);
}

/// The job's last runs up to this one, oldest first.
std::vector<int64_t> last_runs(SQLite::Database& db, const ListedFinding& finding) {
  std::vector<int64_t> ids;
  sql::each(
      db, "SELECT id FROM runs WHERE job_name = ? AND id <= ? ORDER BY id DESC LIMIT ?",
      [&](SQLite::Statement& row) { ids.insert(ids.begin(), row.getColumn(0).getInt64()); },
      finding.job_name, finding.run_id, FindingTable::kStrip);
  return ids;
}

void add_history(SQLite::Database& db, const std::vector<int64_t>& strip, ListedFinding* finding) {
  std::map<int64_t, std::string> classes;
  sql::each(
      db,
      "SELECT r.id, r.finished_ms, f.class FROM findings f JOIN verdicts v ON v.id = f.verdict_id"
      " JOIN runs r ON r.id = v.run_id WHERE f.test = ? AND f.subject = ? AND r.job_name = ?"
      " AND r.id <= ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const int64_t run = c.integer();
        const auto finished = c.optional_time();
        const std::string cls = c.text();
        classes[run] = cls;
        if (cls != finding->row.cls) return;
        ++finding->times_seen;
        if (finished && (!finding->first_seen || *finished < *finding->first_seen))
          finding->first_seen = finished;
      },
      finding->row.test, finding->row.subject, finding->job_name, finding->run_id);
  for (const int64_t run : strip) finding->strip.push_back(classes[run]);
}

/// What the named finding is about; kNotFound.
Result<std::string> subject_of(SQLite::Database& db, const FindingName& name) {
  std::optional<std::string> subject;
  sql::each(
      db,
      "SELECT f.subject FROM findings f WHERE f.name = ? AND f.verdict_id ="
      " (SELECT max(id) FROM verdicts WHERE run_id = ?)",
      [&](SQLite::Statement& row) { subject = row.getColumn(0).getString(); }, name.finding,
      name.run_id);
  if (subject) return *subject;
  return fail(ErrorKind::kNotFound,
              fmt::format("run {} has no finding {}", name.run_id, name.finding));
}

}  // namespace

bool needs_a_person(const std::string& cls) {
  return std::find(kForPeople.begin(), kForPeople.end(), cls) != kForPeople.end();
}

std::string state_of(const std::vector<DecisionRow>& decisions, WallTime now) {
  for (const DecisionRow& decision : decisions) {
    if (decision.action == "dismiss") return "dismissed";
    if (decision.action == "reopen") return "open";
    if (decision.action == "snooze") return decision.until > now ? "snoozed" : "open";
  }
  return "open";
}

Result<FindingList> FindingTable::list(const FindingFilter& filter, WallTime now) const {
  return sql::read(
      *database_, "list the findings", [&](SQLite::Database& db) -> Result<FindingList> {
        FindingList out;
        each_of(db, std::string("SELECT count(*)") + kFrom, filter, now,
                [&](SQLite::Statement& row) { out.total = row.getColumn(0).getInt(); });
        each_of(
            db,
            std::string("SELECT r.id, r.job_name, r.title, r.machine, coalesce((SELECT s.name FROM"
                        " firings g JOIN schedules s ON s.id = g.schedule_id WHERE"
                        " g.run_id = r.id LIMIT 1), ''), r.finished_ms, f.name, f.class, f.test,"
                        " f.subject, f.known, f.summary, f.detail") +
                kFrom + " ORDER BY r.id DESC, f.position LIMIT ?10",
            filter, now, [&](SQLite::Statement& row) { out.findings.push_back(read_listed(row)); },
            filter.limit);
        std::map<int64_t, std::vector<int64_t>> strips;
        for (ListedFinding& finding : out.findings) {
          add_decisions(db, &finding);
          auto& strip = strips[finding.run_id];
          if (strip.empty()) strip = last_runs(db, finding);
          add_history(db, strip, &finding);
        }
        return out;
      });
}

Result<DecisionRow> FindingTable::decide(const DecisionRow& decision) {
  return sql::write(
      *database_, "store the decision", [&](SQLite::Database& db) -> Result<DecisionRow> {
        if (!decision.request_id.empty())
          if (auto earlier = find_decision(db, "WHERE d.request_id = ?", decision.request_id))
            return *earlier;
        std::vector<std::string> subjects;
        for (const FindingName& name : decision.findings) {
          KILN_ASSIGN(std::string subject, subject_of(db, name));
          subjects.push_back(std::move(subject));
        }
        sql::execute(db,
                     "INSERT INTO decisions (time_ms, who, action, reason, owner, until_ms,"
                     " request_id) VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''))",
                     decision.time, decision.who, decision.action, decision.reason, decision.owner,
                     decision.until, decision.request_id);
        DecisionRow stored = decision;
        stored.id = db.getLastInsertRowid();
        sql::Inserter rows(db,
                           "INSERT OR IGNORE INTO decided_findings (run_id, subject, decision_id,"
                           " finding) VALUES (?, ?, ?, ?)");
        for (size_t i = 0; i < subjects.size(); ++i)
          rows.add(decision.findings[i].run_id, subjects[i], stored.id,
                   decision.findings[i].finding);
        return stored;
      });
}

Result<DecisionRow> FindingTable::undo(int64_t id, const std::string& by, WallTime now) {
  return sql::write(*database_, "undo the decision",
                    [&](SQLite::Database& db) -> Result<DecisionRow> {
                      sql::execute(db,
                                   "UPDATE decisions SET undone_ms = ?, undone_by = ?"
                                   " WHERE id = ? AND undone_ms IS NULL",
                                   now, by, id);
                      auto stored = find_decision(db, "WHERE d.id = ?", id);
                      if (!stored) return fail(no_decision(id));
                      return *stored;
                    });
}

Result<DecisionRow> FindingTable::decision(int64_t id) const {
  return sql::read(*database_, "read the decision",
                   [&](SQLite::Database& db) -> Result<DecisionRow> {
                     auto stored = find_decision(db, "WHERE d.id = ?", id);
                     if (!stored) return fail(no_decision(id));
                     return *stored;
                   });
}

}  // namespace kiln::db
