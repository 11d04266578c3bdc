#pragma once
/// What the Machines service needs of the controller: the rpc folder knows the wire, not the house.
#include <memory>
#include <string>

#include "controller/fleet/tunnels.h"
#include "kiln/v1/machines.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use. `user` is who asks.
class MachinesBackend {
 public:
  virtual ~MachinesBackend() = default;
  virtual Result<v1::ListMachinesReply> list_machines() = 0;
  virtual Result<v1::ListAgentsReply> list_agents() = 0;
  virtual Result<v1::ListQueueReply> list_queue() = 0;
  virtual Result<v1::HoldMachineReply> hold(const v1::HoldMachineRequest& request,
                                            const std::string& user) = 0;
  virtual Result<v1::ReleaseMachineReply> release(const v1::ReleaseMachineRequest& request,
                                                  const std::string& user, bool keeper) = 0;
  virtual Result<v1::SetIntentReply> set_intent(const v1::SetIntentRequest& request) = 0;
  virtual Result<v1::RestoreReply> restore(const v1::RestoreRequest& request) = 0;
  virtual Result<v1::BootMachineReply> boot(const v1::BootMachineRequest& request,
                                            const std::string& user) = 0;
  /// The agent has been asked to open its end; close() ends what these gave.
  virtual Result<std::shared_ptr<fleet::Tunnel>> open_console(const v1::OpenConsoleRequest& request,
                                                              const std::string& user) = 0;
  virtual Result<std::shared_ptr<fleet::Tunnel>> open_ssh(const v1::OpenSshRequest& request,
                                                          const std::string& user) = 0;
  virtual Result<v1::SendTunnelReply> send(const v1::SendTunnelRequest& request,
                                           const std::string& user) = 0;
  virtual void close(const fleet::Tunnel& tunnel) = 0;
};

}  // namespace kiln::controller
