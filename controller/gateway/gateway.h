#pragma once
/// The dashboard's port: signs people in, hands their calls on to the services of this process,
/// and gives out the app's files. docs/decisions/0011-the-dashboards-gateway.md
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "controller/gateway/app_files.h"
#include "controller/gateway/visitors.h"
#include "lib/http/server.h"

namespace kiln::controller {

struct GatewayOptions {
  std::string address;  ///< without a certificate: of this computer only
  /// PEM file with key and certificates: TLS. A renewed one is taken without a restart; browsers
  /// may reach it by the names in it.
  os::Path certificate{};
  std::vector<std::string> hosts{};  ///< further names by which browsers reach it
  os::Path app{};                    ///< the app's built files
};

/// Safe for concurrent use.
class Gateway {
 public:
  /// kBadInput for an address that is none, or not of this computer; kInfrastructure.
  static Result<std::unique_ptr<Gateway>> start(GatewayOptions options,
                                                std::shared_ptr<grpc::Channel> channel,
                                                std::unique_ptr<Visitors> visitors);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] int port() const;
  /// Open streams end.
  void stop();

 private:
  Gateway(GatewayOptions options, std::shared_ptr<grpc::Channel> channel,
          std::unique_ptr<Visitors> visitors);
  Status serve();
  [[nodiscard]] std::vector<http::Route> routes();

  /// Why the request may not come from the page that it comes from, "" = it may.
  [[nodiscard]] bool goes_by(std::string_view host) const;
  [[nodiscard]] std::string foreign(const http::ServerRequest& request) const;
  [[nodiscard]] Visitor visitor_of(const http::ServerRequest& request) const;
  [[nodiscard]] std::string cookie(const http::ServerRequest& request, const std::string& value,
                                   long seconds) const;

  void call(const http::ServerRequest& request, http::AnswerPtr answer);
  http::ServerResponse page(const http::ServerRequest& request);
  http::ServerResponse me(const http::ServerRequest& request);
  http::ServerResponse sign_in(const http::ServerRequest& request);
  http::ServerResponse sign_out(const http::ServerRequest& request);
  http::ServerResponse open(const http::ServerRequest& request);

  const GatewayOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Visitors> visitors_;
  AppFiles app_;
  std::string cookie_name_;
  std::unique_ptr<http::Server> server_;  ///< last: it uses all of the above
};

/// Where the app's built files are for a program of this build, or installed; "" = nowhere.
os::Path find_app(const os::Path& program, const os::Path& home);

}  // namespace kiln::controller
