#pragma once
/// Who watches, and how many at once. Safe for concurrent use.
#include <map>
#include <string>
#include <utility>

#include "lib/base/result.h"
#include "lib/base/sync.h"

namespace kiln::controller {

/// How many watch at once: each takes a thread, and one that does not read keeps it.
class Watches {
 public:
  static constexpr int kOfOne = 300;
  static constexpr int kOfAll = 1000;

  class Seat {
   public:
    Seat(Watches* watches, std::string user) : watches_(watches), user_(std::move(user)) {}
    Seat(Seat&& other) noexcept
        : watches_(std::exchange(other.watches_, nullptr)), user_(std::move(other.user_)) {}
    ~Seat();

   private:
    Watches* watches_;
    std::string user_;
  };
  Result<Seat> take(const std::string& user);

 private:
  struct State {
    std::map<std::string, int> by_user;
    int all = 0;
  };
  Sync<State> state_;
};

}  // namespace kiln::controller
