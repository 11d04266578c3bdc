#pragma once
/// Who may start what, where, now: the lab's queue. Pure: told what is wanted, what is there and
/// what ended, it answers with grants. No clock, no lock, no I/O; equal calls give equal grants.
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::lab {

/// Who waits for the work; the first is served first.
enum class Priority {
  kInteractive,  ///< somebody waits
  kFollowUp,     ///< confirmations and bisections: a suspicion is open
  kNightly,
  kCanary,  ///< the lab's own checks
};
std::string_view to_string(Priority priority);
std::optional<Priority> priority_from(std::string_view word);

/// A place where work runs: a test machine, or a computer's slot for builds (tag "@build") or for
/// work that nobody waits for (tag "@spare").
struct Place {
  std::string name;
  std::string kind;  ///< places of one kind may stand for each other; "" = for nobody
  std::string host;  ///< the computer whose time it takes; "" = its own
  std::set<std::string> tags;
  bool open = true;  ///< connected, in service, healthy, held by nobody
  bool operator==(const Place&) const = default;
};
inline const char* const kBuildTag = "@build";
inline const char* const kSpareTag = "@spare";
/// Of a quarantined machine: open only to the work that checks it.
inline const char* const kCheckTag = "@check";

/// One piece of work that a run would start now.
struct Want {
  std::string key;  ///< unique in its run
  Priority priority = Priority::kInteractive;
  std::set<std::string> tags;   ///< all must be the place's
  std::string place;            ///< only there; "" = anywhere
  std::string kind;             ///< only on places of that kind; "" = any
  std::set<std::string> never;  ///< places that lack what it needs
  std::set<std::string> avoid;  ///< places where it failed for their own reasons: others first
  bool alone = false;           ///< nothing else may run on the host: it measures
  bool mate = false;            ///< second half of a pair: nobody comes between
  bool spare = false;           ///< gives way to anything that measures
  bool operator==(const Want&) const = default;
};

struct Grant {
  uint64_t lease = 0;  ///< number, growing; also the epoch that fences its place
  int64_t run = 0;
  std::string key;
  std::string place;
  Priority priority = Priority::kInteractive;
  WallTime since{};  ///< it waited
  bool operator==(const Grant& other) const {
    return lease == other.lease && run == other.run && key == other.key && place == other.place;
  }
};

/// A grant that is asked back: its holder ends the (spare) work and releases the lease.
struct Recall {
  uint64_t lease = 0;
  int64_t run = 0;
  std::string key;
  bool operator==(const Recall&) const = default;
};

struct Decision {
  std::vector<Grant> grants;
  std::vector<Recall> recalls;
};

/// What the queue says of one waiting piece of work.
struct Waiting {
  int64_t run = 0;
  std::string user;
  Want want;
  WallTime since{};
  std::string why;  ///< "qemu-1 is busy", "no place has the tags kbl, gen9"
};

/// What holds a place.
struct Held {
  uint64_t lease = 0;
  int64_t run = 0;
  std::string user;
  std::string key;
  std::string place;
  bool alone = false;
};

/// The rules, in words: within a priority the user with the fewest running sessions comes first,
/// then the one served longest ago, then first come, first served. Work that has waited `aging`
/// moves up by one priority, and at the top before all others, so that nothing starves. A second
/// half of a pair comes before all others on its place. Work that measures gets a host for itself:
/// once it is first in line for a host, nothing that ranks behind it starts there.
class Queue {
 public:
  explicit Queue(uint64_t next_lease = 1, Millis aging = std::chrono::hours(2))
      : next_lease_(next_lease), aging_(aging) {}

  void put_place(const Place& place);
  void remove_place(const std::string& name);
  /// All that the run wants and does not hold, in its order; what it wanted before and wants no
  /// more is dropped. Work that is wanted again keeps its turn.
  void set_wants(int64_t run, const std::string& user, const std::vector<Want>& wants,
                 WallTime now);
  /// A lease of an earlier life that is still in force.
  void restore(const Held& held, bool spare = false);
  /// Later leases are numbered above this one.
  void skip_to(uint64_t lease);
  /// A number above all leases, for a holder that does not come by the queue.
  uint64_t take_number() { return next_lease_++; }
  /// True when it was held.
  bool release(uint64_t lease);
  [[nodiscard]] std::vector<uint64_t> leases_of(int64_t run) const;
  /// Every wish and lease of the run goes.
  void forget_run(int64_t run);

  Decision decide(WallTime now);

  [[nodiscard]] std::vector<Waiting> waiting() const;  ///< in the order of their turn
  [[nodiscard]] std::vector<Held> held() const;
  [[nodiscard]] size_t waiting_count() const { return items_.size(); }

 private:
  struct ClassKey {
    std::set<std::string> tags;
    std::string place;
    std::string kind;
    std::set<std::string> never;
    auto operator<=>(const ClassKey&) const = default;
  };
  using LineKey = std::pair<Priority, std::string>;  ///< and the user
  /// Work that fits the same places, in lines by priority and user.
  struct Class {
    ClassKey key;
    std::map<LineKey, std::map<uint64_t, uint64_t>> lines;  ///< turn -> item
    std::set<std::string> fitting;                          ///< places, open or not
    std::set<std::string> free;                             ///< open and held by nobody
  };
  struct Item {
    uint64_t id = 0;
    int64_t run = 0;
    std::string user;
    Want want;
    uint64_t turn = 0;
    WallTime since{};
    Class* of = nullptr;
    std::string promised_host;  ///< that is being emptied for it
  };
  struct Lease {
    Held held;
    bool spare = false;
    bool recalled = false;
    std::string host;
  };
  struct Site {
    Place place;
    uint64_t lease = 0;  ///< 0 = free
    std::set<Class*> classes;
  };
  struct Host {
    int busy = 0;              ///< leases that give way to nobody
    std::set<uint64_t> spare;  ///< leases
    uint64_t alone = 0;        ///< the lease that has the host for itself
    uint64_t promised = 0;     ///< the item for which it is being emptied
    std::set<std::string> sites;
  };
  struct User {
    int running = 0;
    uint64_t served = 0;  ///< when last, in leases
  };
  struct Rank {
    int tier = 1;  ///< 0 = a pair's second half, 2 = spare work
    Priority priority{};
    bool in_time = true;  ///< has not waited so long that only its turn counts
    int running = 0;
    uint64_t served = 0;
    uint64_t turn = 0;
    auto operator<=>(const Rank&) const = default;
  };
  Class& class_for(const Want& want);
  void add_item(Item item);
  void drop_item(uint64_t id);
  void unlink(Item& item);
  void link(Item& item);
  void fit(Class& of, Site& site);
  void refresh(Site& site);
  void host_changed(const std::string& host);
  void count_on_host(Lease& lease, bool comes);
  void take_off_promise(Item& item);
  [[nodiscard]] Rank rank_of(const Item& item, WallTime now) const;
  [[nodiscard]] bool is_host_free(const Item& item, const Rank& rank, const Host& host,
                                  WallTime now) const;
  [[nodiscard]] Site* place_for(const Item& item, const Rank& rank, WallTime now);
  void promise_host(Item& item, const Rank& rank, WallTime now, Decision* decision);
  void take(uint64_t item_id, Site& site, Decision* decision);
  [[nodiscard]] Item* best_candidate(const std::set<uint64_t>& passed_over, WallTime now);
  void hold(const Held& held, bool spare, Site& site);
  [[nodiscard]] std::string why_waiting(const Item& item) const;

  uint64_t next_lease_;
  Millis aging_;
  uint64_t next_item_ = 1;
  uint64_t next_turn_ = 1;
  std::map<ClassKey, Class> classes_;
  std::map<uint64_t, Item> items_;
  std::map<std::pair<int64_t, std::string>, uint64_t> by_key_;  ///< run and key -> item
  std::map<std::string, Site> sites_;
  std::map<std::string, Host> hosts_;
  std::map<uint64_t, Lease> leases_;
  std::map<std::string, User> users_;
  std::map<std::pair<int64_t, std::string>, uint64_t> held_keys_;  ///< run and key -> lease
  std::set<Class*> changed_;  ///< something that could let its work start
  WallTime last_seen_{};
};

}  // namespace kiln::lab
