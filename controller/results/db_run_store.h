#pragma once
/// The run store over lib/db: runs, builds, sessions, events, verdicts, durations.
#include <functional>
#include <map>

#include "controller/results/run_store.h"
#include "kiln/v1/lab.pb.h"
#include "lib/base/clock.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"
#include "lib/db/run_table.h"
#include "lib/job/stored.h"

namespace kiln::results {

class DbRunStore final : public RunStore {
 public:
  /// All must outlive it.
  DbRunStore(db::Database& database, blob::BlobStore& blobs, const Clock& clock)
      : db_(database), blobs_(blobs), clock_(clock) {}

  // RunStore
  Result<std::optional<kernel::BuildRecord>> find_build(const std::string& key) override;
  Status put_build(int64_t run_id, const std::string& variant, const std::string& config,
                   const kernel::BuildRecord& record) override;
  Result<int64_t> open_session(int64_t run_id, const job::PlannedSession& planned, int attempt,
                               const SessionPlace& place) override;
  Status finish_session(int64_t run_id, const v1::Session& session) override;
  void finish_session_later(int64_t run_id, const v1::Session& session,
                            std::function<void(Status)> then) override;
  Status put_duplicate(const v1::SessionDone& done, const std::string& reason) override;
  Result<std::vector<StoredSession>> sessions(int64_t run_id) override;
  Status look_up_history(int64_t run_id, const std::string& machine,
                         std::vector<verdict::TestHistory>* tests) override;
  Status look_up_canaries(int64_t run_id, const std::string& machine,
                          std::vector<verdict::CanaryHistory>* metrics) override;
  Result<std::vector<hygiene::Settings>> settings_before(int64_t run_id,
                                                         const std::string& machine) override;
  Status put_decoded(int64_t session_id, int position, const std::vector<dmesg::Frame>& frames,
                     const std::string& subsystem) override;
  Status put_not_revertible(int64_t run_id, int patch) override;
  Status finish_run(int64_t run_id, const std::string& state, const v1::RunReport& report) override;
  void add_duration(const std::string& kind, const std::string& source, double seconds) override;

  // Of the backend.
  Status interrupt_abandoned();
  Result<std::optional<db::RunRow>> find_started(const std::string& start_key);
  /// Runs that a controller that is gone was driving, oldest first.
  Result<std::vector<db::RunRow>> running();
  /// What the run was asked; nullopt: it is of a Kiln that did not keep it.
  Result<std::optional<job::StoredJob>> job(int64_t run_id);
  Result<std::optional<db::RunRow>> find_unfinished(const std::string& job_digest);
  /// kNotFound: "run 12 does not exist".
  Result<db::RunRow> run(int64_t run_id);
  Result<int64_t> create_run(const db::RunRow& run, const job::Plan& plan);
  Status run_goes_on(const db::RunRow& run);
  /// What the run was asked, so that it can be judged again and its findings repeated.
  Status put_job(int64_t run_id, const job::StoredJob& job);
  /// For figures; called on the runs' threads, after the write.
  struct Counters {
    std::function<void(const std::string& kind, double seconds)> took;  ///< as add_duration
    std::function<void(const v1::Session& session)> session_ended;
    std::function<void()> build_failed;
    std::function<void(const std::string& priority)> run_started;
  };
  void set_counters(Counters counters) { counters_ = std::move(counters); }
  /// Tags of a machine when a session starts on it.
  using TagsOf = std::function<std::vector<std::string>(const std::string& machine)>;
  void set_tags_of(TagsOf tags_of) { tags_of_ = std::move(tags_of); }
  /// run_id 0 = the newest. kNotFound when there is none.
  Result<int64_t> resolve_run(int64_t run_id);
  Result<v1::ListRunsReply> list_runs(int limit, int64_t before = 0);
  /// The stored report; of a run that has none (yet), its head and its sessions so far.
  Result<v1::RunReport> report(int64_t run_id, bool with_sessions = true);
  /// The run's sessions into its report: they are kept in tables of their own.
  Status add_sessions(int64_t run_id, v1::RunReport* report);
  Status add_keeping(int64_t run_id, v1::Run* run);
  /// When the run's logs and kernels were cleared away; nullopt = they are there.
  Result<std::optional<WallTime>> cleared(int64_t run_id);
  /// kNotFound when there is no such run.
  Result<std::string> user_of(int64_t run_id);
  /// The user's runs that have not ended.
  Result<int> count_running(const std::string& user);
  void append_event(int64_t run_id, const v1::RunEvent& event);
  Result<std::vector<v1::RunEvent>> events(int64_t run_id, int64_t after);
  /// The number of the newest one, 0 = none.
  Result<int64_t> last_event(int64_t run_id);
  job::History history();

 private:
  db::Database& db_;
  blob::BlobStore& blobs_;
  const Clock& clock_;
  TagsOf tags_of_;
  Counters counters_;
};

}  // namespace kiln::results
