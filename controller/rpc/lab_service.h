#pragma once
/// kiln.v1.Lab over a LabBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/lab_backend.h"
#include "controller/rpc/watches.h"
#include "kiln/v1/lab.grpc.pb.h"

namespace kiln::controller {

/// Synchronous: a few people and their tools call it (docs/decisions/0002-sync-lab-service.md).
class LabService final : public v1::Lab::Service {
 public:
  LabService(LabBackend& backend, UserOf user_of, MayKeep may_keep, StillIn still_in)
      : backend_(backend),
        user_of_(std::move(user_of)),
        may_keep_(std::move(may_keep)),
        still_in_(std::move(still_in)) {}

  grpc::Status PlanJob(grpc::ServerContext* context, const v1::PlanJobRequest* request,
                       grpc::ServerWriter<v1::PlanEvent>* writer) override;
  grpc::Status StartRun(grpc::ServerContext* context, const v1::StartRunRequest* request,
                        v1::StartRunReply* reply) override;
  grpc::Status SubmitRun(grpc::ServerContext* context, grpc::ServerReader<v1::SubmitPart>* reader,
                         v1::StartRunReply* reply) override;
  grpc::Status WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                        grpc::ServerWriter<v1::RunEvent>* writer) override;
  grpc::Status CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                         v1::CancelRunReply* reply) override;
  grpc::Status RetryRun(grpc::ServerContext* context, const v1::RetryRunRequest* request,
                        v1::StartRunReply* reply) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsReply* reply) override;
  grpc::Status GetReport(grpc::ServerContext* context, const v1::GetReportRequest* request,
                         v1::RunReport* reply) override;
  grpc::Status GetLog(grpc::ServerContext* context, const v1::GetLogRequest* request,
                      grpc::ServerWriter<v1::LogChunk>* writer) override;

 private:
  LabBackend& backend_;
  UserOf user_of_;
  MayKeep may_keep_;
  StillIn still_in_;
  Watches watches_;
};

}  // namespace kiln::controller
