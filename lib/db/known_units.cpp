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

constexpr const char* kAll = "SELECT verdict_id, position FROM occurrences";
constexpr const char* kOfTests =
    "SELECT verdict_id, position FROM occurrences WHERE test GLOB ?1 UNION"
    " SELECT verdict_id, position FROM occurrences WHERE test GLOB ?2";

/// SQLite's globs have sets of characters; a filter's do not, and tests' names may have a bracket.
std::string sqlite_glob(const std::string& glob) {
  std::string out;
  for (const char c : glob) out += c == '[' ? std::string("[[]") : std::string(1, c);
  return out;
}

std::vector<std::string> read_tags(SQLite::Database& db, int64_t session) {
  std::vector<std::string> out;
  sql::each(
      db, "SELECT tag FROM session_tags WHERE session_id = ?",
      [&](SQLite::Statement& row) { out.push_back(row.getColumn(0).getString()); }, session);
  return out;
}

KnownUnit read_unit(sql::Columns& c) {
  KnownUnit unit;
  unit.run_id = c.integer();
  unit.ended = c.time();
  unit.cls = c.text();
  unit.bare_class = c.text();
  unit.known = split_ids(c.text());
  unit.only_patched = c.flag();
  unit.summary = c.text();
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

Result<std::vector<KnownUnit>> KnownTable::units(const std::vector<std::string>& tests) const {
  return sql::read(
      *database_, "read the findings", [&](SQLite::Database& db) -> Result<std::vector<KnownUnit>> {
        std::vector<KnownUnit> units;
        std::map<std::tuple<int64_t, std::string, std::string>, size_t> at;
        std::unordered_map<int64_t, std::vector<std::string>> tags;
        const auto take = [&](SQLite::Statement& row) {
          sql::Columns c(row);
          const int64_t verdict = c.integer();
          KnownSeen seen = read_seen(c);
          const auto [found, is_new] =
              at.emplace(std::tuple(verdict, seen.what.finding, seen.what.test), units.size());
          if (is_new) {
            KnownUnit& unit = units.emplace_back(read_unit(c));
            unit.finding = seen.what.finding;
            unit.test = seen.what.test;
          }
          const auto [of_session, first] = tags.try_emplace(seen.what.session_id);
          if (first) of_session->second = read_tags(db, seen.what.session_id);
          seen.tags = of_session->second;
          units[found->second].seen.push_back(std::move(seen));
        };
        // Occurrences are those of newest verdicts: no other has any.
        const std::string text =
            std::string(
                "SELECT o.verdict_id, o.finding, o.session_id, o.test, o.config, o.outcome,"
                " coalesce(o.row, -1), coalesce(o.report, -1), o.known, s.machine, f.run_id,"
                " coalesce(r.finished_ms, v.judged_ms), f.class, f.bare_class, f.known,"
                " f.only_patched, f.summary FROM (") +
            (tests.empty() ? kAll : kOfTests) +
            ") k JOIN occurrences o ON o.verdict_id = k.verdict_id AND o.position = k.position"
            " JOIN sessions s ON s.id = o.session_id"
            " JOIN findings f ON f.verdict_id = o.verdict_id AND f.name = o.finding"
            " JOIN verdicts v ON v.id = o.verdict_id JOIN runs r ON r.id = f.run_id"
            " ORDER BY o.verdict_id, o.position";
        if (tests.empty())
          sql::each(db, text.c_str(), take);
        else
          sql::each(db, text.c_str(), take, sqlite_glob(tests.front()), sqlite_glob(tests.back()));
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
                  "SELECT count(*), coalesce(sum(results_got), 0) FROM (SELECT results_got, max(id)"
                  " FROM verdicts GROUP BY run_id)",
                  [&](SQLite::Statement& row) {
                    sql::Columns c(row);
                    out.first = c.small();
                    out.second = c.integer();
                  });
        return out;
      });
}

}  // namespace kiln::db
