#include "lib/http/server.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <thread>

#include "lib/base/number.h"
#include "lib/http/session.h"

namespace kiln::http {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Code = boost::system::error_code;

constexpr Millis kAcceptAgain{100};

}  // namespace

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

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  Code code;
  const auto address = asio::ip::make_address(std::string(host), code);
  return !code && address.is_loopback();
}

struct Server::Impl {
  House house;  // the last to go: sessions that end with the context look at it
  asio::io_context context{1};
  std::optional<asio::thread_pool> pool;
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
      std::make_shared<Session>(std::move(socket), house)->start();
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
  if (!options.certificate.empty()) {
    KILN_ASSIGN(impl->house.certificate, Certificate::load(options.certificate));
  }
  KILN_TRY(impl->listen());
  if (options.threads > 0) impl->pool.emplace(options.threads);
  impl->house.mailbox =
      std::make_shared<Mailbox>(&impl->context, impl->pool ? &*impl->pool : nullptr);
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
    for (Session* session : sessions) session->close_unless_answering();
  });
  // Without a connection there is nothing left to run.
  if (impl_->ended.get_future().wait_for(grace) != std::future_status::ready) impl_->context.stop();
  impl_->thread.join();
  impl_->house.mailbox->close();
  // Nobody gets these answers any more: those who make them are told.
  const auto asked = std::exchange(impl_->house.asked, {});
  for (const auto& session : asked) session->drop();
  impl_->context.restart();
  impl_->context.poll();  // what was posted in the last moments
  if (impl_->pool) impl_->pool->join();
}

}  // namespace kiln::http
