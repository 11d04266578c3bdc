#include "controller/rpc/watches.h"

#include <fmt/format.h>

namespace kiln::controller {

Watches::Seat::~Seat() {
  if (watches_ == nullptr) return;
  auto state = watches_->state_.lock();
  --state->all;
  const auto user = state->by_user.find(user_);
  if (--user->second == 0) state->by_user.erase(user);
}

Result<Watches::Seat> Watches::take(const std::string& user) {
  auto state = state_.lock();
  int& own = state->by_user[user];
  if (own >= kOfOne || state->all >= kOfAll) {
    const bool by_user = own >= kOfOne;
    if (own == 0) state->by_user.erase(user);
    return fail(Error(ErrorKind::kNoSpace,
                      by_user ? fmt::format("{} watches {} runs already, as many as a user may",
                                            user, kOfOne)
                              : fmt::format("{} watches are open, as many as there may be", kOfAll))
                    .with_hint("end some, or look now and then: kiln queue"));
  }
  ++own;
  ++state->all;
  return Seat(this, user);
}

}  // namespace kiln::controller
