#pragma once
/// For tests: a lease store in memory.
#include <map>

#include "controller/fleet/lease_store.h"
#include "lib/base/sync.h"

namespace kiln::fleet {

class MemoryLeaseStore final : public LeaseStore {
 public:
  struct Kept {
    std::vector<Lease> leases;
    uint64_t newest = 0;
    std::map<uint64_t, Hold> holds;
    std::map<std::string, Standing> standings;
    std::vector<int64_t> unclaimed;
    std::map<int64_t, std::string> duplicates;  ///< session -> reason
    bool wants_unclaimed = false;               ///< their runs may go on
  };

  Result<std::vector<Lease>> leases() override { return kept.lock()->leases; }
  Result<uint64_t> newest_lease() override { return kept.lock()->newest; }
  Status end_lease(int64_t session_id) override {
    std::erase_if(kept.lock()->leases,
                  [&](const Lease& lease) { return lease.session_id == session_id; });
    return {};
  }
  Result<std::vector<Hold>> holds() override {
    std::vector<Hold> out;
    for (const auto& [lease, hold] : kept.lock()->holds) out.push_back(hold);
    return out;
  }
  Status add_hold(const Hold& hold) override {
    kept.lock()->holds[hold.lease] = hold;
    return {};
  }
  Status end_hold(uint64_t lease, const std::string& /*by*/) override {
    kept.lock()->holds.erase(lease);
    return {};
  }
  Result<std::vector<Standing>> standings() override {
    std::vector<Standing> out;
    for (const auto& [name, standing] : kept.lock()->standings) out.push_back(standing);
    return out;
  }
  Status put_standing(const Standing& standing) override {
    kept.lock()->standings[standing.machine] = standing;
    return {};
  }
  Result<bool> take_unclaimed(const v1::SessionDone& done) override {
    auto locked = kept.lock();
    locked->unclaimed.push_back(done.session().id());
    return !locked->wants_unclaimed;
  }
  Status put_duplicate(const v1::SessionDone& done, const std::string& reason) override {
    kept.lock()->duplicates[done.session().id()] = reason;
    return {};
  }

  Sync<Kept> kept;
};

}  // namespace kiln::fleet
