#pragma once
/// Machines as the lab knows them: what people want of them, and how they have behaved.
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

struct MachineRow {
  std::string name, agent;
  std::string intent = "in-service";  ///< "in-service" | "draining" | "retired"
  std::string intent_why;
  std::string health = "good";  ///< "good" | "suspect" | "quarantined"
  std::string health_why;
  int errors_in_a_row = 0;
  WallTime changed{};
  bool operator==(const MachineRow&) const = default;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class MachineTable {
 public:
  explicit MachineTable(Database& database) : database_(&database) {}
  Status put(const MachineRow& row);
  [[nodiscard]] Result<std::vector<MachineRow>> all() const;  ///< by name

 private:
  Database* database_;
};

}  // namespace kiln::db
