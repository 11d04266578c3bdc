#pragma once
/// Logs by ranges of lines, and searched: stored ones read through piece by piece, never held
/// whole; of a session that is going on what its console said last.
#include <map>
#include <string>

#include "controller/app/log_page.h"
#include "controller/results/console_tails.h"
#include "controller/results/db_run_store.h"
#include "controller/rpc/logs_backend.h"
#include "lib/base/sync.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"
#include "lib/db/session_table.h"

namespace kiln::controller {

/// References to parts that outlive it.
struct LogsParts {
  db::Database& database;
  results::DbRunStore& store;
  blob::BlobStore& blobs;
  results::ConsoleTails& consoles;
};

class Logs final : public LogsBackend {
 public:
  explicit Logs(LogsParts parts) : parts_(parts) {}

  Result<v1::ReadLogReply> read_log(const v1::ReadLogRequest& request,
                                    const std::function<bool()>& stopped) override;
  Result<v1::SearchLogReply> search_log(const v1::SearchLogRequest& request,
                                        const std::function<bool()>& stopped) override;

 private:
  /// Where a log's bytes are: an artifact, the words of one test, or a console that still speaks.
  struct Source {
    std::string digest;  ///< "" = `words`
    std::string words{};
    int64_t speaks = 0;  ///< the session; 0 = the log is whole
  };
  struct Size {
    int64_t lines = 0;
    int64_t bytes = 0;
    int64_t oldest = 1;  ///< line that is kept
  };
  Result<Source> find(int64_t run_id, int64_t session_id, const std::string& what);
  /// Calls `line` with all lines until it says that it has enough; kCancelled by `stopped`.
  Result<Size> go_through(const Source& source, const std::function<bool()>& stopped,
                          const LineCutter::Line& line);
  /// Blobs never change: how long one is need be counted once.
  std::optional<Size> known_size(const Source& source);

  LogsParts parts_;
  Sync<std::map<std::string, Size>> sizes_;  ///< by digest
};

}  // namespace kiln::controller
