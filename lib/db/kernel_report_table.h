#pragma once
/// Kernel reports of sessions, with the functions of their stacks.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/db/database.h"
#include "lib/verdict/kernel_report.h"

namespace SQLite {
class Database;
}

namespace kiln::db {

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class KernelReportTable {
 public:
  explicit KernelReportTable(Database& database) : database_(&database) {}

  /// The frames with their files and lines, and the subsystem that they tell, in place of what the
  /// report had. Idempotent. kNotFound: "session 7 has no kernel report 3".
  Status set_decoded(int64_t session_id, int position, const std::vector<dmesg::Frame>& frames,
                     const std::string& subsystem);
  /// Boots without a series on the machine, in runs before this one, whose log has the signature.
  [[nodiscard]] Result<int> boots_before(int64_t run_id, const std::string& machine,
                                         const std::string& signature) const;

 private:
  Database* database_;
};

// Within a transaction of this folder; may throw SQLite::Exception.
void insert_kernel_reports(SQLite::Database& db, int64_t session_id,
                           const std::vector<verdict::KernelReport>& reports);
std::vector<verdict::KernelReport> load_kernel_reports(SQLite::Database& db, int64_t session_id);

}  // namespace kiln::db
