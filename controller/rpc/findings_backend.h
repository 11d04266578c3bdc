#pragma once
/// What the Findings service needs of the controller.
#include <string>

#include "kiln/v1/findings.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use. `keeper`: who asks may decide for all.
class FindingsBackend {
 public:
  virtual ~FindingsBackend() = default;
  virtual Result<v1::ListFindingsReply> list_findings(const v1::ListFindingsRequest& request) = 0;
  virtual Result<v1::DecideFindingsReply> decide_findings(const v1::DecideFindingsRequest& request,
                                                          const std::string& who, bool keeper) = 0;
  virtual Result<v1::UndoDecisionReply> undo_decision(int64_t id, const std::string& who,
                                                      bool keeper) = 0;
};

}  // namespace kiln::controller
