#include "controller/rpc/schedule_service.h"

namespace kiln::controller {

grpc::Status ScheduleService::AddSchedule(grpc::ServerContext* context,
                                          const v1::AddScheduleRequest* request,
                                          v1::Schedule* reply) {
  return answer(backend_.add(signed_by(*context, *request)), reply);
}

grpc::Status ScheduleService::ListSchedules(grpc::ServerContext* /*context*/,
                                            const v1::ListSchedulesRequest* request,
                                            v1::ListSchedulesReply* reply) {
  return answer(backend_.list(*request), reply);
}

grpc::Status ScheduleService::PauseSchedule(grpc::ServerContext* /*context*/,
                                            const v1::ScheduleRequest* request,
                                            v1::Schedule* reply) {
  return answer(backend_.pause(*request), reply);
}

grpc::Status ScheduleService::ResumeSchedule(grpc::ServerContext* /*context*/,
                                             const v1::ScheduleRequest* request,
                                             v1::Schedule* reply) {
  return answer(backend_.resume(*request), reply);
}

grpc::Status ScheduleService::RemoveSchedule(grpc::ServerContext* /*context*/,
                                             const v1::ScheduleRequest* request,
                                             v1::Schedule* reply) {
  return answer(backend_.remove(*request), reply);
}

grpc::Status ScheduleService::RunNow(grpc::ServerContext* context, const v1::RunNowRequest* request,
                                     v1::Firing* reply) {
  return answer(backend_.run_now(signed_by(*context, *request)), reply);
}

grpc::Status ScheduleService::ListFirings(grpc::ServerContext* /*context*/,
                                          const v1::ListFiringsRequest* request,
                                          v1::ListFiringsReply* reply) {
  return answer(backend_.firings(*request), reply);
}

}  // namespace kiln::controller
