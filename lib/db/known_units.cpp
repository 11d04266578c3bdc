/// What known issues are matched with: the newest verdicts' occurrences and their words.
#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "lib/db/kernel_report_table.h"
#include "lib/db/known_table.h"
#include "lib/db/sql.h"
#include "lib/verdict/known.h"

namespace kiln::db {
namespace {

using TagsBySession = std::unordered_map<int64_t, std::vector<std::string>>;

struct FindingOfRun {
  int64_t run_id = 0;
  WallTime ended{};
  FindingRow row;
};
/// By verdict, then by name.
using Findings = std::unordered_map<int64_t, std::unordered_map<std::string, FindingOfRun>>;

Findings read_findings(SQLite::Database& db) {
  Findings out;
  sql::each(
      db,
      "SELECT v.id, v.run_id, coalesce(r.finished_ms, v.judged_ms), f.name, f.class, f.bare_class,"
      " f.known, f.only_patched, f.summary FROM runs r JOIN verdicts v ON v.id = (SELECT max(id)"
      " FROM verdicts WHERE run_id = r.id) JOIN findings f ON f.verdict_id = v.id",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const int64_t verdict = c.integer();
        FindingOfRun found;
        found.run_id = c.integer();
        found.ended = c.time();
        found.row.name = c.text();
        found.row.cls = c.text();
        found.row.bare_class = c.text();
        found.row.known = split_ids(c.text());
        found.row.only_patched = c.flag();
        found.row.summary = c.text();
        out[verdict].emplace(found.row.name, std::move(found));
      });
  return out;
}

TagsBySession read_tags(SQLite::Database& db) {
  TagsBySession out;
  sql::each(db,
            "SELECT session_id, tag FROM session_tags WHERE session_id IN (SELECT session_id FROM"
            " occurrences)",
            [&](SQLite::Statement& row) {
              out[row.getColumn(0).getInt64()].push_back(row.getColumn(1).getString());
            });
  return out;
}

KnownUnit to_unit(const FindingOfRun& finding, const std::string& test) {
  KnownUnit unit;
  unit.run_id = finding.run_id;
  unit.ended = finding.ended;
  unit.finding = finding.row.name;
  unit.cls = finding.row.cls;
  unit.bare_class = finding.row.bare_class;
  unit.summary = finding.row.summary;
  unit.known = finding.row.known;
  unit.only_patched = finding.row.only_patched;
  unit.test = test;
  return unit;
}

KnownSeen read_seen(sql::Columns& c) {
  KnownSeen seen;
  seen.what.finding = c.text();
  seen.what.session_id = c.integer();
  seen.what.test = c.text();
  seen.what.config = c.text();
  seen.what.outcome = c.text();
  seen.what.row = c.small();
  seen.what.report = c.small();
  seen.what.known = split_ids(c.text());
  seen.machine = c.text();
  return seen;
}

}  // namespace

Result<std::vector<KnownUnit>> KnownTable::units() const {
  return sql::read(
      *database_, "read the findings", [](SQLite::Database& db) -> Result<std::vector<KnownUnit>> {
        const Findings findings = read_findings(db);
        const TagsBySession tags = read_tags(db);
        std::vector<KnownUnit> units;
        std::map<std::tuple<int64_t, std::string, std::string>, size_t> at;
        sql::each(
            db,
            "SELECT o.verdict_id, o.finding, o.session_id, o.test, o.config, o.outcome,"
            " coalesce(o.row, -1), coalesce(o.report, -1), o.known, s.machine FROM occurrences o"
            " JOIN sessions s ON s.id = o.session_id ORDER BY o.verdict_id, o.position",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              const int64_t verdict = c.integer();
              KnownSeen seen = read_seen(c);
              const auto of_verdict = findings.find(verdict);
              if (of_verdict == findings.end()) return;
              const auto finding = of_verdict->second.find(seen.what.finding);
              if (finding == of_verdict->second.end()) return;
              const auto [found, is_new] =
                  at.emplace(std::tuple(verdict, seen.what.finding, seen.what.test), units.size());
              if (is_new) units.push_back(to_unit(finding->second, seen.what.test));
              if (const auto tag = tags.find(seen.what.session_id); tag != tags.end())
                seen.tags = tag->second;
              units[found->second].seen.push_back(std::move(seen));
            });
        std::stable_sort(units.begin(), units.end(), [](const KnownUnit& a, const KnownUnit& b) {
          return a.run_id < b.run_id;
        });
        return units;
      });
}

Status KnownTable::load_words(std::span<KnownSeen*> seen) const {
  return sql::read(*database_, "read what was seen", [&](SQLite::Database& db) -> Status {
    SQLite::Statement result(
        db, "SELECT reason, kernel_words FROM results WHERE session_id = ? AND position = ?");
    std::unordered_map<int64_t, std::vector<verdict::KernelReport>> reports;
    for (KnownSeen* one : seen) {
      const auto [found, is_new] = reports.try_emplace(one->what.session_id);
      if (is_new) found->second = load_kernel_reports(db, one->what.session_id);
      one->reports.clear();
      for (const verdict::KernelReport* report : verdict::reports_of(one->what, found->second))
        one->reports.push_back(*report);
      one->result.reset();
      if (one->what.row < 0) continue;
      result.reset();
      sql::bind_all(result, one->what.session_id, one->what.row);
      if (!result.executeStep()) continue;
      sql::Columns c(result);
      one->result.emplace();
      one->result->reason = c.text();
      one->result->kernel_words = c.text();
    }
    return {};
  });
}

Result<std::pair<int, int64_t>> KnownTable::judged() const {
  return sql::read(
      *database_, "count the judged runs",
      [](SQLite::Database& db) -> Result<std::pair<int, int64_t>> {
        std::pair<int, int64_t> out;
        sql::each(db,
                  "SELECT count(*), coalesce(sum(v.results_got), 0) FROM runs r JOIN verdicts"
                  " v ON v.id = (SELECT max(id) FROM verdicts WHERE run_id = r.id)",
                  [&](SQLite::Statement& row) {
                    sql::Columns c(row);
                    out.first = c.small();
                    out.second = c.integer();
                  });
        return out;
      });
}

}  // namespace kiln::db
