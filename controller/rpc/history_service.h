#pragma once
/// kiln.v1.History over a HistoryBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/history_backend.h"
#include "kiln/v1/history.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class HistoryService final : public v1::History::Service {
 public:
  /// The backend must outlive the server.
  explicit HistoryService(HistoryBackend& backend) : backend_(backend) {}

  grpc::Status TestGrid(grpc::ServerContext* /*context*/, const v1::TestGridRequest* request,
                        v1::TestGridReply* reply) override {
    return answer(backend_.test_grid(*request), reply);
  }
  grpc::Status MetricHistory(grpc::ServerContext* /*context*/,
                             const v1::MetricHistoryRequest* request,
                             v1::MetricHistoryReply* reply) override {
    return answer(backend_.metric_history(*request), reply);
  }
  grpc::Status MachineHistory(grpc::ServerContext* /*context*/,
                              const v1::MachineHistoryRequest* request,
                              v1::MachineHistoryReply* reply) override {
    return answer(backend_.machine_history(*request), reply);
  }
  grpc::Status CompareConfigs(grpc::ServerContext* /*context*/,
                              const v1::CompareConfigsRequest* request,
                              v1::CompareConfigsReply* reply) override {
    return answer(backend_.compare_configs(*request), reply);
  }

 private:
  HistoryBackend& backend_;
};

}  // namespace kiln::controller
