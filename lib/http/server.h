#pragma once
/// HTTP as a server, for what watches a lab and for its pages: small, bounded, one thread for the
/// wire and, when asked for, a few for handlers that take their time.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/fields.h"

namespace kiln::http {

struct ServerRequest {
  std::string method;
  std::string path;   ///< without the query, as it came: nothing is decoded
  std::string query;  ///< without its "?"
  std::string body;
  Headers headers{};   ///< names in small letters
  std::string peer{};  ///< "127.0.0.1:40312"

  /// Its value; "" when it did not come, or came more than once.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body{};
  Headers headers{};  ///< further ones; Cache-Control is "no-store" unless it is among them
};

/// The answer to one request: whole, or in pieces. Any thread may call it, at any time; what comes
/// too late is dropped. Who lets go of it without an answer closes the connection.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void send(ServerResponse response) = 0;
  /// The head of an answer that comes in pieces; its body is not looked at.
  virtual void begin(ServerResponse head) = 0;
  /// `written` is told, on the server's thread, when the bytes have gone out, or with false when
  /// they will not: the client is gone or too slow. One at a time keeps memory small.
  virtual void write(std::string bytes, std::function<void(bool)> written) = 0;
  virtual void end() = 0;
  /// `gone` is called once, on the server's thread or at once, when nobody waits for the rest.
  virtual void on_gone(std::function<void()> gone) = 0;
  /// Work for the answer that takes its time, on one of the server's threads for that.
  virtual void run(std::function<void()> work) = 0;
};
using AnswerPtr = std::shared_ptr<Answer>;

struct Route {
  std::string method;  ///< "GET" answers HEAD, too
  std::string path;    ///< the whole path
  /// Called on the server's thread: must return soon.
  std::function<ServerResponse(const ServerRequest&)> handler{};
  /// Instead of it: may take its time, and answers when it has an answer. Needs `threads`.
  std::function<void(const ServerRequest&, AnswerPtr)> slow{};
  bool prefix = false;  ///< all paths that begin so; the first route that fits is taken
};

struct ServerOptions {
  std::string address;           ///< "127.0.0.1:7422", "[::1]:0"; port 0 = any free one
  std::string certificate{};     ///< PEM file with key and certificates: TLS; "" = plain HTTP
  size_t most_connections = 64;  ///< further ones are closed at once
  uint32_t most_header = 8 << 10;
  uint64_t most_body = 0;
  Millis timeout{10'000};        ///< of a whole request, of an answer (of each piece), of the next
  size_t threads = 0;            ///< for slow handlers
  size_t most_waiting = 256;     ///< slow requests that wait for a thread; further ones get 503
  size_t most_unsent = 1 << 20;  ///< bytes of pieces that a slow reader may leave lying
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
  /// Takes no new connections; answers that are under way may end within `grace`. Those in pieces
  /// end at once.
  void stop(Millis grace = Millis(1000));

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Address {
  std::string host, port;
};
/// "127.0.0.1:7422", "[::1]:7422" (without the brackets then); kBadInput.
Result<Address> split_address(const std::string& text);
/// Of this computer alone: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host);

}  // namespace kiln::http
