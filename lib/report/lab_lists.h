#pragma once
/// The lab's machines, agents and queue, for terminals. Pure; hostile strings made harmless.
#include <string>

#include "kiln/v1/access.pb.h"
#include "kiln/v1/machines.pb.h"
#include "lib/base/clock.h"

namespace kiln::report {

std::string machines_to_text(const v1::ListMachinesReply& reply);
std::string agents_to_text(const v1::ListAgentsReply& reply);
/// `now` for how long things wait.
std::string queue_to_text(const v1::ListQueueReply& reply, WallTime now);

std::string tokens_to_text(const v1::ListTokensReply& reply);
std::string audit_to_text(const v1::ListAuditReply& reply);

}  // namespace kiln::report
