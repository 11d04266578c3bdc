/// The dashboard's port of a whole controller, as browsers and as strangers use it: real HTTP, real
/// tokens, real services behind it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <httplib.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "controller/app/controller.h"
#include "kiln/v1/access.grpc.pb.h"
#include "lib/connect/connect.h"
#include "lib/pki/authority.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class DashboardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pki::Authority::create(temp_.path() / "data/pki", "Test lab",
                                       {"localhost", "127.0.0.1"}, SystemClock().now()));
    ASSERT_TRUE(os::make_dirs(temp_.path() / "app/assets"));
    ASSERT_TRUE(os::write_atomic(temp_.path() / "app/index.html", "<!doctype html>the app\n"));
    ASSERT_TRUE(os::write_atomic(temp_.path() / "app/assets/main-1a2b.js",
                                 std::string(5000, ' ') + "let a = 1;\n"));
    ASSERT_TRUE(os::write_atomic(temp_.path() / "secret", "what nobody may read"));
  }
  void start(bool guests = false, const std::string& address = "127.0.0.1:0") {
    ControllerOptions options = base_options();
    options.serves_a_lab = true;
    options.dashboard.listen = address;
    options.dashboard.guests = guests;
    options.dashboard.hosts = {"kiln.example.org"};
    open(options);
  }
  ControllerOptions base_options() {
    ControllerOptions options;
    options.data_dir = temp_.path() / "data";
    options.ccache_dir = temp_.path() / "ccache";
    options.dashboard.app = temp_.path() / "app";
    return options;
  }
  void open(const ControllerOptions& options) {
    auto opened = Controller::open(options);
    ASSERT_TRUE(opened) << render(opened.error());
    controller_ = std::move(*opened);
    ASSERT_GT(controller_->dashboard_port(), 0);
  }

  /// A new token, made by the data folder's socket.
  std::string token(const std::string& role, v1::CreateTokenReply* made = nullptr) {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(10'000));
    v1::CreateTokenRequest request;
    request.set_user("anna");
    request.set_role(role);
    v1::CreateTokenReply reply;
    const auto stub = v1::Access::NewStub(rpc::make_channel(controller_->target()));
    EXPECT_TRUE(stub->CreateToken(&context, request, &reply).ok());
    if (made != nullptr) *made = reply;
    return reply.token();
  }

  [[nodiscard]] httplib::Client client() const {
    httplib::Client client("127.0.0.1", controller_->dashboard_port());
    client.set_read_timeout(20);
    client.set_keep_alive(false);
    return client;
  }
  [[nodiscard]] std::string origin() const {
    return fmt::format("http://127.0.0.1:{}", controller_->dashboard_port());
  }
  /// The headers that the app's own page sends.
  [[nodiscard]] httplib::Headers page(const std::string& token = "") const {
    httplib::Headers headers = {{"Origin", origin()}, {"Sec-Fetch-Site", "same-origin"}};
    if (!token.empty())
      headers.emplace("Cookie", fmt::format("kiln_{}={}", controller_->dashboard_port(), token));
    return headers;
  }
  /// The status of a call, and its answer.
  struct Answer {
    int status = 0;
    json body;
    std::string code() const { return body.value("code", ""); }
  };
  Answer call(const std::string& method, const httplib::Headers& headers,
              const std::string& body = "{}", const std::string& type = "application/json") {
    const auto response = client().Post("/kiln.v1." + method, headers, body, type);
    EXPECT_TRUE(response) << method;
    if (!response) return {};
    return {response->status, json::parse(response->body, nullptr, false)};
  }

  os::TempFolder temp_ = std::move(*os::TempFolder::make("/tmp", "dashboard-test"));
  std::unique_ptr<Controller> controller_;
};

TEST_F(DashboardTest, ATokenSignsInAndItsRoleDecides) {
  start();
  EXPECT_EQ(call("Lab/ListRuns", page()).status, 401);
  EXPECT_EQ(call("Lab/ListRuns", page()).code(), "unauthenticated");
  const auto before = client().Get("/auth/me", page());
  ASSERT_TRUE(before);
  EXPECT_EQ(before->body,
            "{\"name\":\"\",\"role\":\"\",\"signed_in\":false,\"viewer_without_sign_in\":false}\n");
  const std::string secret = token("viewer");
  const auto signed_in =
      client().Post("/auth/sign-in", page(), json({{"token", secret}}).dump(), "application/json");
  ASSERT_TRUE(signed_in);
  EXPECT_EQ(signed_in->status, 200) << signed_in->body;
  const std::string cookie = signed_in->get_header_value("Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("HttpOnly"));
  EXPECT_THAT(cookie, HasSubstr("SameSite=Strict"));
  EXPECT_THAT(cookie, Not(HasSubstr("Secure"))) << "this computer's browser speaks plain HTTP";
  httplib::Headers headers = page();
  headers.emplace("Cookie", "other=1; " + cookie.substr(0, cookie.find(';')));
  const Answer runs = call("Lab/ListRuns", headers);
  EXPECT_EQ(runs.status, 200);
  EXPECT_EQ(runs.body, json::object());
  EXPECT_EQ(json::parse(client().Get("/auth/me", headers)->body)["role"], "viewer");
  const Answer who = call("Access/WhoAmI", headers);
  EXPECT_EQ(who.body["user"], "anna");
  const Answer refused = call("Machines/SetIntent", headers, R"({"machine":"a"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body["message"].get<std::string>(), HasSubstr("needs the role keeper"));
  EXPECT_THAT(refused.body["details"][0]["debug"]["hint"].get<std::string>(), HasSubstr("admin"));
  const auto out = client().Post("/auth/sign-out", headers, "{}", "application/json");
  EXPECT_THAT(out->get_header_value("Set-Cookie"), HasSubstr("Max-Age=0"));
}

TEST_F(DashboardTest, ErrorsOfServicesComeAsTheyAre) {
  start();
  const httplib::Headers headers = page(token("admin"));
  const Answer missing = call("Lab/GetReport", headers, R"({"runId":412})");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.code(), "not_found");
  EXPECT_THAT(missing.body["message"].get<std::string>(), HasSubstr("412"));
  EXPECT_EQ(call("Logs/ReadLog", headers, R"({"sessionId":7,"what":"console"})").status, 404);
  EXPECT_EQ(
      call("Logs/SearchLog", headers, R"({"sessionId":7,"expression":true,"text":"("})").status,
      400);
  EXPECT_EQ(call("Lab/None", headers).status, 501);
  EXPECT_EQ(call("AgentLink/FetchArtifact", headers, std::string("\0\0\0\0\2{}", 7),
                 "application/connect+json")
                .status,
            200)
      << "a stream's failure is in its envelope";
  EXPECT_EQ(call("Enrolment/Enrol", headers, R"({"code":"x"})").status, 501);
  EXPECT_EQ(call("Lab/StartRun", headers, R"({"jobFile":"/etc/passwd"})").status, 501);
  httplib::Headers hurried = headers;
  hurried.emplace("Connect-Timeout-Ms", "0");
  EXPECT_EQ(call("Lab/ListRuns", hurried).code(), "deadline_exceeded");
}

TEST_F(DashboardTest, RevokedAndWrongTokensEndAtOnce) {
  start();
  v1::CreateTokenReply made;
  const std::string secret = token("viewer", &made);
  EXPECT_EQ(call("Lab/ListRuns", page(secret)).status, 200);
  const Answer revoked =
      call("Access/RevokeToken", page(token("admin")), json({{"id", made.stored().id()}}).dump());
  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_EQ(call("Lab/ListRuns", page(secret)).status, 401);
  for (const std::string& wrong : {secret.substr(0, secret.size() - 1) + "x", std::string("x"),
                                   std::string(4000, 'k'), std::string("kiln_a_b")}) {
    EXPECT_EQ(call("Lab/ListRuns", page(wrong)).status, 401) << wrong;
    const auto in =
        client().Post("/auth/sign-in", page(),
                      json({{"token", wrong}}).dump(-1, ' ', false, json::error_handler_t::replace),
                      "application/json");
    ASSERT_TRUE(in);
    EXPECT_EQ(in->status, 401);
    EXPECT_FALSE(in->has_header("Set-Cookie"));
  }
  // The audit knows, by name where it is sure, and where it came from.
  const Answer audit = call("Access/ListAudit", page(token("admin")), R"({"outcome":"refused"})");
  ASSERT_EQ(audit.status, 200);
  EXPECT_THAT(audit.body.dump(), AnyOf(HasSubstr("127.0.0.1:"), HasSubstr("entries")));
  EXPECT_THAT(audit.body.dump(), Not(HasSubstr(secret)));
}

TEST_F(DashboardTest, ChangesAreInTheAuditUnderTheirUser) {
  start();
  const httplib::Headers headers = page(token("admin"));
  EXPECT_EQ(call("Access/CreateToken", headers, R"({"user":"bob","role":"viewer"})").status, 200);
  std::string seen;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (seen.find("\"who\":\"anna\"") == std::string::npos &&
         std::chrono::steady_clock::now() < until)
    seen = call("Access/ListAudit", headers).body.dump();
  EXPECT_THAT(seen, HasSubstr("\"who\":\"anna\""));
  EXPECT_THAT(seen, HasSubstr("\"peer\":\"127.0.0.1:"));
}

TEST_F(DashboardTest, OtherSitesGetNothing) {
  start(true);
  const std::string secret = token("admin");
  const std::string cookie = fmt::format("kiln_{}={}", controller_->dashboard_port(), secret);
  for (const httplib::Headers& foreign :
       {httplib::Headers{{"Origin", "http://evil.example"}},
        {{"Origin", "null"}},
        {{"Origin", "http://127.0.0.1:1"}},
        {{"Origin", origin()}, {"Sec-Fetch-Site", "cross-site"}},
        {{"Sec-Fetch-Site", "same-site"}},
        {{"Host", "evil.example"}},
        {{"Host", fmt::format("evil.example:{}", controller_->dashboard_port())}},
        {{"Host", "127.0.0.1.evil.example"}},
        {{"Host", ""}},
        {{"Origin", origin()}, {"Origin", origin()}}}) {
    httplib::Headers headers = foreign;
    headers.emplace("Cookie", cookie);
    EXPECT_EQ(call("Lab/ListRuns", headers).status, 403);
    EXPECT_EQ(client().Post("/auth/sign-in", headers, "{}", "application/json")->status, 403);
    EXPECT_EQ(client().Get("/auth/me", headers)->status, 403);
  }
  // A foreign form: no type that needs a question first.
  httplib::Headers own = page(secret);
  EXPECT_EQ(client().Post("/kiln.v1.Lab/CancelRun", own, "{\"runId\":1}", "text/plain")->status,
            415);
  EXPECT_EQ(
      client().Post("/auth/sign-in", own, json({{"token", secret}}).dump(), "text/plain")->status,
      415);
  EXPECT_EQ(
      client().Get("/kiln.v1.Lab/CancelRun?connect=v1&encoding=json&message=%7B%7D", own)->status,
      405);
  // A proxy's name is known; browsers speak TLS to it.
  httplib::Headers proxied = {{"Host", "kiln.example.org"}, {"Origin", "https://kiln.example.org"}};
  const auto in =
      client().Post("/auth/sign-in", proxied, json({{"token", secret}}).dump(), "application/json");
  EXPECT_EQ(in->status, 200);
  EXPECT_THAT(in->get_header_value("Set-Cookie"), HasSubstr("; Secure"));
}

TEST_F(DashboardTest, GuestsLookAndDoNothing) {
  start(true);
  const json me = json::parse(client().Get("/auth/me", page())->body);
  EXPECT_EQ(me["role"], "viewer");
  EXPECT_EQ(me["signed_in"], false);
  EXPECT_EQ(call("Lab/ListRuns", page()).status, 200);
  EXPECT_EQ(call("Machines/ListMachines", page()).status, 200);
  EXPECT_EQ(call("Lab/CancelRun", page(), R"({"runId":1})").code(), "unauthenticated");
  EXPECT_EQ(call("Access/ListAudit", page()).code(), "unauthenticated");
  EXPECT_EQ(call("Lab/ListRuns", page("kiln_x_y")).status, 401) << "a bad token is no guest's";
}

TEST_F(DashboardTest, TheAppsFiles) {
  start();
  const auto index = client().Get("/");
  ASSERT_TRUE(index);
  EXPECT_EQ(index->body, "<!doctype html>the app\n");
  EXPECT_EQ(index->get_header_value("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(index->get_header_value("Cache-Control"), "no-cache");
  const std::string policy = index->get_header_value("Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(index->get_header_value("X-Content-Type-Options"), "nosniff");
  for (const char* route :
       {"/run/412", "/test/gem_pread@unaligned", "/session/9/console", "/review"})
    EXPECT_EQ(client().Get(route)->body, index->body) << route;
  const auto script = client().Get("/assets/main-1a2b.js");
  EXPECT_THAT(script->get_header_value("Cache-Control"), HasSubstr("immutable"));
  const auto packed = client().Get("/assets/main-1a2b.js", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  const std::string etag = script->get_header_value("ETag");
  const auto same = client().Get("/assets/main-1a2b.js", {{"If-None-Match", etag}});
  EXPECT_EQ(same->status, 304);
  EXPECT_EQ(same->body, "");
  EXPECT_NE(packed->get_header_value("ETag"), etag);
  EXPECT_EQ(client().Get("/", {{"Host", "evil.example"}})->status, 421);
}

TEST_F(DashboardTest, NothingBesideTheAppIsRead) {
  start();
  for (const char* path :
       {"/../secret", "/assets/../../secret", "/assets/..%2f..%2fsecret", "/%2e%2e/secret",
        "//etc/passwd", "/assets/%00", "/assets/", "/assets/x.js", "/secret.txt"}) {
    const auto response = client().Get(path);
    ASSERT_TRUE(response) << path;
    EXPECT_THAT(response->body, Not(HasSubstr("nobody may read"))) << path;
    EXPECT_THAT(response->body, Not(HasSubstr("root:"))) << path;
    EXPECT_THAT(response->status, AnyOf(200, 400, 404)) << path;
  }
}

TEST_F(DashboardTest, AnAppThatIsNotBuiltSaysSoAndMayComeLater) {
  ASSERT_TRUE(os::remove_tree(temp_.path() / "app"));
  start();
  const auto missing = client().Get("/run/1");
  EXPECT_THAT(missing->body, HasSubstr("cmake --build"));
  EXPECT_TRUE(missing->has_header("Content-Security-Policy"));
  ASSERT_TRUE(os::make_dirs(temp_.path() / "app"));
  ASSERT_TRUE(os::write_atomic(temp_.path() / "app/index.html", "built\n"));
  std::string body;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (body != "built\n" && std::chrono::steady_clock::now() < until)
    body = client().Get("/")->body;
  EXPECT_EQ(body, "built\n");
}

TEST_F(DashboardTest, LongAndTornRequestsAreRefused) {
  start();
  const httplib::Headers headers = page(token("viewer"));
  EXPECT_EQ(call("Lab/ListRuns", headers, std::string(3 << 20, 'x')).status, 413);
  EXPECT_EQ(call("Lab/ListRuns", headers, std::string(1 << 20, '[')).status, 400);
  EXPECT_EQ(call("Lab/ListRuns", headers, "{\"limit\":").status, 400);
  for (const std::string& torn :
       {std::string("{}"), std::string("\0\0\0\0\xff{}", 7), std::string("\1\0\0\0\2{}", 7)}) {
    const auto response =
        client().Post("/kiln.v1.Live/Watch", headers, torn, "application/connect+json");
    EXPECT_EQ(response->status, 200);
    EXPECT_THAT(response->body, HasSubstr("invalid_argument"));
  }
  EXPECT_EQ(call("Lab/ListRuns", headers).status, 200) << "it still serves";
}

/// The messages of a stream, until `enough`.
class Stream {
 public:
  Stream(httplib::Client client, const httplib::Headers& headers, const std::string& body = "{}")
      : client_(std::move(client)) {
    client_.set_read_timeout(60);
    thread_ = std::thread([this, headers, body] {
      httplib::Request request;
      request.method = "POST";
      request.path = "/kiln.v1.Live/Watch";
      request.headers = headers;
      request.headers.emplace("Content-Type", "application/connect+json");
      request.body = connect::envelope(body);
      request.content_receiver = [this](const char* data, size_t size, uint64_t, uint64_t) {
        const std::lock_guard lock(mutex_);
        bytes_.append(data, size);
        return !stop_;
      };
      (void)client_.send(request);
      ended_ = true;
    });
  }
  ~Stream() {
    stop_ = true;
    client_.stop();
    thread_.join();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool has(const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
      {
        const std::lock_guard lock(mutex_);
        if (bytes_.find(text) != std::string::npos) return true;
      }
      std::this_thread::sleep_for(5ms);
    }
    const std::lock_guard lock(mutex_);
    ADD_FAILURE() << "only this came: " << bytes_;
    return false;
  }
  bool ended() {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!ended_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    return ended_;
  }
  std::string bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  httplib::Client client_;
  std::mutex mutex_;
  std::string bytes_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

TEST_F(DashboardTest, WhatHappensIsSeen) {
  start();
  const std::string secret = token("admin");
  Stream stream(client(), page(secret));
  ASSERT_TRUE(stream.has("\"kind\":\"hello\""));
  EXPECT_EQ(call("Access/CreateToken", page(secret), R"({"user":"bob","role":"viewer"})").status,
            200);
  EXPECT_TRUE(stream.has("\"kind\":\"access\""));
  // A number of an earlier life, or of one to come: all has to be looked at again.
  Stream behind(client(), page(secret), R"({"fromSeq":1})");
  EXPECT_TRUE(behind.has("resync"));
}

TEST_F(DashboardTest, AStreamEndsWithItsToken) {
  start();
  v1::CreateTokenReply made;
  const std::string secret = token("viewer", &made);
  Stream stream(client(), page(secret));
  ASSERT_TRUE(stream.has("hello"));
  EXPECT_EQ(
      call("Access/RevokeToken", page(token("admin")), json({{"id", made.stored().id()}}).dump())
          .status,
      200);
  EXPECT_TRUE(stream.ended());
  EXPECT_THAT(stream.bytes(), HasSubstr("unauthenticated"));
}

TEST_F(DashboardTest, ManyWindowsAndOneThatNeverReads) {
  start(true);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 50; ++i) streams.push_back(std::make_unique<Stream>(client(), page()));
  for (const auto& stream : streams) ASSERT_TRUE(stream->has("hello"));
  EXPECT_EQ(
      call("Access/CreateToken", page(token("admin")), R"({"user":"bob","role":"viewer"})").status,
      200);
  for (const auto& stream : streams) EXPECT_TRUE(stream->has("\"access\""));
  streams.resize(25);  // half of the windows are closed
  EXPECT_EQ(call("Lab/ListRuns", page()).status, 200);
}

TEST_F(DashboardTest, StoppingEndsStreamsSoon) {
  start(true);
  Stream stream(client(), page());
  ASSERT_TRUE(stream.has("hello"));
  controller_->stop();
  EXPECT_TRUE(stream.ended());
}

TEST_F(DashboardTest, WithoutACertificateOnlyThisComputerIsListenedTo) {
  ControllerOptions options = base_options();
  options.serves_a_lab = true;
  options.dashboard.listen = "nonsense";
  EXPECT_EQ(Controller::open(options).error().kind, ErrorKind::kBadInput);
  ASSERT_TRUE(os::remove_tree(temp_.path() / "data/pki"));
  options.serves_a_lab = false;
  options.dashboard.key = std::string(64, 'a');
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
    options.dashboard.listen = address;
    const auto opened = Controller::open(options);
    ASSERT_FALSE(opened) << address;
    EXPECT_EQ(opened.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(opened.error().message, HasSubstr("in the clear"));
  }
}

TEST_F(DashboardTest, ALabHasACertificateForOtherAddresses) {
  ControllerOptions options = base_options();
  options.serves_a_lab = true;
  options.dashboard.listen = "192.0.2.1:0";  // nobody's: it is not refused, only not to be had
  const auto opened = Controller::open(options);
  ASSERT_TRUE(opened) << render(opened.error());
  EXPECT_EQ((*opened)->dashboard_port(), 0);
}

TEST_F(DashboardTest, WithACertificateItSpeaksTls) {
  ControllerOptions options = base_options();
  options.serves_a_lab = true;
  options.dashboard.listen = "127.0.0.1:0";
  options.dashboard.certificate = temp_.path() / "data/pki/server.pem";
  open(options);
  const int port = controller_->dashboard_port();
  const auto tls = [&](const std::string& host) {
    httplib::SSLClient client(host, port);
    client.set_ca_cert_path((temp_.path() / "data/pki/ca.crt").c_str());
    client.enable_server_certificate_verification(true);
    client.set_read_timeout(20);
    client.set_keep_alive(false);
    return client.Get("/auth/me");
  };
  const auto me = tls("localhost");
  ASSERT_TRUE(me) << httplib::to_string(me.error());
  EXPECT_EQ(me->status, 200) << me->body;
  EXPECT_FALSE(client().Get("/auth/me")) << "plain HTTP gets no answer";

  httplib::SSLClient client("127.0.0.1", port);
  client.set_ca_cert_path((temp_.path() / "data/pki/ca.crt").c_str());
  client.enable_server_certificate_verification(true);
  client.set_keep_alive(true);
  client.set_read_timeout(20);
  const httplib::Headers headers = {{"Origin", fmt::format("https://127.0.0.1:{}", port)}};
  const auto signed_in = client.Post("/auth/sign-in", headers,
                                     json({{"token", token("viewer")}}).dump(), "application/json");
  ASSERT_TRUE(signed_in) << httplib::to_string(signed_in.error());
  ASSERT_EQ(signed_in->status, 200) << signed_in->body;
  const std::string cookie = signed_in->get_header_value("Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("Secure"));
  const httplib::Headers known = {{"Cookie", cookie.substr(0, cookie.find(';'))}};
  for (int i = 0; i < 3; ++i) {
    const auto runs = client.Post("/kiln.v1.Lab/ListRuns", known, "{}", "application/json");
    ASSERT_TRUE(runs) << httplib::to_string(runs.error());
    EXPECT_EQ(runs->status, 200) << runs->body;
  }
  const auto foreign = client.Get("/auth/me", {{"Host", "evil.example.org"}});
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->status, 403);
  // A stream's answers come piece by piece.
  std::string bytes;
  httplib::Request watch;
  watch.method = "POST";
  watch.path = "/kiln.v1.Live/Watch";
  watch.headers = known;
  watch.headers.emplace("Content-Type", "application/connect+json");
  watch.body = std::string("\0\0\0\0\2{}", 7);
  watch.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    bytes.append(data, size);
    return bytes.find("hello") == std::string::npos;
  };
  (void)client.send(watch);
  EXPECT_THAT(bytes, HasSubstr("hello"));

  // A certificate that is renewed is taken without a restart.
  auto authority = pki::Authority::open(temp_.path() / "data/pki");
  ASSERT_TRUE(authority);
  ASSERT_TRUE(authority->set_hosts({"127.0.0.1"}, SystemClock().now()));
  bool renewed = false;
  for (int i = 0; i < 100 && !renewed; ++i) {
    renewed = !tls("localhost");
    if (!renewed) std::this_thread::sleep_for(100ms);
  }
  EXPECT_TRUE(renewed) << "the new one has no such name";
  EXPECT_TRUE(tls("127.0.0.1"));
}

TEST_F(DashboardTest, ADataFolderIsOpenedByItsKey) {
  ASSERT_TRUE(os::remove_tree(temp_.path() / "data/pki"));
  ControllerOptions options = base_options();
  options.dashboard.listen = "127.0.0.1:0";
  options.dashboard.key = std::string(64, 'a');
  open(options);
  EXPECT_EQ(call("Lab/ListRuns", page()).status, 401);
  EXPECT_EQ(client().Get("/auth/open?key=b")->status, 403);
  EXPECT_EQ(client().Get("/auth/open")->status, 403);
  const auto opened = client().Get("/auth/open?key=" + options.dashboard.key);
  EXPECT_EQ(opened->status, 303);
  EXPECT_EQ(opened->get_header_value("Location"), "/");
  EXPECT_THAT(opened->get_header_value("Set-Cookie"), HasSubstr("HttpOnly"));
  EXPECT_EQ(call("Lab/ListRuns", page(options.dashboard.key)).status, 200);
  EXPECT_EQ(json::parse(client().Get("/auth/me", page(options.dashboard.key))->body)["role"],
            "admin");
  Stream stream(client(), page(options.dashboard.key));
  EXPECT_TRUE(stream.has("hello"));
}

}  // namespace
}  // namespace kiln::controller
