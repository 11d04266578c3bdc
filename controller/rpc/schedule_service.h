#pragma once
/// kiln.v1.Schedules over a ScheduleBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/schedule_backend.h"
#include "kiln/v1/schedule.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class ScheduleService final : public v1::Schedules::Service {
 public:
  /// The backend must outlive the server. Whom `user_of` knows, signs with that name; whoever calls
  /// over the data folder's own socket ("local"), with the name in the request.
  ScheduleService(ScheduleBackend& backend, UserOf user_of)
      : backend_(backend), user_of_(std::move(user_of)) {}

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
  /// The request, signed.
  template <typename Request>
  Request signed_by(const grpc::ServerContext& context, Request request) const {
    if (const std::string user = user_of_(context); user != "local") request.set_who(user);
    return request;
  }
  ScheduleBackend& backend_;
  UserOf user_of_;
};

}  // namespace kiln::controller
