#pragma once
/// Health checks as runs of the lab: finds what the machine did well before, and has it do it
/// again.
#include "controller/app/backend.h"
#include "controller/fleet/health_keeper.h"
#include "controller/scheduler/health_check.h"

namespace kiln::controller {

class HealthDesk {
 public:
  /// All must outlive it.
  HealthDesk(db::Database& database, results::DbRunStore& store, Backend& runs,
             fleet::Dispatcher& lab)
      : database_(database), store_(store), runs_(runs), lab_(lab) {}

  /// kNotFound: neither it nor a machine that may stand for it ever did well here.
  Result<int64_t> start(const std::string& machine);
  Result<std::optional<fleet::CheckOutcome>> outcome(int64_t run);
  /// The newest boot that went well on the machine, or on one that may stand for it, and whose
  /// kernel is still in store. kNotFound.
  Result<scheduler::GoodBoot> good_boot_for(const std::string& machine);

 private:
  Result<std::optional<scheduler::GoodBoot>> good_boot_of(const std::string& machine);

  db::Database& database_;
  results::DbRunStore& store_;
  Backend& runs_;
  fleet::Dispatcher& lab_;
};

}  // namespace kiln::controller
