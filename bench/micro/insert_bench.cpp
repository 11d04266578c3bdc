/// How fast sessions with their results are stored, against a bare loop of one prepared statement
/// over the same schema: both in turns, on the same disk, with a commit for each session.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "lib/db/run_table.h"
#include "lib/db/session_table.h"

namespace kiln::db {
namespace {

using Steady = std::chrono::steady_clock;
constexpr int kRounds = 7;
constexpr int kSessions = 40;  // a round

StoredSession session_of(int64_t run, int number, int results) {
  StoredSession s;
  s.run_id = run;
  s.key = fmt::format("functional/{}", number);
  s.attempt = 1;
  s.purpose = "functional";
  s.variant = "baseline";
  s.config = "i386-highmem";
  s.machine = "m1";
  s.ending = "tested";
  for (int i = 0; i < results; ++i)
    s.results.push_back(
        {fmt::format("igt@gem_test_{}@sub-{}", i / 8, i), "gem", "pass", 0.01, "", std::string()});
  return s;
}

/// Results a second by the product's own way.
double stored(Database& database, int64_t run, int first, int results) {
  SessionTable table(database);
  std::vector<StoredSession> sessions;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(session_of(run, first + i, results));
    sessions.back().id = table.open(sessions.back()).value();
  }
  const auto begun = Steady::now();
  for (const StoredSession& session : sessions)
    if (!table.finish(session)) std::abort();
  return kSessions * results / std::chrono::duration<double>(Steady::now() - begun).count();
}

/// The same rows by one statement, prepared once, in a transaction for each session.
double bare(SQLite::Database& db, SQLite::Statement& insert, Database& database, int64_t run,
            int first, int results) {
  SessionTable table(database);
  std::vector<StoredSession> sessions;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(session_of(run, first + i, results));
    sessions.back().id = table.open(sessions.back()).value();
  }
  const auto begun = Steady::now();
  for (const StoredSession& session : sessions) {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    int position = 0;
    for (const verdict::ResultRow& r : session.results) {
      insert.reset();
      insert.bind(1, session.id);
      insert.bind(2, position++);
      insert.bind(3, r.test);
      insert.bind(4, r.phase);
      insert.bind(5, r.outcome);
      insert.bind(6, r.seconds);
      insert.bind(7, r.reason);
      insert.bind(8, r.kernel_words.data(), static_cast<int>(r.kernel_words.size()));
      insert.exec();
    }
    transaction.commit();
  }
  return kSessions * results / std::chrono::duration<double>(Steady::now() - begun).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const os::Path& folder, int results) {
  Database database = std::move(*Database::open(folder / fmt::format("{}.db", results)));
  RunRow row;
  row.job_digest = "bench";
  row.state = "running";
  const int64_t run = RunTable(database).create(row, {}).value();
  SQLite::Database db((folder / fmt::format("{}.db", results)).string(), SQLite::OPEN_READWRITE,
                      10'000);
  db.exec("PRAGMA foreign_keys = ON");
  db.exec("PRAGMA synchronous = FULL");
  SQLite::Statement insert(db,
                           "INSERT INTO results (session_id, position, test, phase, outcome,"
                           " seconds, reason, kernel_words) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> shares;
  int next = 0;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(stored(database, run, next, results));
    theirs.push_back(bare(db, insert, database, run, next + kSessions, results));
    shares.push_back(ours.back() / theirs.back());
    next += 2 * kSessions;
  }
  fmt::print(
      "{} results a session: {:.0f} a second, bare {:.0f}; share {:.2f} ({:.2f} to {:.2f})\n",
      results, median(ours), median(theirs), median(shares),
      *std::min_element(shares.begin(), shares.end()),
      *std::max_element(shares.begin(), shares.end()));
}

}  // namespace
}  // namespace kiln::db

int main(int argc, char** argv) {
  const std::filesystem::path folder =
      std::filesystem::path(argc > 1 ? argv[1] : "/tmp") / fmt::format("kiln-inserts-{}", getpid());
  std::filesystem::create_directories(folder);
  for (const int results : {20, 250, 2000}) kiln::db::measure(folder, results);
  std::filesystem::remove_all(folder);
}
