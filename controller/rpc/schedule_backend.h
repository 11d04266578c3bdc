#pragma once
/// What the Schedules service needs of the controller: the rpc folder knows the wire, not the
/// house.
#include "kiln/v1/schedule.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use. A controller that only reads refuses what would write.
class ScheduleBackend {
 public:
  virtual ~ScheduleBackend() = default;
  virtual Result<v1::Schedule> add(const v1::AddScheduleRequest& request) = 0;
  virtual Result<v1::ListSchedulesReply> list(const v1::ListSchedulesRequest& request) = 0;
  virtual Result<v1::Schedule> pause(const v1::ScheduleRequest& request) = 0;
  virtual Result<v1::Schedule> resume(const v1::ScheduleRequest& request) = 0;
  virtual Result<v1::Schedule> remove(const v1::ScheduleRequest& request) = 0;
  virtual Result<v1::Firing> run_now(const v1::RunNowRequest& request) = 0;
  virtual Result<v1::ListFiringsReply> firings(const v1::ListFiringsRequest& request) = 0;
};

}  // namespace kiln::controller
