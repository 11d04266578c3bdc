#pragma once
/// What people and programs read of a review: judging again, known issues, their audit. Pure; text
/// for terminals, hostile strings made harmless.
#include <string>

#include "kiln/v1/review.pb.h"

namespace kiln::report {

/// The verdict as it is now against the stored one, and the findings that have another class.
std::string judge_to_text(const v1::JudgeRunReply& reply);
/// A paragraph a filter: what it covers, why, until when, and how it was used.
std::string known_to_text(const v1::ListKnownReply& reply);
/// What a change of the filters changes in stored runs.
std::string known_change_to_text(const v1::ChangeKnownReply& reply);
std::string known_audit_to_text(const v1::AuditKnownReply& reply);

}  // namespace kiln::report
