#include "lib/machine/life.h"

#include <algorithm>
#include <array>
#include <vector>

namespace kiln::machine {
namespace {

using S = LifeState;
using E = LifeEvent;

constexpr Millis seconds(int n) {
  return Millis(1000LL * n);
}
constexpr Millis minutes(int n) {
  return seconds(60 * n);
}

// Name, work, limit, tries, and what an agent that was killed in it finds. Testing goes on on the
// machine by itself: its boot id says whether it can be joined again. All else is done again from
// the start, or taken for failed.
constexpr std::array<StateRow, 17> kStates{{
    {S::kOffline, "offline", "nobody hears of it", Millis(0), 1, S::kOffline},
    {S::kVerifying, "verifying", "power read back, console, SSH, space, clock, known-good kernel",
     minutes(5), 1, S::kVerifying},
    {S::kQualifying, "qualifying", "ten boots of the known-good kernel, all of them well",
     minutes(30), 1, S::kVerifying},
    {S::kReady, "ready", "power compared every two minutes", Millis(0), 1, S::kVerifying},
    {S::kLeased, "leased", "the lease's epoch is kept; lower ones are refused", minutes(1), 1,
     S::kCleaning},
    {S::kDeploying, "deploying", "kernel and modules copied, hashed, read back", minutes(30), 2,
     S::kCleaning},
    {S::kArmed, "armed", "one-shot entry set and read back", seconds(30), 2, S::kCleaning},
    {S::kRebooting, "rebooting", "until the boot id's machine is gone; reboot, then power cycle",
     minutes(2), 1, S::kRecovering},
    {S::kBooting, "booting", "first words, then SSH", minutes(10), 1, S::kRecovering},
    {S::kIdentifying, "identifying", "build id, modules, command line: is it the very kernel",
     seconds(60), 1, S::kCleaning},
    {S::kTesting, "testing", "the steps, watched from the machine and from outside", Millis(0), 1,
     S::kTesting},
    {S::kCollecting, "collecting", "results, console, dmesg, pstore", minutes(10), 3,
     S::kCollecting},
    {S::kTriage, "triage", "does the known-good kernel boot on it", minutes(10), 1, S::kRecovering},
    {S::kCleaning, "cleaning", "known-good kernel, what was copied removed, pstore emptied",
     minutes(10), 2, S::kCleaning},
    {S::kRecovering, "recovering", "the ladder: from SSH to a long power cycle to rescue",
     minutes(30), 1, S::kRecovering},
    {S::kQuarantined, "quarantined", "no sessions; looked at again ever more seldom", Millis(0), 1,
     S::kQuarantined},
    {S::kHeld, "held", "a person has it", minutes(360), 1, S::kHeld},
}};

/// The states of a session, from the grant to the end of collecting.
constexpr std::array<LifeState, 9> kSession{S::kLeased,    S::kDeploying,  S::kArmed,
                                            S::kRebooting, S::kBooting,    S::kIdentifying,
                                            S::kTesting,   S::kCollecting, S::kTriage};

std::vector<Edge> make_edges() {
  std::vector<Edge> out{
      {S::kOffline, E::kHello, S::kVerifying, ""},
      {S::kVerifying, E::kDone, S::kReady, ""},
      {S::kVerifying, E::kFailed, S::kRecovering, ""},
      {S::kVerifying, E::kTimeout, S::kRecovering, ""},
      {S::kQualifying, E::kDone, S::kReady, ""},
      {S::kQualifying, E::kFailed, S::kQuarantined, ""},
      {S::kQualifying, E::kTimeout, S::kQuarantined, ""},
      {S::kReady, E::kGranted, S::kLeased, ""},
      {S::kReady, E::kHold, S::kHeld, ""},
      {S::kReady, E::kDoubtful, S::kVerifying, ""},
      {S::kLeased, E::kDone, S::kDeploying, ""},
      {S::kLeased, E::kFailed, S::kCleaning, "INFRA_AGENT"},
      {S::kLeased, E::kTimeout, S::kCleaning, "INFRA_AGENT"},
      {S::kDeploying, E::kDone, S::kArmed, ""},
      {S::kDeploying, E::kFailed, S::kCollecting, "INFRA_DEPLOY"},
      {S::kDeploying, E::kTimeout, S::kCollecting, "INFRA_DEPLOY"},
      {S::kDeploying, E::kReset, S::kCollecting, "INFRA_DUT"},
      {S::kArmed, E::kDone, S::kRebooting, ""},
      {S::kArmed, E::kFailed, S::kCollecting, "INFRA_DEPLOY"},
      {S::kArmed, E::kTimeout, S::kCollecting, "INFRA_DEPLOY"},
      {S::kRebooting, E::kDone, S::kBooting, ""},
      {S::kRebooting, E::kFailed, S::kRecovering, "INFRA_POWER"},
      {S::kRebooting, E::kTimeout, S::kRecovering, "INFRA_POWER"},
      {S::kBooting, E::kDone, S::kIdentifying, ""},
      // Nobody is to blame yet: the known-good kernel on the same machine decides.
      {S::kBooting, E::kFailed, S::kTriage, ""},
      {S::kBooting, E::kTimeout, S::kTriage, ""},
      {S::kBooting, E::kReset, S::kTriage, ""},
      {S::kTriage, E::kDone, S::kCollecting, "BOOT_FAIL"},
      {S::kTriage, E::kFailed, S::kRecovering, "INFRA_DUT"},
      {S::kTriage, E::kTimeout, S::kRecovering, "INFRA_DUT"},
      {S::kIdentifying, E::kDone, S::kTesting, ""},
      {S::kIdentifying, E::kFailed, S::kCollecting, "WRONG_KERNEL"},
      {S::kIdentifying, E::kTimeout, S::kCollecting, "INFRA_DUT"},
      {S::kIdentifying, E::kReset, S::kTriage, ""},
      {S::kTesting, E::kDone, S::kCollecting, ""},
      {S::kTesting, E::kFailed, S::kCollecting, "LOST_SUT"},
      {S::kTesting, E::kTimeout, S::kCollecting, "TIMED_OUT"},
      {S::kTesting, E::kReset, S::kCollecting, "CRASH"},
      {S::kCollecting, E::kDone, S::kCleaning, ""},
      {S::kCollecting, E::kNext, S::kDeploying, ""},
      {S::kCollecting, E::kHold, S::kHeld, ""},
      // The verdict stays; what could not be fetched is said.
      {S::kCollecting, E::kFailed, S::kCleaning, ""},
      {S::kCollecting, E::kTimeout, S::kCleaning, ""},
      {S::kCleaning, E::kDone, S::kReady, ""},
      {S::kCleaning, E::kFailed, S::kRecovering, ""},
      {S::kCleaning, E::kTimeout, S::kRecovering, ""},
      {S::kRecovering, E::kDone, S::kVerifying, ""},
      {S::kRecovering, E::kFailed, S::kQuarantined, ""},
      {S::kRecovering, E::kTimeout, S::kQuarantined, ""},
      {S::kQuarantined, E::kMended, S::kQualifying, ""},
      {S::kQuarantined, E::kHold, S::kHeld, ""},
      {S::kHeld, E::kReleased, S::kCleaning, ""},
      {S::kHeld, E::kTimeout, S::kCleaning, ""},
  };
  for (const LifeState state : kSession)
    if (state != S::kCollecting)
      out.push_back(
          {state, E::kStopped, state == S::kLeased ? S::kCleaning : S::kCollecting, "CANCELLED"});
  out.push_back({S::kCollecting, E::kStopped, S::kCleaning, ""});
  // The agent keeps its own state and finishes the session; a lease ends by its own deadline.
  for (const StateRow& row : kStates)
    if (row.state != S::kOffline) out.push_back({row.state, E::kLost, S::kOffline, ""});
  return out;
}

}  // namespace

std::span<const StateRow> life_states() {
  return kStates;
}

std::span<const Edge> life_edges() {
  static const std::vector<Edge> kEdges = make_edges();
  return kEdges;
}

const StateRow& row_of(LifeState state) {
  return kStates[static_cast<size_t>(state)];
}

const Edge* edge_of(LifeState state, LifeEvent event) {
  for (const Edge& edge : life_edges())
    if (edge.from == state && edge.event == event) return &edge;
  return nullptr;
}

LifeState after_restart(LifeState state) {
  return row_of(state).after_restart;
}

bool in_session(LifeState state) {
  return std::find(kSession.begin(), kSession.end(), state) != kSession.end();
}

bool is_unfinished(LifeState state) {
  return in_session(state) || state == S::kCleaning || state == S::kRecovering;
}

std::string_view to_string(LifeState state) {
  return row_of(state).name;
}

std::string_view to_string(LifeEvent event) {
  constexpr std::array<std::string_view, 13> kWords{
      "hello", "lost",  "done", "failed",   "timeout",  "granted", "next kernel",
      "stop",  "reset", "hold", "released", "doubtful", "mended"};
  return kWords[static_cast<size_t>(event)];
}

std::optional<LifeState> life_state(std::string_view name) {
  for (const StateRow& row : kStates)
    if (row.name == name) return row.state;
  return std::nullopt;
}

}  // namespace kiln::machine
