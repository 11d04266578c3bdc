#pragma once
/// What the dispatcher keeps over a restart. An interface, so that it is tested without a database.
#include <cstdint>
#include <string>
#include <vector>

#include "kiln/v1/agent.pb.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::fleet {

/// A session that holds its machine.
struct Lease {
  uint64_t number = 0;
  int64_t session_id = 0;
  int64_t run_id = 0;
  std::string key, machine, user;
  bool alone = false;
  WallTime until{};
};

/// A machine that a person has borrowed.
struct Hold {
  uint64_t lease = 0;
  std::string machine, user, reason;
  WallTime from{}, until{};
};

/// What people and evidence say of a machine.
struct Standing {
  std::string machine, agent;
  std::string intent = "in-service";  ///< "in-service" | "draining" | "retired"
  std::string intent_why;
  std::string health = "good";  ///< "good" | "suspect" | "quarantined"
  std::string health_why;
  int errors_in_a_row = 0;
  WallTime changed{};
};

/// Safe for concurrent use; writes are idempotent and on disk when they return.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  virtual Result<std::vector<Lease>> leases() = 0;
  virtual Result<uint64_t> newest_lease() = 0;
  /// The session holds its machine no longer; whatever came of it.
  virtual Status end_lease(int64_t session_id) = 0;
  virtual Result<std::vector<Hold>> holds() = 0;
  virtual Status add_hold(const Hold& hold) = 0;
  virtual Status end_hold(uint64_t lease, const std::string& by) = 0;
  virtual Result<std::vector<Standing>> standings() = 0;
  virtual Status put_standing(const Standing& standing) = 0;
  /// An end that no run waits for. True: it is kept (or known) and the agent may forget it; false:
  /// its run may go on later and then wants it.
  virtual Result<bool> take_unclaimed(const v1::SessionDone& done) = 0;
  /// An end that does not count, for that reason.
  virtual Status put_duplicate(const v1::SessionDone& done, const std::string& reason) = 0;
};

}  // namespace kiln::fleet
