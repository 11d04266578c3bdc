#pragma once
/// The lab's machines, agents and queue as people see them.
#include "controller/fleet/dispatcher.h"
#include "controller/fleet/health_keeper.h"
#include "controller/rpc/machines_backend.h"

namespace kiln::controller {

class MachinesView final : public MachinesBackend {
 public:
  /// All must outlive it.
  MachinesView(fleet::Dispatcher& lab, fleet::Fleet& fleet, const Clock& clock,
               fleet::HealthKeeper* health)
      : lab_(lab), fleet_(fleet), clock_(clock), health_(health) {}

  Result<v1::ListMachinesReply> list_machines() override;
  Result<v1::ListAgentsReply> list_agents() override;
  Result<v1::ListQueueReply> list_queue() override;
  Result<v1::HoldMachineReply> hold(const v1::HoldMachineRequest& request,
                                    const std::string& user) override;
  Result<v1::ReleaseMachineReply> release(const v1::ReleaseMachineRequest& request,
                                          const std::string& user, bool keeper) override;
  Result<v1::SetIntentReply> set_intent(const v1::SetIntentRequest& request) override;
  Result<v1::RestoreReply> restore(const v1::RestoreRequest& request) override;

 private:
  fleet::Dispatcher& lab_;
  fleet::Fleet& fleet_;
  const Clock& clock_;
  fleet::HealthKeeper* health_;  ///< null: nobody checks machines
};

}  // namespace kiln::controller
