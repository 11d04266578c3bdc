#include "controller/rpc/machines_service.h"

namespace kiln::controller {
namespace {

constexpr Millis kOpen{45'000};  // an agent may have to log in first
constexpr Millis kLook{500};     // how late it is noticed that somebody has gone

}  // namespace

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

grpc::Status MachinesService::BootMachine(grpc::ServerContext* context,
                                          const v1::BootMachineRequest* request,
                                          v1::BootMachineReply* reply) {
  return answer(backend_.boot(*request, user_of_(*context)), reply);
}

grpc::Status MachinesService::OpenConsole(grpc::ServerContext* context,
                                          const v1::OpenConsoleRequest* request,
                                          grpc::ServerWriter<v1::TunnelPart>* writer) {
  return serve(*context, "/kiln.v1.Machines/OpenConsole",
               backend_.open_console(*request, user_of_(*context)), *writer);
}

grpc::Status MachinesService::OpenSsh(grpc::ServerContext* context,
                                      const v1::OpenSshRequest* request,
                                      grpc::ServerWriter<v1::TunnelPart>* writer) {
  return serve(*context, "/kiln.v1.Machines/OpenSsh",
               backend_.open_ssh(*request, user_of_(*context)), *writer);
}

grpc::Status MachinesService::SendTunnel(grpc::ServerContext* context,
                                         const v1::SendTunnelRequest* request,
                                         v1::SendTunnelReply* reply) {
  return answer(backend_.send(*request, user_of_(*context)), reply);
}

grpc::Status MachinesService::serve(grpc::ServerContext& context, const char* method,
                                    const Result<std::shared_ptr<fleet::Tunnel>>& opened,
                                    grpc::ServerWriter<v1::TunnelPart>& writer) {
  if (!opened) return rpc::to_grpc(opened.error());
  fleet::Tunnel& tunnel = **opened;
  const auto carry = [&]() -> Status {
    v1::TunnelPart part;
    part.set_tunnel_id(tunnel.id());
    KILN_ASSIGN(*part.mutable_host_key(), tunnel.wait_open(kOpen));
    for (bool there = writer.Write(part); there && !context.IsCancelled();) {
      KILN_TRY(still_in_(context, method));
      part.Clear();
      KILN_ASSIGN(*part.mutable_data(), tunnel.take(kLook));
      if (!part.data().empty()) there = writer.Write(part);
    }
    return {};
  };
  const Status ended = carry();
  tunnel.leave();
  backend_.close(tunnel);
  return ended ? grpc::Status::OK : rpc::to_grpc(ended.error());
}

}  // namespace kiln::controller
