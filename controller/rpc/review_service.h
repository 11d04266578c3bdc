#pragma once
/// kiln.v1.Review over a ReviewBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/review_backend.h"
#include "kiln/v1/review.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class ReviewService final : public v1::Review::Service {
 public:
  /// The backend must outlive the server.
  ReviewService(ReviewBackend& backend, UserOf user_of)
      : backend_(backend), user_of_(std::move(user_of)) {}

  grpc::Status JudgeRun(grpc::ServerContext* context, const v1::JudgeRunRequest* request,
                        v1::JudgeRunReply* reply) override;
  grpc::Status ListKnown(grpc::ServerContext* context, const v1::ListKnownRequest* request,
                         v1::ListKnownReply* reply) override;
  grpc::Status PreviewKnown(grpc::ServerContext* context, const v1::ChangeKnownRequest* request,
                            v1::ChangeKnownReply* reply) override;
  grpc::Status ChangeKnown(grpc::ServerContext* context, const v1::ChangeKnownRequest* request,
                           v1::ChangeKnownReply* reply) override;
  grpc::Status AuditKnown(grpc::ServerContext* context, const v1::AuditKnownRequest* request,
                          v1::AuditKnownReply* reply) override;
  grpc::Status DescribeRepro(grpc::ServerContext* context, const v1::ReproRequest* request,
                             v1::ReproReply* reply) override;
  grpc::Status StartRepro(grpc::ServerContext* context, const v1::ReproRequest* request,
                          v1::StartRunReply* reply) override;

 private:
  ReviewBackend& backend_;
  UserOf user_of_;
};

}  // namespace kiln::controller
