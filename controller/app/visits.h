#pragma once
/// A held machine for its holder: a kernel of a run on it, its console, its SSH.
#include <memory>
#include <string>

#include "controller/app/health_desk.h"
#include "controller/fleet/dispatcher.h"
#include "kiln/v1/machines.pb.h"

namespace kiln::controller {

/// Safe for concurrent use.
class Visits {
 public:
  /// All must outlive it. `good` finds the kernel when nobody names one; null: then one must.
  Visits(db::Database& database, results::DbRunStore& store, fleet::Dispatcher& lab,
         fleet::Fleet& fleet, HealthDesk* good)
      : database_(database), store_(store), lab_(lab), fleet_(fleet), good_(good) {}

  Result<v1::BootMachineReply> boot(const v1::BootMachineRequest& request, const std::string& user);
  /// The agent is asked to open its end.
  Result<std::shared_ptr<fleet::Tunnel>> open_console(const std::string& machine,
                                                      const std::string& user);
  /// kPermission: the machine is not held by the user. kConflict: nothing is booted there.
  Result<std::shared_ptr<fleet::Tunnel>> open_ssh(const v1::OpenSshRequest& request,
                                                  const std::string& user);
  Result<v1::SendTunnelReply> send(const v1::SendTunnelRequest& request, const std::string& user);
  void close(const fleet::Tunnel& tunnel) { fleet_.tunnels().forget(tunnel); }

 private:
  /// A cell's kernel with what its run boots it with.
  struct Kernel {
    int64_t run = 0;
    std::string cell;
    job::StoredJob job;
    kernel::BuildRecord build;
  };
  Result<Kernel> kernel_of(const v1::BootMachineRequest& request);
  Result<Kernel> kernel_of_run(int64_t run, const std::string& cell);
  Result<kernel::BuildRecord> in_store(const std::string& key, const std::string& words);
  Status holds(const std::string& machine, const std::string& user);
  /// One of kind "ssh" ends with the user's hold.
  Result<std::shared_ptr<fleet::Tunnel>> open(const std::string& machine, const std::string& user,
                                              const std::string& kind, const std::string& ssh_key);

  db::Database& database_;
  results::DbRunStore& store_;
  fleet::Dispatcher& lab_;
  fleet::Fleet& fleet_;
  HealthDesk* good_;
};

void fill(const fleet::Visit& visit, v1::Visit* out);

}  // namespace kiln::controller
