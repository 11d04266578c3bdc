#pragma once
/// The dispatcher's store over lib/db.
#include "controller/fleet/lease_store.h"
#include "lib/base/clock.h"
#include "lib/db/lease_table.h"

namespace kiln::controller {

class DbLeaseStore final : public fleet::LeaseStore {
 public:
  /// Both must outlive it.
  DbLeaseStore(db::Database& database, const Clock& clock) : db_(database), clock_(clock) {}

  Result<std::vector<fleet::Lease>> leases() override;
  Result<uint64_t> newest_lease() override;
  Status end_lease(int64_t session_id) override;
  Result<std::vector<fleet::Hold>> holds() override;
  Status add_hold(const fleet::Hold& hold) override;
  Status end_hold(uint64_t lease, const std::string& by) override;
  Result<std::vector<fleet::Standing>> standings() override;
  Status put_standing(const fleet::Standing& standing) override;
  Result<bool> take_unclaimed(const v1::SessionDone& done) override;
  Status put_duplicate(const v1::SessionDone& done, const std::string& reason) override;

 private:
  [[nodiscard]] db::DuplicateRow duplicate_of(const v1::SessionDone& done) const;

  db::Database& db_;
  const Clock& clock_;
};

}  // namespace kiln::controller
