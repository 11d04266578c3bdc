#pragma once
/// What a run's driver keeps: an interface, so that the driver is tested without a database. The
/// implementation over lib/db is db_run_store.h.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kiln/v1/agent.pb.h"
#include "kiln/v1/report.pb.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/job/plan.h"
#include "lib/kernel/build.h"
#include "lib/verdict/verdict.h"

namespace kiln::results {

/// A session as it is kept: the planned one, its attempt, and (when it has ended) what came of it.
struct StoredSession {
  int64_t id = 0;
  std::string key;  ///< job::PlannedSession::key
  int attempt = 1;
  std::string state;  ///< "running" | "done"; a "running" one of a dead process never ended
  job::PlannedSession planned;
  v1::Session session;  ///< of a done one
};

/// Where a session runs, and how long at most.
struct SessionPlace {
  std::string machine;
  bool emulated = true;
  uint64_t lease = 0;
  WallTime until{};  ///< its agent reports before that
};

/// Safe for concurrent use. Every write is idempotent and on disk when it returns.
class RunStore {
 public:
  virtual ~RunStore() = default;

  /// A build that can be used again: state "built", its artifacts there.
  virtual Result<std::optional<kernel::BuildRecord>> find_build(const std::string& key) = 0;
  /// Records a finished build (built or failed) and that the run's cell uses it.
  virtual Status put_build(int64_t run_id, const std::string& variant, const std::string& config,
                           const kernel::BuildRecord& record) = 0;
  /// A new session row, state running; its id. The planned session is kept with it.
  virtual Result<int64_t> open_session(int64_t run_id, const job::PlannedSession& planned,
                                       int attempt, const SessionPlace& place) = 0;
  /// The end of a session; a second call with the same id changes nothing.
  virtual Status finish_session(int64_t run_id, const v1::Session& session) = 0;
  /// Likewise, and need not wait: `then` is told, on any thread, when it is on disk or why it is
  /// not. Whatever is written later finds it done.
  virtual void finish_session_later(int64_t run_id, const v1::Session& session,
                                    std::function<void(Status)> then) {
    then(finish_session(run_id, session));
  }
  /// An end that does not count, since another one does: kept with the reason.
  virtual Status put_duplicate(const v1::SessionDone& done, const std::string& reason) = 0;
  virtual Result<std::vector<StoredSession>> sessions(int64_t run_id) = 0;
  /// Fills in how often the tests were bad without a series, on this machine in earlier runs: the
  /// newest boots, at most verdict::kMostHistoryRuns each.
  virtual Status look_up_history(int64_t run_id, const std::string& machine,
                                 std::vector<verdict::TestHistory>* tests) = 0;
  /// Fills in what runs before this one measured of the baseline against itself, on this machine:
  /// the newest boots, at most verdict::kMostCanaryPairs pairs a metric.
  virtual Status look_up_canaries(int64_t run_id, const std::string& machine,
                                  std::vector<verdict::CanaryHistory>* metrics) = 0;
  /// How that machine was set in boots without a series of runs before this one, oldest first.
  virtual Result<std::vector<hygiene::Settings>> settings_before(int64_t run_id,
                                                                 const std::string& machine) = 0;
  /// The decoded stack of the session's kernel report at `position`, and whose it is by that.
  virtual Status put_decoded(int64_t session_id, int position,
                             const std::vector<dmesg::Frame>& frames,
                             const std::string& subsystem) = 0;
  /// The other patches do not apply without this one (from 1): the verdict is told, now and later.
  virtual Status put_not_revertible(int64_t run_id, int patch) = 0;
  /// The judged report; `state` "done" | "interrupted" | "failed".
  virtual Status finish_run(int64_t run_id, const std::string& state,
                            const v1::RunReport& report) = 0;
  /// For estimates; `source` ("session 12") counts once.
  virtual void add_duration(const std::string& kind, const std::string& source, double seconds) = 0;
};

}  // namespace kiln::results
