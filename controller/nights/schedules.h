#pragma once
/// What the Schedules service asks of the controller.
#include "controller/nights/keeper.h"
#include "controller/rpc/schedule_backend.h"

namespace kiln::controller {

/// References to parts that outlive it.
struct SchedulesParts {
  const Clock& clock;
  db::Database& database;
  Keeper* keeper = nullptr;  ///< null in a controller that starts no runs
};

class Schedules final : public ScheduleBackend {
 public:
  explicit Schedules(SchedulesParts parts) : parts_(parts) {}

  Result<v1::Schedule> add(const v1::AddScheduleRequest& request) override;
  Result<v1::ListSchedulesReply> list(const v1::ListSchedulesRequest& request) override;
  Result<v1::Schedule> pause(const v1::ScheduleRequest& request) override;
  Result<v1::Schedule> resume(const v1::ScheduleRequest& request) override;
  Result<v1::Schedule> remove(const v1::ScheduleRequest& request) override;
  Result<v1::Firing> run_now(const v1::RunNowRequest& request) override;
  Result<v1::ListFiringsReply> firings(const v1::ListFiringsRequest& request) override;

 private:
  /// The schedule with its next times and its newest firing.
  Result<v1::Schedule> describe(const db::ScheduleRow& row, int times) const;
  Result<v1::Schedule> changed(const std::string& name, Status done);
  /// With what its run concluded.
  Result<v1::Firing> describe(const db::FiringRow& row, const cron::Zone& zone) const;
  void wake() const {
    if (parts_.keeper != nullptr) parts_.keeper->wake();
  }
  SchedulesParts parts_;
};

}  // namespace kiln::controller
