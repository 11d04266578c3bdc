#pragma once
/// What the Lab service asks of the controller, over the stores and the runs' drivers.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "controller/access/quota.h"
#include "controller/builder/executor.h"
#include "controller/results/console_tails.h"
#include "controller/results/db_run_store.h"
#include "controller/results/event_hub.h"
#include "controller/rpc/lab_backend.h"
#include "controller/scheduler/driver.h"
#include "controller/scheduler/preparer.h"
#include "lib/base/sync.h"
#include "lib/blob/blob_store.h"
#include "lib/nights/night.h"

namespace kiln::controller {

/// References to parts that outlive it. The last two are null in a controller that starts no runs.
struct BackendParts {
  const Clock& clock;
  results::DbRunStore& store;
  blob::BlobStore& blobs;
  fleet::Dispatcher& lab;
  results::EventHub& hub;
  results::ConsoleTails& consoles;
  scheduler::Preparer* preparer = nullptr;
  builder::Builder* builder = nullptr;
  builder::BuildExecutor* executor = nullptr;  ///< who makes the kernels
  os::Path bundles{};                          ///< folder of jobs that were handed in
  std::function<Status()> may_start{};         ///< an error refuses new runs; unset = never
  Millis no_machine{300'000};  ///< so long without a fitting machine ends a run; 0 = it waits
  QuotaLimits limits{};        ///< of a user
};

/// A run to be started, or gone on with.
struct RunAsk {
  scheduler::Prepared prepared;
  /// Of boots that no job asked for; else it is made as for any job.
  std::function<Result<job::Plan>(const scheduler::Prepared& prepared, uint64_t seed)> plan{};
  bool fresh = false;    ///< do not go on with an unfinished one of the same digest
  std::string repro_of;  ///< "412/f3": boots stored kernels to repeat that finding; "" = a job
  std::string checks_machine;  ///< boots a stored kernel there to see whether it works again
  std::string user = "local";
  lab::Priority priority = lab::Priority::kInteractive;
  std::string start_key{};          ///< asked again with it, it is the run of then
  std::string bundle;               ///< the job as it was handed in, "" = read in place
  std::optional<db::RunRow> row{};  ///< the run to go on with; else a new or an unfinished one
};

class Backend final : public LabBackend {
 public:
  explicit Backend(BackendParts parts) : parts_(parts), quota_(parts.clock, parts.limits) {}
  ~Backend() override { stop(); }
  /// Interrupts the runs and waits for their drivers; later calls start nothing.
  void stop();
  /// Lets go of the runs as if the process had died: their sessions go on, and the next controller
  /// drives them again.
  void leave();

  Result<v1::Plan> plan(const std::string& job_file,
                        const std::function<void(const std::string&)>& note,
                        std::stop_token stop) override;
  Result<v1::StartRunReply> start_run(const v1::StartRunRequest& request) override;
  Status watch_run(int64_t run_id, int64_t from_seq,
                   const std::function<bool(const v1::RunEvent&)>& emit) override;
  Status cancel_run(int64_t run_id, const std::string& user, bool keeper) override;
  Result<v1::StartRunReply> submit(const v1::SubmitHeader& header, const std::string& user,
                                   const std::function<bool(v1::SubmitFile*)>& next) override;
  Result<v1::StartRunReply> retry(const v1::RetryRunRequest& request,
                                  const std::string& user) override;
  Result<v1::ListRunsReply> list_runs(int limit, int64_t before) override;
  Result<v1::RunReport> report(const v1::GetReportRequest& request) override;
  Status log(const v1::GetLogRequest& request,
             const std::function<bool(std::string_view)>& emit) override;

  /// A job of this computer that no person waits for: the run that was started with the key, or a
  /// new one.
  Result<int64_t> start_planned(const scheduler::JobSource& source, const std::string& key,
                                const std::string& user, lab::Priority priority);
  Result<nights::Print> look_at(const std::string& job_file, const std::stop_token& stop);
  Result<bool> is_running(int64_t run_id);

  using AskAgain = std::function<Result<RunAsk>(const db::RunRow& row)>;
  /// Goes on with the runs that an earlier process was driving. Returns at once; each is prepared
  /// on its driver's thread; `repro_again`, called there, knows those that repeat a finding.
  Status go_on(AskAgain repro_again);

  /// Whether the user may hand in one more; the ticket is kept until its run has started.
  Result<Quota::Ticket> admit(const std::string& user);
  /// Starts the run and returns; its driver is ended by cancel_run() or stop().
  Result<v1::StartRunReply> start(RunAsk ask);

 private:
  /// The plan of a prepared job; `seed` orders its pairs.
  Result<job::Plan> plan_of(const scheduler::Prepared& prepared, uint64_t seed);
  /// Whether this controller takes new runs.
  [[nodiscard]] Status may_start() const;
  /// The first machine that is connected, in words; "" = none yet.
  std::string machine_words();
  Result<scheduler::DriverInput> open_run(RunAsk ask, bool* resumed);
  void drive(bool repeats, scheduler::DriverInput input, const std::stop_token& stop);
  void go_on_with(const db::RunRow& row, const std::stop_token& stop);
  Result<scheduler::DriverInput> input_of_unfinished(const db::RunRow& row,
                                                     const std::stop_token& stop);
  /// The job of a stored run as it is now; `unchanged`: kBadInput when that is not what the run was
  /// of.
  Result<scheduler::Prepared> prepare_again(const db::RunRow& row, bool unchanged,
                                            const std::stop_token& stop);
  [[nodiscard]] bool is_driven_locked(int64_t run_id) const;
  /// Its watchers' numbers go on where they stopped.
  Status open_story(int64_t run_id);
  void add_driver_locked(int64_t run_id, std::function<void(const std::stop_token&)> work);
  Result<db::RunRow> create_run(const RunAsk& ask, uint64_t seed, const job::Plan& plan,
                                const std::string& machine);
  scheduler::DriverDeps common_deps();
  scheduler::DriverDeps job_deps(const std::shared_ptr<const scheduler::Prepared>& job);
  scheduler::DriverDeps repro_deps();
  Result<kernel::BuildRecord> build(
      const scheduler::Prepared& prepared, const scheduler::BuildTarget& target,
      std::stop_token stop, const std::function<void(const scheduler::BuildProgress&)>& progress);
  /// Whether the artifact `test_names` names all tests of the job's lists.
  Status check_tests(const scheduler::Prepared& prepared, const std::string& test_names);
  Result<std::string> blob(const std::string& digest, uint64_t max_bytes);
  Status emit_blob(const std::string& digest, const std::function<bool(std::string_view)>& emit);

  /// What the newest plan was made of, so that starting it prepares nothing again.
  struct Planned {
    std::string id;
    scheduler::Prepared prepared;
  };
  Result<scheduler::Prepared> prepared_for(const v1::StartRunRequest& request);

  BackendParts parts_;
  AskAgain repro_again_;  ///< set before any driver that reads it
  /// With its job, what makes a run another one in the database.
  DistinctTimes started_{parts_.clock};
  Quota quota_;
  Sync<std::optional<Planned>> planned_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::stop_source leaving_;
  struct DriverThread {
    std::shared_ptr<std::atomic<bool>> ended;
    std::jthread thread;
  };
  std::map<int64_t, DriverThread> drivers_;  ///< by run; ended ones go when another starts
};

}  // namespace kiln::controller
