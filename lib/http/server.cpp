#include "lib/http/server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <future>
#include <optional>
#include <set>
#include <thread>

#include "lib/base/number.h"

namespace kiln::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using Incoming = beast::http::request_parser<beast::http::string_body>;
using Outgoing = beast::http::response<beast::http::string_body>;
using Code = boost::system::error_code;

constexpr Millis kAcceptAgain{100};

struct Address {
  std::string host, port;
};

Result<Address> split_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string_view port =
      colon == std::string::npos ? "" : std::string_view(text).substr(colon + 1);
  const auto number = take_number(port);
  if (!number || *number > 65'535 || !port.empty())
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is no address", text))
                    .with_hint("127.0.0.1:7422, or [::1]:7422"));
  Address address{text.substr(0, colon), text.substr(colon + 1)};
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

Outgoing answer_of(const ServerResponse& response, unsigned version, bool keep_alive) {
  Outgoing out;
  out.version(version);
  out.result(static_cast<unsigned>(response.status));
  out.set(beast::http::field::server, "kiln");
  out.set(beast::http::field::content_type, response.type);
  out.set(beast::http::field::cache_control, "no-store");
  out.set("X-Content-Type-Options", "nosniff");
  out.body() = response.body;
  out.keep_alive(keep_alive);
  out.prepare_payload();
  return out;
}

ServerResponse answer_of(const std::vector<Route>& routes, const Incoming::value_type& request) {
  ServerRequest asked;
  asked.method = std::string(request.method_string());
  const std::string target(request.target());
  const size_t mark = target.find('?');
  asked.path = target.substr(0, mark);
  if (mark != std::string::npos) asked.query = target.substr(mark + 1);
  asked.body = request.body();
  const std::string method = asked.method == "HEAD" ? "GET" : asked.method;
  bool there = false;
  for (const Route& route : routes) {
    if (route.path != asked.path) continue;
    if (route.method == method) return route.handler(asked);
    there = true;
  }
  if (there) return {405, "text/plain; charset=utf-8", "this method is not served here\n"};
  return {404, "text/plain; charset=utf-8", "there is nothing here\n"};
}

class Session;

/// What the sessions share; used on the server's thread.
struct House {
  ServerOptions options;
  std::vector<Route> routes;
  std::set<Session*> sessions;
  bool stopping = false;
};

/// One connection: reads a request, answers, and again.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, House& house)
      : stream_(std::move(socket)),
        buffer_(house.options.most_header + house.options.most_body + 1024),
        house_(house) {
    house_.sessions.insert(this);
  }
  ~Session() { house_.sessions.erase(this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(house_.options.most_header);
    parser_->body_limit(house_.options.most_body);
    // For the whole request: one that comes byte by byte gets no more time.
    stream_.expires_after(house_.options.timeout);
    busy_ = false;
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = shared_from_this()](Code code, size_t) { self->got(code); });
  }
  /// Nothing is being answered: nobody waits for this connection.
  void close_if_idle() {
    if (!busy_) stream_.close();
  }

 private:
  void got(Code code) {
    if (!code) {
      const auto& request = parser_->get();
      const bool again = request.keep_alive() && !house_.stopping;
      Outgoing out = answer_of(answer_of(house_.routes, request), request.version(), again);
      if (out.result_int() == 405) out.set(beast::http::field::allow, "GET, HEAD");
      send(std::move(out), request.method() == beast::http::verb::head, again);
      return;
    }
    int status = 0;
    if (code == beast::http::error::header_limit || code == beast::http::error::buffer_overflow)
      status = 431;
    else if (code == beast::http::error::body_limit)
      status = 413;
    else if (code.category() ==
                 beast::http::make_error_code(beast::http::error::bad_method).category() &&
             code != beast::http::error::end_of_stream &&
             code != beast::http::error::partial_message)
      status = 400;
    if (status == 0) return;  // gone, or too slow
    send(answer_of({status, "text/plain; charset=utf-8", "this request is not understood\n"}, 11,
                   false),
         false, false);
  }

  void send(Outgoing out, bool head_only, bool again) {
    busy_ = true;
    out_ = std::move(out);
    serializer_.emplace(out_);
    stream_.expires_after(house_.options.timeout);
    const auto done = [self = shared_from_this(), again](Code code, size_t) {
      if (code) return;
      if (again && !self->house_.stopping) return self->read();
      Code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    };
    if (head_only)
      beast::http::async_write_header(stream_, *serializer_, done);
    else
      beast::http::async_write(stream_, *serializer_, done);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  House& house_;
  std::optional<Incoming> parser_;
  Outgoing out_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
  bool busy_ = false;
};

}  // namespace

struct Server::Impl {
  House house;  // the last to go: sessions that end with the context look at it
  asio::io_context context{1};
  Tcp::acceptor acceptor{context};
  asio::steady_timer again{context};
  int port = 0;
  std::promise<void> ended;
  std::thread thread;

  Status listen();
  void accept();
};

Status Server::Impl::listen() {
  KILN_ASSIGN(const Address address, split_address(house.options.address));
  Code code;
  const auto found =
      Tcp::resolver(context).resolve(address.host, address.port, Tcp::resolver::passive, code);
  const auto cannot = [&](const Code& why) -> Status {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("cannot listen on {}: {}", house.options.address, why.message()));
  };
  if (code) return cannot(code);
  const Tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code) return cannot(code);
  port = acceptor.local_endpoint(code).port();
  return {};
}

void Server::Impl::accept() {
  acceptor.async_accept([this](Code code, Tcp::socket socket) {
    if (house.stopping) return;
    if (code) {  // no descriptors left, say: not in a tight loop
      again.expires_after(kAcceptAgain);
      again.async_wait([this](Code stopped) {
        if (!stopped) accept();
      });
      return;
    }
    if (house.sessions.size() < house.options.most_connections)
      std::make_shared<Session>(std::move(socket), house)->read();
    accept();
  });
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              std::vector<Route> routes) {
  auto impl = std::make_unique<Impl>();
  impl->house.options = options;
  impl->house.routes = std::move(routes);
  KILN_TRY(impl->listen());
  impl->accept();
  impl->thread = std::thread([each = impl.get()] {
    each->context.run();
    each->ended.set_value();
  });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

int Server::port() const {
  return impl_->port;
}

void Server::stop(Millis grace) {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->context, [impl = impl_.get()] {
    impl->house.stopping = true;
    Code ignored;
    impl->acceptor.close(ignored);
    impl->again.cancel();
    const std::set<Session*> sessions = impl->house.sessions;
    for (Session* session : sessions) session->close_if_idle();
  });
  // Without a connection there is nothing left to run.
  if (impl_->ended.get_future().wait_for(grace) != std::future_status::ready) impl_->context.stop();
  impl_->thread.join();
}

}  // namespace kiln::http
