#pragma once
/// Between the agent's own structs and the messages of proto/kiln/v1. Pure.
#include "agent/machine/machine.h"
#include "agent/test/order.h"
#include "kiln/v1/agent.pb.h"

namespace kiln::agent {

SessionOrder from_proto(const v1::SessionOrder& order);
/// Text fields are made valid UTF-8. The message stays below kMaxDoneBytes: kernel words are
/// shortened until it does (the whole of them is in the results' artifact).
v1::SessionDone to_proto(const SessionOrder& order, const SessionOutcome& outcome);
v1::SessionEvent to_proto(int64_t session_id, uint64_t lease_epoch, WallTime time,
                          const SessionProgress& progress);
v1::MachineInfo to_proto(const MachineFacts& facts);

inline constexpr size_t kMaxDoneBytes = 3 << 20;

}  // namespace kiln::agent
