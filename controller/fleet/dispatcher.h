#pragma once
/// The lab's machines for its runs: takes what runs want, grants places by the lab's queue, routes
/// what agents report to the run that waits for it, and keeps people's holds and the machines'
/// standing. Safe for concurrent use; one thread of its own decides, writes and tells.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "controller/fleet/fleet.h"
#include "controller/fleet/lease_store.h"
#include "lib/base/sync.h"
#include "lib/lab/queue.h"

namespace kiln::fleet {

/// What a run is told. Called on the dispatcher's or an rpc thread; must return at once.
struct RunListener {
  std::function<void(lab::Grant)> granted{};
  std::function<void(std::string key)> recalled{};  ///< end that (spare) work and release it
  std::function<void()> machines_changed{};
  std::function<void(v1::SessionEvent)> session_event{};
  std::function<void(v1::SessionDone)> session_done{};
  /// The agent is back and knows nothing of the session.
  std::function<void(int64_t session_id)> session_lost{};
};

struct DispatcherOptions {
  std::string home;          ///< host id of the computer that builds
  int build_places = 1;      ///< builds at once
  bool builds_here = true;   ///< they take home's time; else they disturb no machine
  int quarantine_after = 0;  ///< infrastructure errors in a row; 0 = never
  // For figures; called on the dispatcher's or a run's thread, must return at once.
  std::function<void(const lab::Grant& grant, Millis waited)> on_grant{};
  std::function<void(const std::string& error_class)> on_error{};
  /// Machines, holds or the queue are not what they were. As above.
  std::function<void()> on_change{};
  /// Words for the log: something in the lab is set up wrongly. May be empty.
  std::function<void(const std::string& words)> warn{};
};

/// A kernel that a hold's person has on the machine. Kept in memory: after a new start of the
/// controller its agent tells that it is there.
struct Visit {
  int64_t number = 0;  ///< the lease; its session's id is -number
  std::string user{};
  std::string kernel{};            ///< for people
  std::string state = "starting";  ///< as v1::Visit
  std::string why{};
};

/// A machine with all that the lab knows of it, for lists.
struct MachineView {
  v1::MachineInfo info;
  Standing standing;
  bool connected = false;
  std::optional<lab::Held> held;
  std::optional<Hold> hold;
  std::optional<Visit> visit;
  std::string word;  ///< "ready" | "busy" | "held" | "preparing" | "broken" | "draining" ...
  std::string why;
};

/// A machine in service that evidence keeps from work.
struct Quarantined {
  std::string machine;
  WallTime since{};
  bool held = false;  ///< by a person
  bool connected = false;
};

/// Machines of one kind may stand for each other; "" = for nobody.
std::string kind_of(const v1::MachineInfo& machine);

class Dispatcher {
 public:
  /// All must outlive it.
  Dispatcher(Fleet& fleet, LeaseStore& store, const Clock& clock, DispatcherOptions options);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Leases, holds and standings of an earlier life; before anything else.
  Status load();
  /// Sessions of an earlier life whose runs have not joined by now are cancelled at their agents.
  void end_unclaimed();

  // Of a run.
  void join(int64_t run, const std::string& user, RunListener listener);
  /// Its wishes and leases go; machines that still work for it are told to stop by the run itself.
  void leave(int64_t run);
  void want(int64_t run, const std::vector<lab::Want>& wants);
  /// Sends the order; its lease has been granted to the run.
  Status start(int64_t run, uint64_t lease, const v1::SessionOrder& order);
  /// A session of an earlier life that still holds its machine: its events come to the run again.
  std::optional<Lease> attach(int64_t run, int64_t session_id);
  /// A session of an earlier life that holds no machine any more: its end, should it come (or have
  /// come), goes to the run.
  void expect(int64_t run, int64_t session_id);
  void release(uint64_t lease);
  /// For the machine's standing, when a session of it ended.
  void tell_ending(const std::string& machine, const std::string& ending,
                   const std::string& error_class, const std::string& error);
  void cancel(const std::string& machine, int64_t session_id, const std::string& why);
  void acknowledge(const std::string& machine, int64_t session_id);
  [[nodiscard]] MachineList machines() const { return fleet_.machines(); }
  [[nodiscard]] std::optional<Machine> machine(const std::string& name) const {
    return fleet_.machine(name);
  }
  [[nodiscard]] std::optional<Machine> some_machine() const { return fleet_.some_machine(); }

  /// Artifacts of ends that nobody has taken yet: they are in no database.
  [[nodiscard]] std::set<std::string> artifacts_in_memory();

  // Of people.
  [[nodiscard]] std::vector<MachineView> views();
  [[nodiscard]] std::vector<Quarantined> quarantined();
  /// Nothing is granted from now on, and why; "" = again. What runs goes on.
  void pause(const std::string& why);
  [[nodiscard]] std::string paused();
  [[nodiscard]] std::vector<lab::Waiting> waiting();
  [[nodiscard]] std::vector<lab::Held> held();
  /// A machine for a person, from now (or when its session has ended) until then. kConflict,
  /// kNotFound.
  Result<Hold> hold(const std::string& machine, const std::string& user, const std::string& reason,
                    WallTime until);
  Status release_hold(const std::string& machine, const std::string& by);
  /// Whose hold it is; kNotFound = nobody holds it.
  Result<Hold> hold_of(const std::string& machine);
  /// The holder's kernel boots and stays up until the hold ends, or the next one is booted. Of the
  /// order, id, lease and machine are filled in here. kConflict: not held by the user, or a session
  /// still runs there.
  Result<Visit> visit(const std::string& machine, const std::string& user, v1::SessionOrder order,
                      const std::string& kernel);
  Status set_intent(const std::string& machine, const std::string& intent, const std::string& why);
  Status set_health(const std::string& machine, const std::string& health, const std::string& why);

 private:
  struct Session {
    int64_t run = 0;
    Lease lease;
    bool sent = false;  ///< the order has been given to a connection
  };
  struct Run {
    std::string user;
    std::shared_ptr<RunListener> listener;
  };
  struct State {
    lab::Queue queue = lab::Queue();
    std::map<int64_t, Run> runs;
    std::map<int64_t, Session> sessions;             ///< that hold a machine, by id
    std::unordered_map<uint64_t, int64_t> by_lease;  ///< lease -> session
    std::map<std::string, Hold> holds;
    std::map<std::string, Visit> visits;  ///< by machine
    std::map<std::string, Standing> standings;
    std::set<std::string> known_places;
    std::map<int64_t, int64_t>
        expected;  ///< session without a lease -> run that would take its end
    std::deque<v1::SessionDone> unclaimed;
    std::deque<std::pair<std::string, v1::SessionDone>> foreign;  ///< and the agent that sent it
    std::map<int64_t, v1::SessionDone> parked;                    ///< whose runs may go on
    std::string paused;  ///< why nothing is granted, "" = it is
    bool changed = false;
    bool fleet_changed = false;              ///< agents came or went, or tell other things
    std::set<std::string> machines_changed;  ///< their standing, or a hold of them
    std::chrono::steady_clock::time_point runs_told{};
    bool runs_wait = false;  ///< they are still to be told that the fleet has changed
  };
  using Locked = Sync<State>::Locked;

  /// The dispatcher's thread looks again: at the queue, and at the machine if one is named.
  static void wake(Locked& state, const std::string& machine = "");
  static void add_session(State& state, int64_t id, Session session);
  static void forget_session(State& state, uint64_t lease);  ///< of that lease, if there is one
  void loop(const std::stop_token& stop);
  void update_places(State& state);
  void update_place(State& state, const Machine& machine);
  bool runs_are_to_be_told(State& state);
  void expire_holds(State& state, std::vector<Hold>* expired);
  void on_hello(const std::string& agent, const v1::Hello& hello);
  void on_event(v1::SessionEvent event);
  void on_done(v1::SessionDone done);
  void on_foreign_done(const std::string& agent, v1::SessionDone done);
  void take_foreign(const std::deque<std::pair<std::string, v1::SessionDone>>& foreign);
  void take_unclaimed(std::deque<v1::SessionDone> unclaimed);
  void visit_event(const v1::SessionEvent& event);
  void visit_done(const v1::SessionDone& done);
  static void visits_of_hello(State& state, const std::set<std::string>& machines,
                              std::map<int64_t, const v1::HeldSession*>* there);
  void end_visit(const std::string& machine, const std::string& why);
  [[nodiscard]] std::string word_of(const State& state, const Machine& machine,
                                    std::string* why) const;
  [[nodiscard]] bool is_connected(const std::string& machine) const;
  Standing& standing_of(State& state, const std::string& machine);
  static std::shared_ptr<RunListener> listener_of(const State& state, int64_t session_id);

  Fleet& fleet_;
  LeaseStore& store_;
  const Clock& clock_;
  DispatcherOptions options_;
  Sync<State> state_;
  std::jthread thread_;
};

}  // namespace kiln::fleet
