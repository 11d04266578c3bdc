#include "controller/access/quota.h"

#include <fmt/format.h>

namespace kiln::controller {
namespace {
constexpr Millis kWindow{60'000};
}

Quota::Ticket::~Ticket() {
  if (quota_ != nullptr) quota_->leave(user_);
}

void Quota::leave(const std::string& user) {
  auto users = users_.lock();
  if (const auto found = users->find(user); found != users->end()) --found->second.preparing;
}

void Quota::forget_old(std::map<std::string, User>& users) const {
  const auto now = clock_.steady();
  for (auto at = users.begin(); at != users.end();) {
    auto& tries = at->second.tries;
    while (!tries.empty() && now - tries.front() >= kWindow) tries.pop_front();
    at = tries.empty() && at->second.preparing == 0 ? users.erase(at) : std::next(at);
  }
}

Result<Quota::Ticket> Quota::enter(const std::string& user, int running) {
  if (user == "local") return Ticket(nullptr, user);
  auto users = users_.lock();
  forget_old(*users);
  User& mine = (*users)[user];
  if (limits_.runs > 0 && running + mine.preparing >= limits_.runs)
    return fail(
        Error(ErrorKind::kNoSpace,
              fmt::format("{} has {} runs that have not ended; a user may have {}", user,
                          running + mine.preparing, limits_.runs))
            .with_hint("wait for them or cancel some: kiln queue, kiln cancel RUN; the limit is"
                       " runs_a_user in kilnd.yaml"));
  if (limits_.a_minute > 0 && mine.tries.size() >= static_cast<size_t>(limits_.a_minute)) {
    const auto wait = kWindow - (clock_.steady() - mine.tries.front());
    return fail(
        Error(
            ErrorKind::kNoSpace,
            fmt::format("{} has handed in {} jobs within a minute, which is as many as a user may",
                        user, mine.tries.size()))
            .with_hint(
                fmt::format("try again in {}; the limit is submissions_a_minute in kilnd.yaml",
                            human_duration(std::chrono::ceil<std::chrono::seconds>(wait)))));
  }
  mine.tries.push_back(clock_.steady());
  ++mine.preparing;
  return Ticket(this, user);
}

}  // namespace kiln::controller
