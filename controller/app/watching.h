#pragma once
/// What a lab shows to those who watch it: figures for Prometheus and its health, over HTTP.
#include <memory>
#include <string>

#include "controller/fleet/dispatcher.h"
#include "controller/keeping/space.h"
#include "controller/metrics/metrics.h"
#include "lib/db/database.h"
#include "lib/http/server.h"

namespace kiln::controller {

/// References to parts that outlive it.
struct WatchingParts {
  const Clock& clock;
  Metrics& metrics;
  fleet::Fleet& fleet;
  fleet::Dispatcher& lab;
  SpaceWatch& space;
  db::Database& database;
  os::Path database_file;
};

/// /metrics, /live (the process answers) and /ready (it takes new work; else 503 with the reasons).
/// They show no names and change nothing, so that they ask for no token.
class Watching {
 public:
  explicit Watching(WatchingParts parts) : parts_(std::move(parts)) {}
  /// kBadInput, kInfrastructure as http::Server::start.
  Status serve(const std::string& address);
  /// 0 = not served.
  [[nodiscard]] int port() const { return server_ ? server_->port() : 0; }
  void stop() { server_.reset(); }

  /// The pages, for tests.
  http::ServerResponse metrics_page();
  http::ServerResponse ready_page();

 private:
  Figures figures();

  WatchingParts parts_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace kiln::controller
