#pragma once
/// A machine that is only played: what a session on it comes to is drawn from a seed. For trying a
/// lab, its controller's crashes and its speed without a computer for each machine; its results say
/// nothing of a kernel, and its tag is "simulated". Only a test "...@unless-broken" knows one: it
/// fails where the kernel's release says "broken".
#include <functional>
#include <stop_token>
#include <string>

#include "agent/test/order.h"
#include "lib/base/clock.h"

namespace kiln::agent {

struct SimulatedConfig {
  int count = 0;
  uint64_t seed = 1;
  Millis mean{200};     ///< of a session that goes well
  int troubles = 10;    ///< in 100 sessions: lost, wrong kernel, slow, panics, garbage
  std::string trouble;  ///< of these always that one: "slow-boot" "panic" "hang" "lost" "garbage"
                        ///< "wrong-kernel"; "" = drawn
};

enum class PlayedTrouble { kNone, kSlowBoot, kPanic, kHang, kLost, kGarbage, kWrongKernel };

/// What happens to that session on that machine: equal arguments, equal trouble.
PlayedTrouble trouble_of(const SimulatedConfig& config, const std::string& machine,
                         int64_t session_id);

/// Plays the session; takes about its time, ends at once when asked to stop.
SessionOutcome simulate(const SimulatedConfig& config, const SessionOrder& order,
                        const Clock& clock, const ProgressSink& progress, std::stop_token stop);

}  // namespace kiln::agent
