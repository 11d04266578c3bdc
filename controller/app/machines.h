#pragma once
/// The lab's machines, agents and queue as people see them.
#include "controller/app/visits.h"
#include "controller/fleet/dispatcher.h"
#include "controller/fleet/health_keeper.h"
#include "controller/rpc/machines_backend.h"

namespace kiln::controller {

class MachinesView final : public MachinesBackend {
 public:
  /// All must outlive it.
  MachinesView(fleet::Dispatcher& lab, fleet::Fleet& fleet, const Clock& clock, Visits& visits,
               fleet::HealthKeeper* health)
      : lab_(lab), fleet_(fleet), clock_(clock), visits_(visits), health_(health) {}

  Result<v1::ListMachinesReply> list_machines() override;
  Result<v1::ListAgentsReply> list_agents() override;
  Result<v1::ListQueueReply> list_queue() override;
  Result<v1::HoldMachineReply> hold(const v1::HoldMachineRequest& request,
                                    const std::string& user) override;
  Result<v1::ReleaseMachineReply> release(const v1::ReleaseMachineRequest& request,
                                          const std::string& user, bool keeper) override;
  Result<v1::SetIntentReply> set_intent(const v1::SetIntentRequest& request) override;
  Result<v1::RestoreReply> restore(const v1::RestoreRequest& request) override;
  Result<v1::BootMachineReply> boot(const v1::BootMachineRequest& request,
                                    const std::string& user) override {
    return visits_.boot(request, user);
  }
  Result<std::shared_ptr<fleet::Tunnel>> open_console(const v1::OpenConsoleRequest& request,
                                                      const std::string& user) override {
    return visits_.open_console(request.machine(), user);
  }
  Result<std::shared_ptr<fleet::Tunnel>> open_ssh(const v1::OpenSshRequest& request,
                                                  const std::string& user) override {
    return visits_.open_ssh(request, user);
  }
  Result<v1::SendTunnelReply> send(const v1::SendTunnelRequest& request,
                                   const std::string& user) override {
    return visits_.send(request, user);
  }
  void close(const fleet::Tunnel& tunnel) override { visits_.close(tunnel); }

 private:
  fleet::Dispatcher& lab_;
  fleet::Fleet& fleet_;
  const Clock& clock_;
  Visits& visits_;
  fleet::HealthKeeper* health_;  ///< null: nobody checks machines
};

}  // namespace kiln::controller
