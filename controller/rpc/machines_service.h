#pragma once
/// kiln.v1.Machines over a MachinesBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/machines_backend.h"
#include "kiln/v1/machines.grpc.pb.h"

namespace kiln::controller {

class MachinesService final : public v1::Machines::Service {
 public:
  /// The backend must outlive it.
  MachinesService(MachinesBackend& backend, UserOf user_of, MayKeep may_keep, StillIn still_in)
      : backend_(backend),
        user_of_(std::move(user_of)),
        may_keep_(std::move(may_keep)),
        still_in_(std::move(still_in)) {}

  grpc::Status ListMachines(grpc::ServerContext* context, const v1::ListMachinesRequest* request,
                            v1::ListMachinesReply* reply) override;
  grpc::Status ListAgents(grpc::ServerContext* context, const v1::ListAgentsRequest* request,
                          v1::ListAgentsReply* reply) override;
  grpc::Status ListQueue(grpc::ServerContext* context, const v1::ListQueueRequest* request,
                         v1::ListQueueReply* reply) override;
  grpc::Status HoldMachine(grpc::ServerContext* context, const v1::HoldMachineRequest* request,
                           v1::HoldMachineReply* reply) override;
  grpc::Status ReleaseMachine(grpc::ServerContext* context,
                              const v1::ReleaseMachineRequest* request,
                              v1::ReleaseMachineReply* reply) override;
  grpc::Status SetIntent(grpc::ServerContext* context, const v1::SetIntentRequest* request,
                         v1::SetIntentReply* reply) override;
  grpc::Status Restore(grpc::ServerContext* context, const v1::RestoreRequest* request,
                       v1::RestoreReply* reply) override;
  grpc::Status BootMachine(grpc::ServerContext* context, const v1::BootMachineRequest* request,
                           v1::BootMachineReply* reply) override;
  // A thread each while they are open; fleet::Tunnels bounds them.
  grpc::Status OpenConsole(grpc::ServerContext* context, const v1::OpenConsoleRequest* request,
                           grpc::ServerWriter<v1::TunnelPart>* writer) override;
  grpc::Status OpenSsh(grpc::ServerContext* context, const v1::OpenSshRequest* request,
                       grpc::ServerWriter<v1::TunnelPart>* writer) override;
  grpc::Status SendTunnel(grpc::ServerContext* context, const v1::SendTunnelRequest* request,
                          v1::SendTunnelReply* reply) override;

 private:
  grpc::Status serve(grpc::ServerContext& context, const char* method,
                     const Result<std::shared_ptr<fleet::Tunnel>>& opened,
                     grpc::ServerWriter<v1::TunnelPart>& writer);

  MachinesBackend& backend_;
  UserOf user_of_;
  MayKeep may_keep_;
  StillIn still_in_;
};

}  // namespace kiln::controller
