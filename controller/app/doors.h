#pragma once
/// A lab's doors: who may come in, by which port, and the audit of it. Exists when the data folder
/// has an authority (`kiln lab init`); the data folder's own socket needs none of it.
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/access/access_desk.h"
#include "controller/fleet/fleet.h"
#include "controller/gateway/visitors.h"
#include "controller/rpc/access_service.h"
#include "controller/rpc/answer.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct DoorsOptions {
  os::Path pki;                       ///< the authority's folder
  std::string listen, listen_agents;  ///< "" = no such port
};

class Doors {
 public:
  /// nullptr when the folder holds no authority. All references must outlive it.
  static Result<std::unique_ptr<Doors>> open(const DoorsOptions& options, const Clock& clock,
                                             db::Database& database, fleet::Fleet& fleet);
  ~Doors();
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  /// Guards the server with the local socket and adds the users' port and the access services.
  void add_to(
      grpc::ServerBuilder& builder,
      std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> further);
  /// Starts the agents' server with the service; kInfrastructure when a port is taken.
  Status serve_agents(grpc::Service& link);
  [[nodiscard]] Status check_users_port() const;
  [[nodiscard]] std::string ports() const;
  /// Who may look at the dashboard; with `guests`, whoever reaches it.
  /// PEM file of the server's key and certificate; renewed while it runs.
  [[nodiscard]] os::Path certificate() const;
  [[nodiscard]] std::unique_ptr<Visitors> visitors(bool guests);
  [[nodiscard]] UserOf user_of();
  [[nodiscard]] MayKeep may_keep();
  [[nodiscard]] StillIn still_in();
  void stop(std::chrono::system_clock::time_point deadline);

 private:
  struct Impl;
  explicit Doors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::controller
