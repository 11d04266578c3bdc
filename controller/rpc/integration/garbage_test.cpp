/// What is no gRPC at all, or only half of it, on both ports: refused, and nobody else notices.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "controller/rpc/integration/lab_fixture.h"
#include "kiln/v1/access.grpc.pb.h"
#include "lib/os/random.h"
#include "lib/pki/fetch.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;

/// A raw connection to a port of this computer.
class Raw {
 public:
  explicit Raw(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval bound{40, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { ::close(fd_); }
  void send(std::string_view bytes) const {
    (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// The other side has ended it (after whatever it said), before the bound.
  [[nodiscard]] bool closed() const {
    char buffer[4096];
    while (true) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
      if (n < 0) return false;
    }
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// TLS to the users' port with HTTP/2, on which a test says what it likes.
class RawTls {
 public:
  explicit RawTls(int port) : raw_(port) {
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = SSL_new(context_);
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    SSL_set_fd(ssl_, raw_.fd());
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  RawTls(const RawTls&) = delete;
  RawTls& operator=(const RawTls&) = delete;
  ~RawTls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void send(std::string_view bytes) {
    (void)SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  /// The server has ended it, before the bound of the socket's reads.
  bool closed() {
    char buffer[4096];
    int n = 1;
    while (n > 0) n = SSL_read(ssl_, buffer, sizeof buffer);
    return SSL_get_error(ssl_, n) != SSL_ERROR_WANT_READ;
  }

 private:
  Raw raw_;
  SSL_CTX* context_;
  SSL* ssl_;
};

class GarbageTest : public LabFixture {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // SSL_write() to a connection that was ended
    LabFixture::SetUp();
    user_ = users(token("viewer"));
    agent_ = agents(enrolled("rack-1"));
  }
  /// Those who were there before, and those who come now, are served.
  void expect_served() {
    EXPECT_TRUE(who_am_i(user_).status.ok());
    EXPECT_TRUE(who_am_i(users(token("viewer"))).status.ok());
    EXPECT_EQ(fetch(agent_).error_code(), StatusCode::NOT_FOUND);
  }
  Channel user_;
  Channel agent_;
};

TEST_F(GarbageTest, BytesThatAreNoTlsEndTheirConnectionOnly) {
  const std::string noise = os::random_bytes(100'000).value();
  for (const int port : {user_port_, agent_port_}) {
    for (const std::string& bytes :
         {noise, std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("SSH-2.0-x\r\n"),
          std::string(100'000, '\0'), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
      const Raw raw(port);
      raw.send(bytes);
      EXPECT_TRUE(raw.closed());
    }
  }
  expect_served();
}

TEST_F(GarbageTest, WhoSaysNothingOrHalfOfItIsLetGo) {
  const Raw silent(user_port_);
  const Raw half(agent_port_);
  half.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));  // a TLS hello that never ends
  expect_served();
  EXPECT_TRUE(half.closed());
  EXPECT_TRUE(silent.closed());
}

TEST_F(GarbageTest, AControllerThatSaysNothingIsWaitedForInBounds) {
  // Nobody ever takes the connection off the socket.
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 5), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto nothing = pki::fetch_authority(target(ntohs(address.sin_port)),
                                            authority_->fingerprint().value(), Millis(300));
  ::close(silent);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::kTimeout) << render(nothing.error());
}

TEST_F(GarbageTest, NoiseInsideTlsEndsItsConnectionOnly) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const std::string& bytes :
       {os::random_bytes(50'000).value(), preface + os::random_bytes(50'000).value(),
        preface + std::string("\xff\xff\xff\x00\x00\x00\x00\x00\x01", 9)}) {
    RawTls tls(user_port_);
    tls.send(bytes);
    EXPECT_TRUE(tls.closed());
  }
  expect_served();
}

TEST_F(GarbageTest, HalfAMessageAndThenNothingDisturbsNobody) {
  {
    // An HTTP/2 preface, settings, and the head of a headers frame whose rest never comes.
    RawTls tls(user_port_);
    tls.send(std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(3, '\0') +
             std::string("\x04\x00\x00\x00\x00\x00", 6) +
             std::string("\x00\x40\x00\x01\x04\x00\x00\x00\x01\x82", 10));
    expect_served();
  }
  expect_served();
}

TEST_F(GarbageTest, AMessageThatIsTooLargeIsRefused) {
  const Channel admin = users(token("admin"));
  const grpc::Status status = make_token(admin, std::string(20 << 20, 'x'));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  // From who has no right to send anything it is not even read.
  EXPECT_EQ(make_token(users(""), std::string(20 << 20, 'x')).error_code(),
            StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(make_token(admin).ok());
  expect_served();
}

TEST_F(GarbageTest, AHeaderThatIsTooLargeIsRefused) {
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(10'000));
  context.AddMetadata("authorization", "Bearer " + std::string(100'000, 'x'));
  v1::WhoAmIReply reply;
  const grpc::Status status = v1::Access::NewStub(users(""))->WhoAmI(&context, {}, &reply);
  EXPECT_FALSE(status.ok());
  expect_served();
}

TEST_F(GarbageTest, AMessageThatIsNoProtobufIsRefused) {
  const grpc::Status status =
      call(users(token("admin")), "/kiln.v1.Access/CreateToken", std::string(1000, '\xff'));
  EXPECT_FALSE(status.ok());
  expect_served();
}

}  // namespace
}  // namespace kiln::controller
