#pragma once
/// What the Logs service needs of the controller.
#include <functional>

#include "kiln/v1/logs.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use. `stopped` is asked now and then: true = nobody waits any more.
class LogsBackend {
 public:
  virtual ~LogsBackend() = default;
  virtual Result<v1::ReadLogReply> read_log(const v1::ReadLogRequest& request,
                                            const std::function<bool()>& stopped) = 0;
  virtual Result<v1::SearchLogReply> search_log(const v1::SearchLogRequest& request,
                                                const std::function<bool()>& stopped) = 0;
};

}  // namespace kiln::controller
