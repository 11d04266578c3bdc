#pragma once
/// What the Review service asks of the controller: stored runs judged again, known issues,
/// findings repeated.
#include <string>

#include "controller/app/backend.h"
#include "controller/rpc/review_backend.h"
#include "controller/scheduler/repro.h"
#include "lib/db/database.h"

namespace kiln::controller {

/// References to parts that outlive it.
struct ReviewParts {
  const Clock& clock;
  db::Database& database;
  results::DbRunStore& store;
  Backend* runs = nullptr;  ///< null in a controller that starts no runs
};

class Review final : public ReviewBackend {
 public:
  explicit Review(ReviewParts parts) : parts_(parts) {}

  Result<v1::JudgeRunReply> judge_run(const v1::JudgeRunRequest& request) override;
  Result<v1::ListKnownReply> list_known(const v1::ListKnownRequest& request) override;
  Result<v1::ChangeKnownReply> preview_known(const v1::ChangeKnownRequest& request) override;
  Result<v1::ChangeKnownReply> change_known(const v1::ChangeKnownRequest& request) override;
  Result<v1::AuditKnownReply> audit_known(const v1::AuditKnownRequest& request) override;
  Result<v1::ReproReply> describe_repro(const v1::ReproRequest& request) override;
  Result<v1::StartRunReply> start_repro(const v1::ReproRequest& request,
                                        const std::string& user) override;
  /// Of a run that repeats a finding and goes on.
  Result<RunAsk> repro_again(const db::RunRow& row);
  /// The finding with all that repeating it needs.
  Result<scheduler::ReproInput> repro_input(const v1::ReproRequest& request);

 private:
  Result<RunAsk> repro_ask(const v1::ReproRequest& request);
  ReviewParts parts_;
};

}  // namespace kiln::controller
