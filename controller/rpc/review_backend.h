#pragma once
/// What the Review service needs of the controller: the rpc folder knows the wire, not the house.
#include "kiln/v1/review.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use. A controller that only reads refuses what would write.
class ReviewBackend {
 public:
  virtual ~ReviewBackend() = default;
  virtual Result<v1::JudgeRunReply> judge_run(const v1::JudgeRunRequest& request) = 0;
  virtual Result<v1::ListKnownReply> list_known(const v1::ListKnownRequest& request) = 0;
  virtual Result<v1::ChangeKnownReply> preview_known(const v1::ChangeKnownRequest& request) = 0;
  virtual Result<v1::ChangeKnownReply> change_known(const v1::ChangeKnownRequest& request) = 0;
  virtual Result<v1::AuditKnownReply> audit_known(const v1::AuditKnownRequest& request) = 0;
  virtual Result<v1::ReproReply> describe_repro(const v1::ReproRequest& request) = 0;
  virtual Result<v1::StartRunReply> start_repro(const v1::ReproRequest& request,
                                                const std::string& user) = 0;
};

}  // namespace kiln::controller
