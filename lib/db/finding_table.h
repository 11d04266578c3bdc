#pragma once
/// Findings over all runs, and what people decided of them.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/db/verdict_table.h"

namespace kiln::db {

/// Which finding of which run.
struct FindingName {
  int64_t run_id = 0;
  std::string finding;  ///< "f3"
};

/// One thing that somebody decided, of one finding or many.
struct DecisionRow {
  int64_t id = 0;
  WallTime time{};
  std::string who;
  std::string action;  ///< "dismiss" | "reopen" | "assign" | "seen" | "snooze"
  std::string reason, owner;
  std::optional<WallTime> until{};
  std::string request_id{};  ///< the same again is the same decision; "" = none
  bool undone = false;
  std::vector<FindingName> findings{};
};

struct ListedFinding;

/// What findings are listed.
struct FindingFilter {
  enum class State { kOpen, kDecided, kAll };
  State state = State::kOpen;
  int64_t run_id = 0;      ///< of this run alone; 0 = of all
  int64_t before_run = 0;  ///< of older runs; 0 = from the newest on
  std::function<bool(const ListedFinding&)>
      keep{};  ///< looks at row, run and decisions; none = all
  int limit = 200;
};

struct ListedFinding {
  int64_t run_id = 0;
  std::string job_name, title, machine, schedule;
  std::optional<WallTime> finished{};
  FindingRow row;
  std::vector<DecisionRow> decisions{};  ///< that stand, newest first
  // Over the job's runs, up to this one.
  int times_seen = 0;
  std::optional<WallTime> first_seen{};
  std::vector<std::string> strip{};  ///< its class in the job's last runs, oldest first; "" = none
};

struct FindingList {
  std::vector<ListedFinding> findings;  ///< newest runs first
  int total = 0;
  bool looked_at_all =
      true;  ///< false: there are too many for `keep`, and older ones were left out
};

/// Classes that a person has to decide about.
bool needs_a_person(const std::string& cls);

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class FindingTable {
 public:
  static constexpr int kStrip = 7;

  explicit FindingTable(Database& database) : database_(&database) {}

  [[nodiscard]] Result<FindingList> list(const FindingFilter& filter, WallTime now) const;
  /// All of them or none. kNotFound: "run 7 has no finding f3". The decision as it is stored, which
  /// is an earlier one when the request is known.
  Result<DecisionRow> decide(const DecisionRow& decision);
  /// It does not stand any more; undoing it again changes nothing. kNotFound.
  Result<DecisionRow> undo(int64_t id, const std::string& by, WallTime now);
  [[nodiscard]] Result<DecisionRow> decision(int64_t id) const;

 private:
  Database* database_;
};

/// "open" | "dismissed" | "snoozed": by the newest decision that stands, at that time.
std::string state_of(const std::vector<DecisionRow>& decisions, WallTime now);

}  // namespace kiln::db
