#include "lib/db/finding_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "lib/base/text.h"
#include "lib/db/sql.h"
#include "lib/db/verdict_rows.h"

namespace kiln::db {
namespace {

constexpr std::array<std::string_view, 7> kForPeople = {
    "regression", "warning", "flaky", "coverage-lost", "build-failure", "build-warning", "fix"};

constexpr int kMostLooked = 5000;  ///< rows that one filtered list looks at

/// As the index findings_that_wait has it, to the letter.
std::string for_people() {
  const std::vector<std::string> words(kForPeople.begin(), kForPeople.end());
  return "job > '' AND class IN ('" + join(words, "', '") + "')";
}

/// Which rows of findings, each by the index that has them without a look at the others. ?1 the
/// time, ?2 run, ?3 before.
std::string rows_of(const FindingFilter& f, bool in_order) {
  const char* index = in_order || f.run_id > 0 ? "findings_of_run" : "findings_by_subject";
  std::string which = "job > '' AND ?1 = ?1";
  if (f.state == FindingFilter::State::kOpen) {
    if (f.run_id == 0) index = "findings_that_wait";
    which = for_people() + " AND hidden_until_ms <= ?1";
  } else if (f.state == FindingFilter::State::kDecided) {
    which = "job > '' AND hidden_until_ms > ?1";
  }
  return fmt::format(" FROM findings INDEXED BY {} WHERE {} AND {} AND {}", index, which,
                     f.run_id > 0 ? "run_id = ?2" : "?2 = 0",
                     f.before_run > 0 ? "run_id < ?3" : "?3 = 0");
}

/// Newest runs first; ?4 = at most so many.
std::string listed_rows(const FindingFilter& f) {
  return "SELECT r.id, r.job_name, r.title, r.machine, coalesce((SELECT s.name FROM firings g JOIN"
         " schedules s ON s.id = g.schedule_id WHERE g.run_id = r.id AND g.run_id > 0 LIMIT 1), "
         "''),"
         " r.finished_ms,"
         " f.name, f.class, f.test, f.subject, f.known, f.summary, f.detail"
         " FROM (SELECT verdict_id, position" +
         rows_of(f, true) +
         " ORDER BY run_id DESC, position LIMIT ?4) k"
         " JOIN findings f ON f.verdict_id = k.verdict_id AND f.position = k.position"
         " JOIN runs r ON r.id = f.run_id ORDER BY f.run_id DESC, f.position";
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
  sql::each(
      db,
      "SELECT times, (SELECT finished_ms FROM runs WHERE id = first) FROM (SELECT count(*) AS "
      "times,"
      " min(run_id) AS first FROM findings WHERE job = ? AND subject = ? AND class = ?"
      " AND run_id <= ?)",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        finding->times_seen = c.small();
        finding->first_seen = c.optional_time();
      },
      finding->job_name, finding->row.subject, finding->row.cls, finding->run_id);
  std::map<int64_t, std::string> classes;
  sql::each(
      db,
      "SELECT run_id, class FROM findings WHERE job = ? AND subject = ? AND run_id BETWEEN ? AND ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const int64_t run = c.integer();
        classes[run] = c.text();
      },
      finding->job_name, finding->row.subject, strip.empty() ? finding->run_id : strip.front(),
      finding->run_id);
  for (const int64_t run : strip) finding->strip.push_back(classes[run]);
}

/// Whether the newest decision that stands hides what a run's findings are about, and until when.
void hide(SQLite::Database& db, const DecisionRow& decision) {
  sql::each(
      db, "SELECT run_id, subject FROM decided_findings WHERE decision_id = ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const int64_t run = c.integer();
        hide_decided(db, run, c.text());
      },
      decision.id);
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
        const auto limit = static_cast<size_t>(filter.limit);
        int looked = 0;
        sql::each(
            db, listed_rows(filter).c_str(),
            [&](SQLite::Statement& row) {
              ++looked;
              ListedFinding finding = read_listed(row);
              if (filter.keep) {
                add_decisions(db, &finding);
                if (!filter.keep(finding)) return;
              }
              ++out.total;
              if (out.findings.size() < limit) out.findings.push_back(std::move(finding));
            },
            now, filter.run_id, filter.before_run, filter.keep ? kMostLooked : filter.limit);
        if (!filter.keep)
          sql::each(
              db, ("SELECT count(*)" + rows_of(filter, false)).c_str(),
              [&](SQLite::Statement& row) { out.total = row.getColumn(0).getInt(); }, now,
              filter.run_id, filter.before_run);
        out.looked_at_all = !filter.keep || looked < kMostLooked;
        std::map<int64_t, std::vector<int64_t>> strips;
        for (ListedFinding& finding : out.findings) {
          if (!filter.keep) add_decisions(db, &finding);
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
        hide(db, stored);
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
                      hide(db, *stored);
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
