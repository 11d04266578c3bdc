/// Against a controller in this process, over real gRPC on a unix socket.
#include "agent/link/tunnels.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "agent/machine/fake_machine.h"
#include "agent/ssh/testing.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/status.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

/// The other end: keeps what comes, and sends what the test says.
class FakeController final : public v1::AgentLink::Service {
 public:
  struct Seen {
    v1::TunnelFromAgent first;
    bool has_first = false;
    std::string data;
    bool ended = false;
    std::string why;
    std::string to_send;
    bool leave = false;
  };
  Sync<Seen> seen;

  grpc::Status Tunnel(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::TunnelToAgent, v1::TunnelFromAgent>* stream) override {
    v1::TunnelFromAgent message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    {
      auto s = seen.lock();
      s->first = message;
      s->has_first = true;
      s.notify_all();
    }
    std::jthread writer([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        v1::TunnelToAgent bytes;
        auto s = seen.lock();
        s.wait_until(std::chrono::steady_clock::now() + Millis(50),
                     [&] { return !s->to_send.empty() || s->leave; });
        if (s->leave) return context->TryCancel();
        bytes.set_data(std::exchange(s->to_send, {}));
        if (!bytes.data().empty()) stream->Write(bytes);
      }
    });
    while (stream->Read(&message)) {
      auto s = seen.lock();
      s->data += message.data();
      if (message.ended()) s->why = message.why();
      s.notify_all();
    }
    writer.request_stop();
    auto s = seen.lock();
    s->ended = true;
    s.notify_all();
    return grpc::Status::OK;
  }
};

class TunnelsTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir("/tmp", "kiln-tunnels-");
    const std::string target = "unix:" + (dir_ / "sock").string();
    grpc::ServerBuilder builder;
    rpc::configure(builder);
    builder.AddListeningPort(target, grpc::InsecureServerCredentials());
    builder.RegisterService(&controller_);
    server_ = builder.BuildAndStart();
    ASSERT_TRUE(server_);
    auto fake = std::make_unique<FakeMachine>();
    fake_ = fake.get();
    fake_->answer = [](const ShellRequest&, std::stop_token) {
      ShellReply reply;
      reply.exit_code = 0;
      return reply;
    };
    machine_ = std::make_unique<TappedMachine>(std::move(fake));
    tunnels_ = std::make_unique<Tunnels>(
        rpc::make_channel(target),
        [this](const std::string& name) { return name == "fake-1" ? machine_.get() : nullptr; });
  }
  void TearDown() override {
    tunnels_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
    (void)os::remove_tree(dir_);
  }
  void open(const std::string& kind, const std::string& machine = "fake-1",
            const std::string& key = "ssh-ed25519 AAAA+/= a person") {
    v1::OpenAgentTunnel order;
    order.set_tunnel_id("secret");
    order.set_machine(machine);
    order.set_kind(kind);
    order.set_ssh_key(key);
    tunnels_->open(order);
    ASSERT_TRUE(seen([](const auto& s) { return s.has_first; }));
  }
  template <typename Predicate>
  bool seen(Predicate ready) {
    auto s = controller_.seen.lock();
    return s.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                        [&] { return ready(*s); });
  }
  v1::TunnelFromAgent first() { return controller_.seen.lock()->first; }
  void send(const std::string& bytes) {
    auto s = controller_.seen.lock();
    s->to_send += bytes;
    s.notify_all();
  }

  os::Path dir_;
  FakeController controller_;
  std::unique_ptr<grpc::Server> server_;
  FakeMachine* fake_ = nullptr;
  std::unique_ptr<TappedMachine> machine_;
  std::unique_ptr<Tunnels> tunnels_;
};

TEST_F(TunnelsTest, AConsoleIsHeardAndTypedToBesideASession) {
  std::string session;
  machine_->console().attach([&](std::string_view bytes) { session += bytes; });
  fake_->say("said before\n");
  open("console");
  EXPECT_EQ(first().tunnel_id(), "secret");
  EXPECT_FALSE(first().ended());
  fake_->say("login: ");
  EXPECT_TRUE(seen([](const auto& s) { return s.data == "said before\nlogin: "; }));
  send("root\n");
  for (int i = 0; i < 500 && fake_->typed() != "root\n"; ++i)
    std::this_thread::sleep_for(Millis(10));
  EXPECT_EQ(fake_->typed(), "root\n");
  machine_->console().attach({});
  EXPECT_EQ(session, "said before\nlogin: ") << "the session hears all of it, too";
  fake_->say("between sessions\n");
  EXPECT_TRUE(seen([](const auto& s) { return s.data.ends_with("between sessions\n"); }));
}

TEST_F(TunnelsTest, SshLetsTheKeyInAndCarriesBytesBothWays) {
  Listener listener;
  ASSERT_TRUE(os::write_atomic(dir_ / "host.pub", "ssh-ed25519 HOST\n"));
  fake_->ssh.port = listener.port;
  fake_->ssh.host_key_file = (dir_ / "host.pub").string();
  ASSERT_TRUE(machine_->power().on());
  open("ssh");
  EXPECT_EQ(first().host_key(), "ssh-ed25519 HOST");
  ASSERT_FALSE(fake_->log().empty());
  EXPECT_THAT(fake_->log().back(), HasSubstr("'ssh-ed25519 AAAA+/='")) << "without its comment";
  const int machine = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  ASSERT_GE(machine, 0);
  ASSERT_EQ(::write(machine, "SSH-2.0-x\r\n", 11), 11);
  EXPECT_TRUE(seen([](const auto& s) { return s.data == "SSH-2.0-x\r\n"; }));
  send("SSH-2.0-y\r\n");
  std::string got(11, ' ');
  ASSERT_EQ(::read(machine, got.data(), got.size()), 11);
  EXPECT_EQ(got, "SSH-2.0-y\r\n");
  ::close(machine);
  EXPECT_TRUE(seen([](const auto& s) { return s.why == "the machine has closed the connection"; }));
}

TEST_F(TunnelsTest, WhatCannotBeOpenedSaysWhy) {
  open("ssh");
  EXPECT_TRUE(first().ended());
  EXPECT_EQ(first().why(), "never switched on");
}

TEST_F(TunnelsTest, AnotherAgentsMachineIsRefused) {
  open("console", "other");
  EXPECT_TRUE(first().ended());
  EXPECT_EQ(first().why(), "its agent has no machine other");
}

TEST_F(TunnelsTest, AControllerThatLeavesEndsIt) {
  open("console");
  auto s = controller_.seen.lock();
  s->leave = true;
  s.notify_all();
  EXPECT_TRUE(s.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                           [&] { return s->ended; }));
}

TEST(SshKey, OnlyAKeyIsWrittenOnAMachine) {
  EXPECT_EQ(*checked_ssh_key("ssh-ed25519 AAAAC3Nz+/= me@here\n"), "ssh-ed25519 AAAAC3Nz+/=");
  EXPECT_EQ(*checked_ssh_key("sk-ssh-ed25519@openssh.com AAAA"), "sk-ssh-ed25519@openssh.com AAAA");
  for (const char* wrong :
       {"", "ssh-ed25519", "ssh-ed25519 AAAA'; reboot; '", "a\nb c", "ssh-ed25519 $(reboot)",
        "command=\"x\" ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"})
    EXPECT_FALSE(checked_ssh_key(wrong)) << wrong;
}

}  // namespace
}  // namespace kiln::agent
