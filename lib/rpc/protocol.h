#pragma once
/// Versions of what agent and controller say to each other (proto/kiln/v1/agent.proto). A number
/// goes up when one side must not talk to an older other.
#include <cstdint>

namespace kiln::rpc {

inline constexpr uint32_t kAgentProtocol = 1;        ///< what this Kiln speaks
inline constexpr uint32_t kOldestAgentProtocol = 1;  ///< what its controller still understands

}  // namespace kiln::rpc
