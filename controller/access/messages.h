#pragma once
/// The rows of access as messages of kiln.v1. Pure; no message holds a secret or its hash.
#include "kiln/v1/access.pb.h"
#include "lib/access/rows.h"

namespace kiln::controller {

v1::AccessToken to_message(const access::Token& token, WallTime now);
v1::AgentEnrolment to_message(const access::Enrolment& enrolment, WallTime now);
v1::AgentCertificate to_message(const access::AgentCertificate& certificate, WallTime now);
v1::AuditEntry to_message(const access::AuditEntry& entry);

}  // namespace kiln::controller
