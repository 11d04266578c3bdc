#pragma once
/// What the Keeping service needs of the controller.
#include "kiln/v1/keeping.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use.
class KeepingBackend {
 public:
  virtual ~KeepingBackend() = default;
  virtual Result<v1::KeptRun> keep(const v1::KeepRunRequest& request) = 0;
  virtual Result<v1::LetRunGoReply> let_go(const v1::LetRunGoRequest& request) = 0;
  virtual Result<v1::ListKeptReply> kept() = 0;
  virtual Result<v1::ClearReport> clear(const v1::ClearAwayRequest& request) = 0;
};

}  // namespace kiln::controller
