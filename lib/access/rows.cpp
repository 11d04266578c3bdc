#include "lib/access/rows.h"

#include <fmt/format.h>

namespace kiln::access {
namespace {

/// "2026-11-28 07:40 UTC"
std::string minute(WallTime time) {
  std::string text = to_rfc3339(time).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

Error refused(std::string message, std::string hint) {
  return Error(ErrorKind::kPermission, std::move(message)).with_hint(std::move(hint));
}

}  // namespace

Error unknown_token() {
  return refused("this lab does not know the token",
                 "tokens are made by an admin of the lab: kiln token add");
}

Status check_token(const Token& token, std::string_view secret, WallTime now) {
  if (!matches(token.hash, secret)) return fail(unknown_token());
  if (token.revoked)
    return fail(refused(fmt::format("the token {} of {} was revoked on {}", token.id, token.user,
                                    minute(*token.revoked)),
                        "an admin of the lab can make another: kiln token add"));
  if (token.expires && now >= *token.expires)
    return fail(refused(fmt::format("the token {} of {} expired on {}", token.id, token.user,
                                    minute(*token.expires)),
                        "an admin of the lab can make another: kiln token add"));
  return {};
}

CodeState state_of(const Enrolment& enrolment, std::string_view secret, WallTime now) {
  if (enrolment.attempts >= kMaxCodeAttempts) return CodeState::kBlocked;
  if (!matches(enrolment.hash, secret)) return CodeState::kWrong;
  if (enrolment.used) return CodeState::kUsed;
  return now >= enrolment.expires ? CodeState::kExpired : CodeState::kGood;
}

Error code_error(CodeState state, const Enrolment& enrolment) {
  const char* const again = "an admin of the lab can make another: kiln agent invite";
  switch (state) {
    case CodeState::kUsed:
      return refused(fmt::format("the code for {} was used on {}", enrolment.agent,
                                 minute(enrolment.used.value_or(WallTime{}))),
                     again);
    case CodeState::kExpired:
      return refused(
          fmt::format("the code for {} expired on {}", enrolment.agent, minute(enrolment.expires)),
          again);
    case CodeState::kBlocked:
      return refused("the code was typed wrongly too often and is void", again);
    case CodeState::kGood:
    case CodeState::kWrong:
      break;
  }
  return refused("this lab does not know the code",
                 "look at it again: letters and digits in fours");
}

}  // namespace kiln::access
