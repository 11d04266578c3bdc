#include "controller/keeping/references.h"

#include <limits>
#include <thread>

#include "kiln/v1/agent.pb.h"
#include "lib/blob/blob_store.h"
#include "lib/db/lease_table.h"
#include "lib/db/retention_table.h"

namespace kiln::controller {
namespace {
constexpr Millis kAgain{100};
}

Result<std::set<std::string>> references(db::Database& database,
                                         const std::set<int64_t>& as_cleared) {
  const db::RetentionTable retention(database);
  KILN_ASSIGN(std::set<std::string> digests, retention.live_digests(as_cleared));
  KILN_ASSIGN(const auto cleared, retention.cleared_sessions(as_cleared));
  KILN_ASSIGN(const auto duplicates,
              db::LeaseTable(database).duplicates(std::numeric_limits<int>::max()));
  for (const db::DuplicateRow& row : duplicates) {
    v1::SessionDone done;
    if (cleared.contains(row.session_id) || !done.ParseFromString(row.done)) continue;
    for (const auto& [name, digest] : done.session().artifacts()) digests.insert(digest);
  }
  // What came over the wire may be no digest at all: nothing in the store has such a name.
  std::erase_if(digests, [](const std::string& text) { return !blob::is_digest(text); });
  return digests;
}

Result<os::FileLock> lock_artifacts(const os::Path& data_dir, Millis patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto lock = os::FileLock::acquire(data_dir / "keeping.lock");
    if (lock || lock.error().kind != ErrorKind::kConflict ||
        std::chrono::steady_clock::now() >= until)
      return lock;
    std::this_thread::sleep_for(kAgain);
  }
}

}  // namespace kiln::controller
