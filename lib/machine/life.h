#pragma once
/// A real machine's life as one table: what each state does, how long it may take, where each event
/// leads and what it says of the session. Pure; docs/machine-states.svg is drawn from it.
///
/// Three things are kept apart: what people want of a machine (intent), what the evidence says
/// (health), and this. A state is written down before its work begins, so that an agent that is
/// killed anywhere wakes up knowing the worst (after_restart()).
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace kiln::machine {

enum class Intent { kInService, kDraining, kMaintenance, kRetired };  ///< set by people alone
enum class Health { kUnknown, kGood, kSuspect, kBad };                ///< set by evidence alone

enum class LifeState {
  kOffline,
  kVerifying,
  kQualifying,
  kReady,
  kLeased,
  kDeploying,
  kArmed,
  kRebooting,
  kBooting,
  kIdentifying,
  kTesting,
  kCollecting,
  kTriage,
  kCleaning,
  kRecovering,
  kQuarantined,
  kHeld,
};

enum class LifeEvent {
  kHello,     ///< the agent tells of the machine
  kLost,      ///< nobody hears of it any more
  kDone,      ///< the state's work is done and well
  kFailed,    ///< it failed, all its tries used up
  kTimeout,   ///< the state's limit has passed
  kGranted,   ///< a lease
  kNext,      ///< one more kernel of the same lease
  kStopped,   ///< cancelled, lease lost, drained
  kReset,     ///< another boot id without our doing
  kHold,      ///< a person takes it
  kReleased,  ///< and gives it back, or the time is over
  kDoubtful,  ///< evidence against its health while it was idle
  kMended,    ///< a person says so, or the cause was seen to end
};

/// One state. `limit` 0: it may last.
struct StateRow {
  LifeState state = LifeState::kOffline;
  std::string_view name{};
  std::string_view does{};
  Millis limit{0};
  int tries = 1;
  LifeState after_restart = LifeState::kVerifying;
};

/// `ending`: the class of a session that ends by it (lib and proto know them as error_class), ""
/// when it goes on or ends well.
struct Edge {
  LifeState from = LifeState::kOffline;
  LifeEvent event = LifeEvent::kHello;
  LifeState to = LifeState::kOffline;
  std::string_view ending{};
};

std::span<const StateRow> life_states();
/// At most one for each state and event.
std::span<const Edge> life_edges();

const StateRow& row_of(LifeState state);
/// nullptr: that event means nothing in that state and changes nothing.
const Edge* edge_of(LifeState state, LifeEvent event);
/// What a machine is in when its agent comes back and had written `state` last.
LifeState after_restart(LifeState state);
/// Whether an agent that finds a machine so when it starts ended in the middle of its work there:
/// what it left is on the machine or in force.
bool is_unfinished(LifeState state);
/// Whether a session runs, so that each way out must tell how it ended.
bool in_session(LifeState state);
std::string_view to_string(LifeState state);
std::string_view to_string(LifeEvent event);
/// By its name; nullopt for an unknown one (a newer agent's file).
std::optional<LifeState> life_state(std::string_view name);

/// The drawing, as a whole SVG file; the same bytes for the same table.
std::string life_svg();

}  // namespace kiln::machine
