#pragma once
/// Tests, metrics and configs over many runs, for those who look back.
#include "controller/rpc/history_backend.h"
#include "lib/base/clock.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"

namespace kiln::controller {

class History final : public HistoryBackend {
 public:
  /// All must outlive it.
  History(const Clock& clock, db::Database& database, blob::BlobStore& blobs)
      : clock_(clock), database_(database), blobs_(blobs) {}

  Result<v1::TestGridReply> test_grid(const v1::TestGridRequest& request) override;
  Result<v1::MetricHistoryReply> metric_history(const v1::MetricHistoryRequest& request) override;
  Result<v1::MachineHistoryReply> machine_history(
      const v1::MachineHistoryRequest& request) override;
  Result<v1::CompareConfigsReply> compare_configs(
      const v1::CompareConfigsRequest& request) override;

 private:
  /// The resolved .config of a run's cell: "baseline/i386-highmem".
  Result<std::string> config_of(int64_t run_id, const std::string& cell);

  const Clock& clock_;
  db::Database& database_;
  blob::BlobStore& blobs_;
};

}  // namespace kiln::controller
