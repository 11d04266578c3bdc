#include "controller/rpc/machines_service.h"

namespace kiln::controller {
grpc::Status MachinesService::ListMachines(grpc::ServerContext* /*context*/,
                                           const v1::ListMachinesRequest* /*request*/,
                                           v1::ListMachinesReply* reply) {
  return answer(backend_.list_machines(), reply);
}

grpc::Status MachinesService::ListAgents(grpc::ServerContext* /*context*/,
                                         const v1::ListAgentsRequest* /*request*/,
                                         v1::ListAgentsReply* reply) {
  return answer(backend_.list_agents(), reply);
}

grpc::Status MachinesService::ListQueue(grpc::ServerContext* /*context*/,
                                        const v1::ListQueueRequest* /*request*/,
                                        v1::ListQueueReply* reply) {
  return answer(backend_.list_queue(), reply);
}

grpc::Status MachinesService::HoldMachine(grpc::ServerContext* context,
                                          const v1::HoldMachineRequest* request,
                                          v1::HoldMachineReply* reply) {
  return answer(backend_.hold(*request, user_of_(*context)), reply);
}

grpc::Status MachinesService::ReleaseMachine(grpc::ServerContext* context,
                                             const v1::ReleaseMachineRequest* request,
                                             v1::ReleaseMachineReply* reply) {
  return answer(backend_.release(*request, user_of_(*context), may_keep_(*context)), reply);
}

grpc::Status MachinesService::SetIntent(grpc::ServerContext* /*context*/,
                                        const v1::SetIntentRequest* request,
                                        v1::SetIntentReply* reply) {
  return answer(backend_.set_intent(*request), reply);
}

grpc::Status MachinesService::Restore(grpc::ServerContext* /*context*/,
                                      const v1::RestoreRequest* request, v1::RestoreReply* reply) {
  return answer(backend_.restore(*request), reply);
}

}  // namespace kiln::controller
