#pragma once
/// How much one user may ask of a lab: runs that have not ended, and submissions in a minute. Keeps
/// bounded memory. Safe for concurrent use; the clock must outlive it.
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"

namespace kiln::controller {

struct QuotaLimits {
  int runs = 50;      ///< of a user that have not ended; 0 = any number
  int a_minute = 30;  ///< submissions of a user; 0 = any number
};

class Quota {
 public:
  Quota(const Clock& clock, QuotaLimits limits) : clock_(clock), limits_(limits) {}

  /// One submission that is being prepared; it counts as a run while this lives.
  class Ticket {
   public:
    Ticket(Quota* quota, std::string user) : quota_(quota), user_(std::move(user)) {}
    Ticket(Ticket&& other) noexcept
        : quota_(std::exchange(other.quota_, nullptr)), user_(std::move(other.user_)) {}
    ~Ticket();

   private:
    Quota* quota_;
    std::string user_;
  };

  /// `running` are the user's runs that have not ended. kNoSpace with the limit and what to do.
  /// Who opens the data folder's socket ("local") is not bounded: the folder is theirs.
  Result<Ticket> enter(const std::string& user, int running);

 private:
  struct User {
    std::deque<std::chrono::steady_clock::time_point> tries;  ///< of the last minute, admitted ones
    int preparing = 0;
  };
  void forget_old(std::map<std::string, User>& users) const;
  void leave(const std::string& user);

  const Clock& clock_;
  const QuotaLimits limits_;
  Sync<std::map<std::string, User>> users_;
};

}  // namespace kiln::controller
