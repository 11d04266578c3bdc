#pragma once
/// kiln.v1.Findings over a FindingsBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/findings_backend.h"
#include "kiln/v1/findings.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class FindingsService final : public v1::Findings::Service {
 public:
  /// The backend must outlive the server.
  FindingsService(FindingsBackend& backend, UserOf user_of, MayKeep may_keep)
      : backend_(backend), user_of_(std::move(user_of)), may_keep_(std::move(may_keep)) {}

  grpc::Status ListFindings(grpc::ServerContext* /*context*/,
                            const v1::ListFindingsRequest* request,
                            v1::ListFindingsReply* reply) override {
    return answer(backend_.list_findings(*request), reply);
  }
  grpc::Status DecideFindings(grpc::ServerContext* context,
                              const v1::DecideFindingsRequest* request,
                              v1::DecideFindingsReply* reply) override {
    std::string who = user_of_(*context);
    // On the controller's own computer it is the caller's login name.
    if (who == "local" && !request->who().empty()) who = request->who();
    return answer(backend_.decide_findings(*request, who, may_keep_(*context)), reply);
  }
  grpc::Status UndoDecision(grpc::ServerContext* context, const v1::UndoDecisionRequest* request,
                            v1::UndoDecisionReply* reply) override {
    return answer(backend_.undo_decision(request->id(), user_of_(*context), may_keep_(*context)),
                  reply);
  }

 private:
  FindingsBackend& backend_;
  UserOf user_of_;
  MayKeep may_keep_;
};

}  // namespace kiln::controller
