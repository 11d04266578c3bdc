#include "lib/http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "lib/http/client.h"

namespace kiln::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// A raw connection.
class Wire {
 public:
  explicit Wire(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Wire() { ::close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  Wire(Wire&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), open_(std::exchange(other.open_, false)) {}

  bool send(std::string_view bytes) const {
    return open_ && ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                        static_cast<ssize_t>(bytes.size());
  }
  /// Whatever comes until the other side closes, at most for 20 s.
  std::string rest() const {
    std::string out;
    char buffer[4096];
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, 1000) <= 0) continue;
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return out;
      out.append(buffer, static_cast<size_t>(got));
    }
    ADD_FAILURE() << "still open after 20 s";
    return out;
  }

 private:
  int fd_;
  bool open_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    auto server = Server::start(
        options, {{"GET", "/hello",
                   [](const ServerRequest& request) {
                     return ServerResponse{200, "text/plain", "hello " + request.query + "\n"};
                   }},
                  {"GET", "/long",
                   [](const ServerRequest&) {
                     return ServerResponse{200, "text/plain", kLong};
                   }},
                  {"POST", "/echo", [](const ServerRequest& request) {
                     return ServerResponse{200, "text/plain", request.body};
                   }}});
    ASSERT_TRUE(server) << render(server.error());
    server_ = std::move(*server);
  }
  Response get(const std::string& path, const std::string& method = "GET",
               const std::string& body = "") {
    CurlClient client;
    Request request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    request.body = body;
    auto response = client.send(request);
    EXPECT_TRUE(response) << render(response.error());
    return response.value_or(Response{});
  }
  /// Does it still answer others?
  void expect_served() { EXPECT_EQ(get("/hello?x").body, "hello x\n"); }

  static inline const std::string kLong = std::string(8 << 20, 'y');
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersAndRefuses) {
  start();
  EXPECT_EQ(get("/hello?a=1").body, "hello a=1\n");
  EXPECT_EQ(get("/hello").status, 200);
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/hello/").status, 404);
  EXPECT_EQ(get("/hello", "POST").status, 405);
  EXPECT_EQ(get("/long").body.size(), kLong.size());
}

TEST_F(ServerTest, SpeaksHttp) {
  start();
  Wire wire(server_->port());
  // Two requests on one connection, then a HEAD that ends it.
  ASSERT_TRUE(
      wire.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
                "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string all = wire.rest();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(all, HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(all, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_EQ(all.find("hello \n"), all.rfind("hello \n")) << "HEAD has no body";
}

TEST_F(ServerTest, PathsAreNotNormalised) {
  start();
  Wire wire(server_->port());
  ASSERT_TRUE(wire.send("GET /x/../hello HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(wire.rest(), StartsWith("HTTP/1.0 404"));
}

TEST_F(ServerTest, GarbageIsRefusedAndDisturbsNobody) {
  start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("\0\0\0\r\n\r\n", 7),
        std::string("GET /hello\r\n\r\n"), std::string("GET /a b c HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon here\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nContent-Length: 18446744073709551999\r\n\r\n"),
        std::string("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    Wire wire(server_->port());
    ASSERT_TRUE(wire.send(bytes));
    const std::string answer = wire.rest();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4") || answer.empty()) << answer;
    expect_served();
  }
}

TEST_F(ServerTest, HeadersAndBodiesAreBounded) {
  start();
  Wire long_header(server_->port());
  std::string header = "GET /hello HTTP/1.1\r\n";
  for (int i = 0; i < 2000; ++i)
    header += "X-" + std::to_string(i) + ": " + std::string(50, 'a') + "\r\n";
  (void)long_header.send(header);
  EXPECT_THAT(long_header.rest(), StartsWith("HTTP/1.1 431"));
  Wire endless(server_->port());
  (void)endless.send("GET /" + std::string(100'000, 'a'));
  EXPECT_THAT(endless.rest(), StartsWith("HTTP/1.1 4"));
  Wire body(server_->port());
  (void)body.send("POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789");
  EXPECT_THAT(body.rest(), StartsWith("HTTP/1.1 413"));
  expect_served();
}

TEST_F(ServerTest, ABodyMayBeAllowed) {
  ServerOptions options;
  options.most_body = 10;
  start(options);
  EXPECT_EQ(get("/echo", "POST", "0123456789").body, "0123456789");
  EXPECT_EQ(get("/echo", "POST", "0123456789a").status, 413);
}

TEST_F(ServerTest, SlowAndSilentClientsAreClosed) {
  ServerOptions options;
  options.timeout = Millis(300);
  start(options);
  Wire silent(server_->port());
  Wire half(server_->port());
  ASSERT_TRUE(half.send("GET /hello HTTP/1.1\r\nHo"));
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(half.rest(), "");
  // A byte now and then does not keep it open.
  Wire dripping(server_->port());
  bool open = true;
  for (int i = 0; i < 400 && open; ++i) {
    open = dripping.send("x");
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_FALSE(open);
  expect_served();
}

TEST_F(ServerTest, WhoNeverReadsIsClosed) {
  ServerOptions options;
  options.timeout = Millis(300);
  options.most_connections = 1;
  start(options);
  Wire deaf(server_->port());
  ASSERT_TRUE(deaf.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n"));
  // Its place is free again once its time is over.
  const auto until = std::chrono::steady_clock::now() + 20s;
  std::string answer;
  while (answer.empty() && std::chrono::steady_clock::now() < until) {
    Wire other(server_->port());
    if (other.send("GET /hello HTTP/1.0\r\n\r\n")) answer = other.rest();
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.0 200"));
}

TEST_F(ServerTest, ConnectionsAreBounded) {
  ServerOptions options;
  options.most_connections = 3;
  start(options);
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 3; ++i) {
    wires.push_back(std::make_unique<Wire>(server_->port()));
    ASSERT_TRUE(wires.back()->send("GET /hello HTTP/1.1\r\n"));  // half
  }
  Wire fourth(server_->port());
  (void)fourth.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(fourth.rest(), "");
  wires.clear();
  expect_served();
}

TEST_F(ServerTest, StopIsBounded) {
  start();
  Wire idle(server_->port());
  Wire deaf(server_->port());
  ASSERT_TRUE(deaf.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n"));
  expect_served();
  server_->stop(Millis(50));
  server_->stop(Millis(50));
  EXPECT_EQ(idle.rest(), "");
}

/// Routes whose answers come from elsewhere.
class SlowAnswers : public ServerTest {
 protected:
  void start_slow(ServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.threads = 2;
    const auto keep = [this](const ServerRequest&, AnswerPtr answer) { put(std::move(answer)); };
    auto server = Server::start(
        options, {{"GET", "/hello",
                   [](const ServerRequest& request) {
                     return ServerResponse{200, "text/plain", "hello " + request.query + "\n"};
                   }},
                  {"GET", "/kept/", {}, keep, true},
                  {"GET", "/sleeps", {}, [](const ServerRequest& request, const AnswerPtr& answer) {
                     std::this_thread::sleep_for(300ms);
                     answer->send({200, "text/plain", "slept for " + request.query});
                   }}});
    ASSERT_TRUE(server) << render(server.error());
    server_ = std::move(*server);
  }
  void put(AnswerPtr answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    changed_.notify_all();
  }
  /// The answer that the next request waits for.
  AnswerPtr next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 20s, [this] { return !answers_.empty(); })) {
      ADD_FAILURE() << "no request came within 20 s";
      return nullptr;
    }
    AnswerPtr answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  Wire ask(const std::string& path, const std::string& version = "1.1") const {
    Wire wire(server_->port());
    EXPECT_TRUE(wire.send("GET " + path + " HTTP/" + version + "\r\nHost: x\r\n\r\n"));
    return wire;
  }
  /// Waits for it, at most 20 s.
  static bool comes_true(const std::function<bool()>& what) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!what() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    return what();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<AnswerPtr> answers_;
};

TEST_F(SlowAnswers, OthersAreServedMeanwhile) {
  start_slow();
  const Wire slow = ask("/sleeps?a");
  expect_served();
  Wire last(server_->port());
  ASSERT_TRUE(last.send("GET /sleeps?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(last.rest(), HasSubstr("slept for b"));
}

TEST_F(SlowAnswers, PiecesComeAsTheyAreWritten) {
  start_slow();
  const Wire wire = ask("/kept/x");
  const AnswerPtr answer = next();
  ASSERT_TRUE(answer);
  answer->begin({200, "application/x-pieces", "", {{"X-More", "yes"}}});
  std::promise<bool> first;
  answer->write("one", [&](bool sent) { first.set_value(sent); });
  EXPECT_TRUE(first.get_future().get());
  answer->write("two", nullptr);
  answer->end();
  answer->write("late", nullptr);
  EXPECT_THAT(wire.rest(),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("X-More: yes"), HasSubstr("chunked"),
                    ::testing::EndsWith("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")));
}

TEST_F(SlowAnswers, AClientThatLeavesIsTold) {
  start_slow();
  std::atomic<int> gone{0};
  std::optional<Wire> waits(ask("/kept/whole"));
  const AnswerPtr whole = next();
  whole->on_gone([&] { ++gone; });
  waits.reset();
  EXPECT_TRUE(comes_true([&] { return gone == 1; }));
  std::optional<Wire> reads(ask("/kept/pieces"));
  const AnswerPtr pieces = next();
  pieces->on_gone([&] { ++gone; });
  pieces->begin({200, "text/plain"});
  reads.reset();
  EXPECT_TRUE(comes_true([&] { return gone == 2; }));
  std::atomic<int> written{-1};
  pieces->write("x", [&](bool sent) { written = sent ? 1 : 0; });
  EXPECT_TRUE(comes_true([&] { return written == 0; }));
  pieces->on_gone([&] { ++gone; });
  EXPECT_TRUE(comes_true([&] { return gone == 3; })) << "who asks too late is told, too";
  expect_served();
}

TEST_F(SlowAnswers, ASlowReaderIsDropped) {
  ServerOptions options;
  options.timeout = Millis(300);
  start_slow(options);
  const Wire deaf = ask("/kept/x");
  const AnswerPtr answer = next();
  answer->begin({200, "text/plain"});
  std::atomic<bool> dropped{false};
  std::atomic<int> sent{0};
  std::function<void(bool)> more = [&](bool good) {
    if (!good) {
      dropped = true;
      return;
    }
    ++sent;
    answer->write(std::string(1 << 20, 'x'), more);
  };
  more(true);
  EXPECT_TRUE(comes_true([&] { return dropped.load(); }));
  EXPECT_LT(sent, 64) << "what is not read is not asked for";
  expect_served();
}

TEST_F(SlowAnswers, PiecesWithoutAPauseAreBounded) {
  ServerOptions options;
  options.most_unsent = 4 << 20;
  start_slow(options);
  const Wire deaf = ask("/kept/x");
  const AnswerPtr answer = next();
  answer->begin({200, "text/plain"});
  std::atomic<int> refused{0};
  for (int i = 0; i < 64; ++i)
    answer->write(std::string(1 << 20, 'x'), [&](bool good) { refused += good ? 0 : 1; });
  EXPECT_TRUE(comes_true([&] { return refused > 40; })) << refused;
}

TEST_F(SlowAnswers, ALongSilenceInAStreamIsFine) {
  ServerOptions options;
  options.timeout = Millis(200);
  start_slow(options);
  const Wire wire = ask("/kept/x");
  const AnswerPtr answer = next();
  answer->begin({200, "text/plain"});
  std::this_thread::sleep_for(600ms);
  answer->write("still here", nullptr);
  answer->end();
  EXPECT_THAT(wire.rest(), HasSubstr("still here"));
}

TEST_F(SlowAnswers, AnAnswerThatIsLetGoClosesTheConnection) {
  start_slow();
  const Wire wire = ask("/kept/x");
  next().reset();
  EXPECT_EQ(wire.rest(), "");
  const Wire torn = ask("/kept/x");
  {
    const AnswerPtr answer = next();
    answer->begin({200, "text/plain"});
    answer->write("half", nullptr);
  }
  EXPECT_THAT(torn.rest(), ::testing::Not(HasSubstr("0\r\n\r\n"))) << "it must not look whole";
}

TEST_F(SlowAnswers, RequestsThatWaitAreBounded) {
  ServerOptions options;
  options.most_waiting = 1;
  start_slow(options);
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 12; ++i) {
    wires.push_back(std::make_unique<Wire>(server_->port()));
    ASSERT_TRUE(
        wires.back()->send("GET /sleeps?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  }
  int busy = 0;
  for (const auto& wire : wires) busy += wire->rest().starts_with("HTTP/1.1 503") ? 1 : 0;
  EXPECT_GT(busy, 0);
  EXPECT_LT(busy, 12);
}

TEST_F(SlowAnswers, OldClientsGetNoPieces) {
  start_slow();
  const Wire wire = ask("/kept/x", "1.0");
  next()->begin({200, "text/plain"});
  EXPECT_THAT(wire.rest(), StartsWith("HTTP/1.0 505"));
}

TEST_F(SlowAnswers, StoppingEndsThem) {
  start_slow();
  const Wire whole = ask("/kept/whole");
  const AnswerPtr first = next();
  const Wire pieces = ask("/kept/pieces");
  const AnswerPtr second = next();
  std::atomic<int> gone{0};
  first->on_gone([&] { ++gone; });
  second->on_gone([&] { ++gone; });
  second->begin({200, "text/plain"});
  server_->stop(Millis(50));
  EXPECT_EQ(gone, 2);
  first->send({200, "text/plain", "late"});
  std::atomic<int> written{-1};
  second->write("x", [&](bool sent) { written = sent ? 1 : 0; });
  EXPECT_EQ(written, 0);
}

TEST(ServerRequestTest, AHeaderThatCameTwiceIsNone) {
  ServerRequest request;
  request.headers = {{"host", "a"}, {"origin", "b"}, {"origin", "c"}};
  EXPECT_EQ(request.header("host"), "a");
  EXPECT_EQ(request.header("origin"), "");
  EXPECT_EQ(request.header("cookie"), "");
}

TEST(Loopback, IsThisComputerAlone) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1", "localhost.example.org", "", "1.127.0.0"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(ServerStart, WrongAddressesAreErrors) {
  EXPECT_EQ(Server::start({"nonsense"}, {}).error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(Server::start({"127.0.0.1:"}, {}).error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(Server::start({"127.0.0.1:999999"}, {}).error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(Server::start({"127.0.0.1:74x"}, {}).error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(Server::start({"192.0.2.1:0"}, {}).error().kind, ErrorKind::kInfrastructure);
  const auto first = Server::start({"127.0.0.1:0"}, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(Server::start({"127.0.0.1:" + std::to_string((*first)->port())}, {}).error().kind,
            ErrorKind::kInfrastructure);
}

}  // namespace
}  // namespace kiln::http
