#pragma once
/// What the History service needs of the controller.
#include "kiln/v1/history.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use.
class HistoryBackend {
 public:
  virtual ~HistoryBackend() = default;
  virtual Result<v1::TestGridReply> test_grid(const v1::TestGridRequest& request) = 0;
  virtual Result<v1::MetricHistoryReply> metric_history(
      const v1::MetricHistoryRequest& request) = 0;
  virtual Result<v1::MachineHistoryReply> machine_history(
      const v1::MachineHistoryRequest& request) = 0;
  virtual Result<v1::CompareConfigsReply> compare_configs(
      const v1::CompareConfigsRequest& request) = 0;
};

}  // namespace kiln::controller
