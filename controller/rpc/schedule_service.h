#pragma once
/// kiln.v1.Schedules over a ScheduleBackend.
#include "controller/rpc/schedule_backend.h"
#include "kiln/v1/schedule.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class ScheduleService final : public v1::Schedules::Service {
 public:
  /// The backend must outlive the server.
  explicit ScheduleService(ScheduleBackend& backend) : backend_(backend) {}

  grpc::Status AddSchedule(grpc::ServerContext* context, const v1::AddScheduleRequest* request,
                           v1::Schedule* reply) override;
  grpc::Status ListSchedules(grpc::ServerContext* context, const v1::ListSchedulesRequest* request,
                             v1::ListSchedulesReply* reply) override;
  grpc::Status PauseSchedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                             v1::Schedule* reply) override;
  grpc::Status ResumeSchedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                              v1::Schedule* reply) override;
  grpc::Status RemoveSchedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                              v1::Schedule* reply) override;
  grpc::Status RunNow(grpc::ServerContext* context, const v1::RunNowRequest* request,
                      v1::Firing* reply) override;
  grpc::Status ListFirings(grpc::ServerContext* context, const v1::ListFiringsRequest* request,
                           v1::ListFiringsReply* reply) override;

 private:
  ScheduleBackend& backend_;
};

}  // namespace kiln::controller
