#pragma once
/// Drives one run: asks the schedule core what to do, does it, stores what comes of it, and judges.
/// One thread calls run(); events of builds and machines come in through its mailbox.
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <variant>

#include "controller/builder/coverage_reader.h"
#include "controller/fleet/dispatcher.h"
#include "controller/results/console_tails.h"
#include "controller/results/event_hub.h"
#include "controller/results/run_store.h"
#include "controller/scheduler/prepared.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/job/schedule.h"
#include "lib/symbols/decode.h"
#include "lib/verdict/verdict.h"

namespace kiln::scheduler {

/// How far a build is, for the live view.
struct BuildProgress {
  int done = 0;
  int total = 0;
  std::string line;
};

/// Makes one kernel; an Error is infrastructure (disk full, cancelled), a kernel that does not
/// compile is a record with state "failed".
using BuildFunction =
    std::function<Result<kernel::BuildRecord>(const BuildTarget& target, std::stop_token stop,
                                              const std::function<void(const BuildProgress&)>&)>;

/// What coverage sessions counted, read back.
using CoverageFunction = std::function<Result<builder::Coverage>(
    const builder::CoverageRequest& request, std::stop_token stop)>;

/// The kernel of a part of the series that the plan has not ("without-K", "prefix-K" of commits) in
/// one config; nullopt when it cannot be had, as when the other patches do not apply without K.
using PartFunction = std::function<Result<std::optional<BuildTarget>>(
    const std::string& variant, const std::string& config, std::stop_token stop)>;

/// Whether a machine whose tests are named in the artifact `test_names` holds all that the run's
/// lists ask for: kBadInput at the line of the first that it does not.
using CheckTestsFunction = std::function<Status(const std::string& test_names)>;

/// The stack of a kernel report as files and lines; an Error is no failure of the run.
using DecodeFunction = std::function<Result<symbols::Decoded>(
    const BuildTarget& target, const std::vector<dmesg::StackEntry>& stack, std::stop_token stop)>;

/// What the static tools say of each patch; an Error is no failure of the run. Called again after
/// it was stopped: what it has learned is not asked twice.
using StaticsFunction = std::function<Result<statics::Side>(std::stop_token stop)>;

struct DriverDeps {
  const Clock* clock = nullptr;
  fleet::Dispatcher* lab = nullptr;
  results::EventHub* hub = nullptr;
  results::ConsoleTails* consoles = nullptr;
  results::RunStore* store = nullptr;
  BuildFunction build;
  PartFunction make_part;
  CoverageFunction read_coverage;
  DecodeFunction decode;  ///< empty = reports keep their addresses
  CheckTestsFunction check_tests;
  StaticsFunction check_statics;  ///< empty = the job does not want them
  /// So long without a machine that could do the work ends the run; 0 = it waits.
  Millis no_machine{300'000};
};

struct DriverInput {
  int64_t run_id = 0;
  uint64_t seed = 0;
  std::shared_ptr<const Prepared> prepared;  ///< a job of many cells is large: one copy a run
  job::Plan plan;
  v1::Run run;                ///< id, names, source ...: copied into the report
  double elapsed_before = 0;  ///< seconds, of an interrupted run that goes on
  std::string user = "local";
  lab::Priority priority = lab::Priority::kInteractive;
  std::string check_machine{};  ///< quarantined: only there, to see whether it works again
};

class RunDriver {
 public:
  RunDriver(DriverDeps deps, DriverInput input);
  ~RunDriver();
  RunDriver(const RunDriver&) = delete;
  RunDriver& operator=(const RunDriver&) = delete;

  /// Blocks until the run has ended; its report is stored and "finished" published. `stop`
  /// interrupts: what runs is ended within seconds and the run can go on later. `leave` returns at
  /// once, as if the process had died: sessions go on, and the run is to be driven again.
  void run(std::stop_token stop, std::stop_token leave = {});

 private:
  struct BuildEnded {
    std::string key;
    Result<kernel::BuildRecord> record;
    double seconds = 0;
  };
  struct MachinesChanged {};
  /// An agent cannot hand a session's results over: no space here.
  struct ResultsWait {
    int64_t session_id = 0;
    std::string why;
  };
  struct Recalled {};  ///< the spare time
  struct Lost {
    int64_t session_id = 0;
  };
  /// A session's end is on disk, or cannot be.
  struct Stored {
    int64_t session_id = 0;
    Status status;
  };
  /// What is done once it is.
  struct Ending {
    std::string machine, ending, error_class, error;
  };
  using Message = std::variant<BuildEnded, v1::SessionDone, MachinesChanged, ResultsWait,
                               lab::Grant, Recalled, Lost, Stored>;
  struct Mail {
    std::deque<Message> messages;
  };
  struct Running {
    std::string key;
    std::string machine;
    uint64_t lease = 0;
    std::chrono::steady_clock::time_point deadline;
  };

  // driver.cpp
  void load();
  void loop(const std::stop_token& stop, const std::stop_token& leave);
  void listen();
  bool ask(const std::vector<job::Action>& actions, const std::stop_token& stop);
  void handle(Message message);
  void handle_build(BuildEnded ended);
  void handle_session(const v1::SessionDone& done);
  void store_end(const v1::Session& session, const std::string& error_class);
  void handle_stored(const Stored& stored);
  void handle_results_wait(const ResultsWait& waiting);
  bool adopt(const v1::Session& reported);
  void adopt_or_expect(const results::StoredSession& old, job::SessionStep* step);
  void take_machines();
  bool may_use(const std::string& machine);
  bool is_emulated(const std::string& machine) const;
  void check_bounds();
  void begin_stopping();
  void count_work();
  std::deque<Message> wait_messages(Millis timeout);
  static void post_to(Sync<Mail>& to, Message message);
  void post(Message message) { post_to(*mail_, std::move(message)); }

  // driver_wants.cpp
  void tell_wants(const std::vector<job::Action>& actions);
  lab::Want want_of(const job::SessionStep& step);
  const job::SessionStep* mate_of(const job::SessionStep& step) const;
  void handle_grant(const lab::Grant& grant);
  bool use_grant(const lab::Grant& grant);
  bool release_ended();
  bool statics_are_open();

  // driver_steps.cpp
  void start_build(const std::string& key);
  bool start_session(const std::string& key, const std::string& machine, uint64_t lease);
  void ask_follow_ups(const std::stop_token& stop);
  void ask_pairs();
  verdict::PairBudget pair_budget() const;
  bool ask_confirmations(const verdict::Input& input);
  bool ask_bisection(const verdict::Input& input, const std::stop_token& stop);
  const BuildTarget* target_for_bisection(const verdict::BisectionBoot& boot,
                                          const std::stop_token& stop);
  void end_session_as_infrastructure(int64_t session_id, const std::string& why);
  void on_session_event(const v1::SessionEvent& event);
  void finish(const std::stop_token& stop);
  void close_orphans();
  verdict::Input verdict_input();
  std::string machine_of(bool measuring) const;

  // driver_refusal.cpp
  void tell_preparation(const v1::MachineInfo& machine);
  const Error* lack_of(const v1::MachineInfo& machine);
  void refuse(const Error& error);
  void say_refused(v1::RunReport* report) const;

  // driver_reach.cpp
  reach::Reach measure_reach(const std::stop_token& stop);
  builder::CoverageRequest coverage_request(std::vector<std::string>* missing) const;

  // driver_statics.cpp
  void start_statics();
  void pause_statics();
  void run_statics(const std::stop_token& stop);
  statics::Side finish_statics();

  // driver_decode.cpp
  bool decode_reports(const verdict::Output& output, const std::stop_token& stop);
  std::vector<dmesg::Frame> decode_stack(const BuildTarget& target,
                                         const std::vector<dmesg::StackEntry>& stack,
                                         const std::stop_token& stop);

  // driver_events.cpp
  void publish(const std::string& kind, const std::string& text, const std::string& cell = "",
               const std::string& state = "", int64_t session_id = 0);
  void publish_phase(const std::string& text);
  double elapsed() const;
  double remaining() const;
  double budget_left() const;

  const BuildTarget* target_of(const std::string& key) const;
  job::SessionStep* step_of(const std::string& key);
  double estimate_of(const job::PlannedSession& session) const;

  DriverDeps deps_;
  DriverInput input_;
  std::chrono::steady_clock::time_point started_;

  // Of run()'s thread only.
  job::RunState state_;
  std::map<std::string, kernel::BuildRecord> records_;     ///< by key
  std::map<int64_t, Running> running_;                     ///< by session id
  std::map<std::string, std::vector<v1::Session>> ended_;  ///< by session key, each attempt
  std::map<std::string, bool> emulated_;  ///< by machine, of those that worked for the run
  std::map<std::string, int> opened_;  ///< by session key: rows in the store, whatever came of them
  std::unordered_map<std::string, size_t> steps_;  ///< by session key: its place in state_
  /// By session id: when it began, by the controller's clock. An agent's may be wrong.
  std::map<int64_t, google::protobuf::Timestamp> began_;
  std::map<int64_t, std::string> orphans_;  ///< sessions of an earlier life that never ended, by id
  int follow_up_round_ = 0;
  std::vector<int> not_revertible_;  ///< patches without which the others do not apply
  std::string infrastructure_error_;
  std::map<std::string, std::optional<Error>> lacks_;  ///< by test_names: what is not there
  std::map<std::string, std::string> preparing_told_;  ///< by machine
  std::optional<Error> refusal_;  ///< the job asks for what the machine does not have
  std::chrono::steady_clock::time_point no_machine_since_{};
  std::vector<lab::Want> told_wants_;   ///< what the lab knows that we want
  std::map<int64_t, Ending> storing_;   ///< by session id: ends on their way to the disk
  std::vector<uint64_t> ended_leases_;  ///< to be given back once the next wants are told
  uint64_t build_lease_ = 0;            ///< 0 = nothing is built
  uint64_t spare_lease_ = 0;
  std::string some_fitting_;       ///< a connected machine with the job's tags and tests, "" = none
  std::set<std::string> lacking_;  ///< machines with its tags, without its tests
  std::map<std::string, lab::Place> test_places_;  ///< by config: where its kernels are tested
  std::map<std::string, std::string> ran_on_;      ///< by session key: the machine of its last try
  std::string measures_on_;                        ///< the machine of the run's figures
  double worked_ = 0;                              ///< seconds in which something ran
  std::chrono::steady_clock::time_point counted_{};

  /// Shared with those who may write when the driver is gone.
  std::shared_ptr<Sync<Mail>> mail_ = std::make_shared<Sync<Mail>>();
  Sync<std::map<int64_t, std::string>> session_cells_;  ///< session id -> "patched/i386-highmem"
  std::stop_source build_stop_;
  std::jthread build_thread_;

  struct Statics {
    bool running = false;
    std::optional<statics::Side> side;  ///< once it is known, or known why it will not be
  };
  Sync<Statics> statics_;
  std::jthread statics_thread_;
};

/// One stored or reported session as the verdict's row.
verdict::SessionRow to_row(const v1::Session& session, const job::PlannedSession& planned,
                           bool emulated);

}  // namespace kiln::scheduler
