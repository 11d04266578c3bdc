#pragma once
/// Findings over all runs, for who reviews them, and what is decided of them.
#include "controller/rpc/findings_backend.h"
#include "lib/base/clock.h"
#include "lib/db/finding_table.h"

namespace kiln::controller {

class Findings final : public FindingsBackend {
 public:
  /// Both must outlive it.
  Findings(const Clock& clock, db::Database& database)
      : clock_(clock), table_(database), verdicts_(database) {}

  Result<v1::ListFindingsReply> list_findings(const v1::ListFindingsRequest& request) override;
  Result<v1::DecideFindingsReply> decide_findings(const v1::DecideFindingsRequest& request,
                                                  const std::string& who, bool keeper) override;
  Result<v1::UndoDecisionReply> undo_decision(int64_t id, const std::string& who,
                                              bool keeper) override;

 private:
  /// Rows that an older Kiln stored have no details: they come out of the newest such runs'
  /// reports.
  Status fill_old(db::FindingList* list) const;

  const Clock& clock_;
  db::FindingTable table_;
  db::VerdictTable verdicts_;
};

}  // namespace kiln::controller
