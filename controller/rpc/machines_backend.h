#pragma once
/// What the Machines service needs of the controller: the rpc folder knows the wire, not the house.
#include <string>

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
};

}  // namespace kiln::controller
