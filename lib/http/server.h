#pragma once
/// HTTP as a server, for what watches a lab and for its pages: small, bounded, on one thread.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::http {

struct ServerRequest {
  std::string method;
  std::string path;   ///< without the query, as it came: nothing is decoded
  std::string query;  ///< without its "?"
  std::string body;
};

struct ServerResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

/// Called on the server's thread: must return soon.
struct Route {
  std::string method;  ///< "GET" answers HEAD, too
  std::string path;    ///< the whole path
  std::function<ServerResponse(const ServerRequest&)> handler;
};

struct ServerOptions {
  std::string address;           ///< "127.0.0.1:7422", "[::1]:0"; port 0 = any free one
  size_t most_connections = 64;  ///< further ones are closed at once
  uint32_t most_header = 8 << 10;
  uint64_t most_body = 0;
  Millis timeout{10'000};  ///< of a whole request, of an answer, and of waiting for the next
};

/// Whatever comes in is answered or closed within the time-outs: garbage by 400, a long header by
/// 431, a body by 413. Safe for concurrent use.
class Server {
 public:
  /// kBadInput for an address that is none, kInfrastructure when it cannot listen there.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               std::vector<Route> routes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] int port() const;
  /// Takes no new connections; answers that are under way may end within `grace`.
  void stop(Millis grace = Millis(1000));

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::http
