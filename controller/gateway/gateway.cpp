#include "controller/gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/gateway/forward.h"
#include "lib/access/role.h"
#include "lib/pki/pki.h"

namespace kiln::controller {
namespace {

constexpr const char* kJson = "application/json";
constexpr long kCookieSeconds = 30L * 24 * 3600;
/// 200 windows with a stream and some calls each, and room.
constexpr size_t kMostConnections = 1024;
constexpr size_t kThreads = 4;
constexpr uint64_t kMostPem = 256 << 10;

std::string dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

http::ServerResponse refusal(int status, const std::string& message, const std::string& hint = "") {
  nlohmann::ordered_json body = {{"message", message}};
  if (!hint.empty()) body["hint"] = hint;
  return {status, kJson, dump(body), page_headers()};
}

connect::Code code_of(Decision::Answer answer) {
  switch (answer) {
    case Decision::Answer::kUnknownMethod:
      return connect::Code::kUnimplemented;
    case Decision::Answer::kUnauthenticated:
      return connect::Code::kUnauthenticated;
    case Decision::Answer::kAdmit:
    case Decision::Answer::kDenied:
      break;
  }
  return connect::Code::kPermissionDenied;
}

std::string unbracketed(std::string_view host) {
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return std::string(host);
}

}  // namespace

os::Path find_app(const os::Path& program, const os::Path& home) {
  std::vector<os::Path> places;
  // BUILD/bin/kilnd and BUILD/cli/kiln.
  if (!program.empty()) places.push_back(program.parent_path().parent_path() / "dashboard");
  if (!home.empty()) places.push_back(home / "build/release/dashboard");
  places.emplace_back("/usr/share/kiln/dashboard");
  std::error_code code;
  for (const os::Path& place : places)
    if (std::filesystem::exists(place / "index.html", code)) return place;
  return places.front();  // where it will be when it is built
}

Gateway::Gateway(GatewayOptions options, std::shared_ptr<grpc::Channel> channel,
                 std::unique_ptr<Visitors> visitors)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      visitors_(std::move(visitors)),
      app_(options_.app) {}

Gateway::~Gateway() {
  stop();
}

Result<std::unique_ptr<Gateway>> Gateway::start(GatewayOptions options,
                                                std::shared_ptr<grpc::Channel> channel,
                                                std::unique_ptr<Visitors> visitors) {
  KILN_ASSIGN(const http::Address address, http::split_address(options.address));
  if (options.certificate.empty() && !http::is_loopback(address.host))
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("the dashboard cannot listen on {} without a certificate: tokens"
                                  " would go over the network in the clear",
                                  options.address))
                    .with_hint("kiln lab init makes the lab's; dashboard_certificate names another"
                               " (docs/kilnd.md)"));
  if (!options.certificate.empty()) {
    KILN_ASSIGN(const std::string pem, os::read_file(options.certificate, kMostPem));
    KILN_ASSIGN(const pki::Facts facts, pki::read_certificate(pem));
    options.hosts.insert(options.hosts.end(), facts.hosts.begin(), facts.hosts.end());
  }
  auto gateway = std::unique_ptr<Gateway>(
      new Gateway(std::move(options), std::move(channel), std::move(visitors)));
  KILN_TRY(gateway->serve());
  return gateway;
}

Status Gateway::serve() {
  http::ServerOptions options;
  options.address = options_.address;
  options.certificate = options_.certificate.string();
  options.most_connections = kMostConnections;
  options.most_header = 16 << 10;
  options.most_body = connect::kMostBytes + 16;
  options.threads = kThreads;
  KILN_ASSIGN(server_, http::Server::start(options, routes()));
  // Browsers keep cookies by host, not by port: another Kiln on this computer has its own.
  cookie_name_ = fmt::format("kiln_{}", server_->port());
  return {};
}

int Gateway::port() const {
  return server_ ? server_->port() : 0;
}

void Gateway::stop() {
  if (server_) server_->stop();
}

std::vector<http::Route> Gateway::routes() {
  const auto quick = [this](http::ServerResponse (Gateway::*handler)(const http::ServerRequest&)) {
    return
        [this, handler](const http::ServerRequest& request) { return (this->*handler)(request); };
  };
  const auto calls = [this](const http::ServerRequest& request, http::AnswerPtr answer) {
    call(request, std::move(answer));
  };
  return {{"POST", "/kiln.v1.", {}, calls, true},
          {"GET", "/kiln.v1.", {}, calls, true},
          {"GET", "/auth/me", quick(&Gateway::me)},
          {"POST", "/auth/sign-in", quick(&Gateway::sign_in)},
          {"POST", "/auth/sign-out", quick(&Gateway::sign_out)},
          {"GET", "/auth/open", quick(&Gateway::open)},
          {"GET", "/", quick(&Gateway::page), {}, true}};
}

bool Gateway::goes_by(std::string_view host) const {
  const std::string name = unbracketed(http::host_name(host));
  return http::is_loopback(name) ||
         std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end();
}

/// Cookies of ours come with requests that another site's page makes a browser send, and a foreign
/// name may lead to this address: neither is served.
std::string Gateway::foreign(const http::ServerRequest& request) const {
  const std::string_view host = request.header("host");
  if (!goes_by(host)) return "this server does not go by that name";
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none")
    return "another site's page sent this";
  const std::string_view origin = request.header("origin");
  const bool came = std::any_of(request.headers.begin(), request.headers.end(),
                                [](const auto& each) { return each.first == "origin"; });
  if (came && !http::same_origin(origin, host)) return "another site's page sent this";
  return "";
}

Visitor Gateway::visitor_of(const http::ServerRequest& request) const {
  return {http::cookie_value(request.header("cookie"), cookie_name_).value_or(""), request.peer};
}

std::string Gateway::cookie(const http::ServerRequest& request, const std::string& value,
                            long seconds) const {
  // Without TLS of our own, elsewhere than on this computer a proxy has it.
  const bool here = options_.certificate.empty() &&
                    http::is_loopback(unbracketed(http::host_name(request.header("host"))));
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name_, value,
                     seconds, here ? "" : "; Secure");
}

void Gateway::call(const http::ServerRequest& request, http::AnswerPtr answer) {
  if (const std::string why = foreign(request); !why.empty()) {
    const connect::Failure failure{connect::Code::kPermissionDenied, why};
    return refuse(failure, false, *answer);
  }
  connect::Incoming incoming;
  incoming.http_method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  incoming.path = request.path;
  incoming.query = request.query;
  incoming.content_type = request.header("content-type");
  incoming.version = request.header("connect-protocol-version");
  incoming.timeout = request.header("connect-timeout-ms");
  incoming.body = request.body;
  auto call = connect::understand(incoming);
  if (!call) {
    const connect::Refusal& refused = call.error();
    if (refused.failure) return refuse(*refused.failure, refused.stream, *answer);
    http::ServerResponse response{refused.http_status};
    if (refused.http_status == 415) response.headers.emplace_back("Accept-Post", kJson);
    return answer->send(std::move(response));
  }
  // What agents say, and what names files of this computer, is nothing for browsers.
  const access::MethodRule* rule = access::rule_of(request.path);
  if (rule == nullptr || rule->need != access::Need::kRole)
    return refuse({connect::Code::kUnimplemented, "this method is not for browsers"}, call->stream,
                  *answer);
  const Visitor visitor = visitor_of(request);
  const Decision decision = visitors_->decide(visitor, request.path);
  if (decision.answer != Decision::Answer::kAdmit)
    return refuse(failure_of(code_of(decision.answer), decision.why), call->stream, *answer);
  forward(channel_, std::move(*call), {visitors_->authorization(visitor), visitor.peer},
          std::move(answer));
}

http::ServerResponse Gateway::page(const http::ServerRequest& request) {
  if (!goes_by(request.header("host")))
    return refusal(421, "this server does not go by that name",
                   "dashboard_hosts in kilnd.yaml names further ones");
  return app_.page(request);
}

http::ServerResponse Gateway::me(const http::ServerRequest& request) {
  if (const std::string why = foreign(request); !why.empty()) return refusal(403, why);
  const Caller caller = visitors_->who(visitor_of(request));
  const bool signed_in = caller.kind != Caller::Kind::kNobody;
  const bool guests = visitors_->welcomes_guests();
  const nlohmann::ordered_json body = {{"name", caller.name},
                                       {"role", signed_in ? caller.role_word()
                                                : guests  ? "viewer"
                                                          : ""},
                                       {"signed_in", signed_in},
                                       {"viewer_without_sign_in", guests}};
  return {200, kJson, dump(body), page_headers()};
}

http::ServerResponse Gateway::sign_in(const http::ServerRequest& request) {
  if (const std::string why = foreign(request); !why.empty()) return refusal(403, why);
  // A form of another site cannot send this type without asking first.
  if (!request.header("content-type").starts_with(kJson))
    return refusal(415, "a token comes as application/json");
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("token") || !body["token"].is_string())
    return refusal(400, "there is no token in this", R"({"token": "kiln_..."})");
  const auto cookie_value = visitors_->sign_in(body["token"].get<std::string>(), request.peer);
  if (!cookie_value) return refusal(401, cookie_value.error().message, cookie_value.error().hint);
  const Caller caller = visitors_->who({*cookie_value, request.peer});
  http::ServerResponse response{
      200, kJson, dump({{"name", caller.name}, {"role", caller.role_word()}}), page_headers()};
  response.headers.emplace_back("Set-Cookie", cookie(request, *cookie_value, kCookieSeconds));
  return response;
}

http::ServerResponse Gateway::sign_out(const http::ServerRequest& request) {
  if (const std::string why = foreign(request); !why.empty()) return refusal(403, why);
  http::ServerResponse response{200, kJson, "{}\n", page_headers()};
  response.headers.emplace_back("Set-Cookie", cookie(request, "", 0));
  return response;
}

/// The address that `kiln serve` prints: its key becomes the cookie, and leaves the address.
http::ServerResponse Gateway::open(const http::ServerRequest& request) {
  if (const std::string why = foreign(request); !why.empty()) return refusal(403, why);
  if (!visitors_->opens_by_address()) return refusal(404, "there is nothing here");
  const auto key = http::query_value(request.query, "key");
  const auto value = visitors_->sign_in(key.value_or(""), request.peer);
  if (!value) return refusal(403, value.error().message, value.error().hint);
  http::ServerResponse response{303, "text/plain; charset=utf-8", "", page_headers()};
  response.headers.emplace_back("Location", "/");
  response.headers.emplace_back("Set-Cookie", cookie(request, *value, kCookieSeconds));
  return response;
}

}  // namespace kiln::controller
