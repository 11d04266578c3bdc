/// Against a controller in this process, over real gRPC on a unix socket.
#include "agent/link/link.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "agent/link/convert.h"
#include "lib/os/files.h"
#include "lib/rpc/status.h"

namespace kiln::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// Blocks until `ready`, a minute at most: a bound for a defect, not a wait.
template <typename T, typename Predicate>
bool eventually(Sync<T>& data, Predicate ready) {
  auto locked = data.lock();
  return locked.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                           [&] { return ready(*locked); });
}

/// Acknowledges ends when told to; keeps what it got.
class FakeController final : public v1::AgentLink::Service {
 public:
  struct Seen {
    int connections = 0;
    std::vector<v1::Hello> hellos;
    std::vector<v1::SessionDone> done;
    std::vector<v1::MachineInfo> machines;  ///< told after the hello
    std::vector<std::string> events;
    std::map<std::string, std::string> put;
    int fetches = 0;
    bool acknowledge = true;
    int corrupt = 0;        ///< so many fetches arrive damaged
    int breaks_after = -1;  ///< chunks; once
    std::vector<int64_t> offsets;
    int asked = 0;
    size_t received = 0;  ///< bytes of artifacts
    bool close_after_done = false;
    std::vector<v1::ToAgent> to_send;           ///< after welcome
    std::vector<v1::ToAgent> after_first_done;  ///< when the first end has arrived
  };
  Sync<Seen> seen;
  std::map<std::string, std::string> artifacts;
  std::map<std::string, std::string> parts;  ///< what came of one, before

  grpc::Status Connect(grpc::ServerContext*,
                       grpc::ServerReaderWriter<v1::ToAgent, v1::FromAgent>* stream) override {
    v1::FromAgent message;
    if (!stream->Read(&message) || !message.has_hello())
      return {grpc::StatusCode::FAILED_PRECONDITION, "hello comes first"};
    std::vector<v1::ToAgent> orders;
    {
      auto s = seen.lock();
      ++s->connections;
      s->hellos.push_back(message.hello());
      orders = s->to_send;
      s.notify_all();
    }
    v1::ToAgent welcome;
    welcome.mutable_welcome()->set_controller_version("test");
    stream->Write(welcome);
    for (const v1::ToAgent& order : orders) stream->Write(order);
    while (stream->Read(&message)) {
      v1::ToAgent ack;
      bool acknowledge = false;
      bool close = false;
      std::vector<v1::ToAgent> answers;
      {
        auto s = seen.lock();
        if (message.has_machine_info()) s->machines.push_back(message.machine_info());
        if (message.has_event()) s->events.push_back(message.event().text());
        if (message.has_done()) {
          s->done.push_back(message.done());
          if (s->done.size() == 1) answers = s->after_first_done;
          acknowledge = s->acknowledge;
          close = s->close_after_done;
          ack.mutable_ack()->set_session_id(message.done().session().id());
        }
        s.notify_all();
      }
      if (acknowledge) stream->Write(ack);
      for (const v1::ToAgent& answer : answers) stream->Write(answer);
      if (close) return grpc::Status::OK;
    }
    return grpc::Status::OK;
  }

  grpc::Status FetchArtifact(grpc::ServerContext*, const v1::FetchArtifactRequest* request,
                             grpc::ServerWriter<v1::Chunk>* writer) override {
    const auto found = artifacts.find(request->digest());
    if (found == artifacts.end())
      return rpc::to_grpc(Error(ErrorKind::kNotFound, "no artifact " + request->digest()));
    std::string bytes = found->second;
    {
      auto s = seen.lock();
      ++s->fetches;
      s->offsets.push_back(request->offset());
      if (s->corrupt-- > 0) bytes.back() ^= 1;
    }
    const auto begin = static_cast<size_t>(request->offset());
    if (begin > bytes.size()) return {grpc::StatusCode::OUT_OF_RANGE, "beyond the end"};
    for (size_t at = begin; at < bytes.size(); at += 1000) {
      if (seen.lock()->breaks_after-- == 0) return {grpc::StatusCode::UNAVAILABLE, "cut"};
      v1::Chunk chunk;
      chunk.set_data(bytes.substr(at, 1000));
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  grpc::Status AskArtifact(grpc::ServerContext*, const v1::AskArtifactRequest* request,
                           v1::AskArtifactReply* reply) override {
    auto s = seen.lock();
    ++s->asked;
    reply->set_stored(s->put.contains(request->digest()));
    const auto part = parts.find(request->digest());
    if (part != parts.end()) reply->set_received(static_cast<int64_t>(part->second.size()));
    return grpc::Status::OK;
  }

  grpc::Status PutArtifact(grpc::ServerContext*, grpc::ServerReader<v1::Chunk>* reader,
                           v1::PutArtifactReply*) override {
    v1::Chunk chunk;
    std::string digest;
    std::string bytes;
    while (reader->Read(&chunk)) {
      if (digest.empty()) {
        digest = chunk.digest();
        bytes = parts[digest].substr(0, static_cast<size_t>(chunk.offset()));
      }
      seen.lock()->received += chunk.data().size();
      bytes += chunk.data();
    }
    if (os::sha256_hex(bytes) != digest) return {grpc::StatusCode::DATA_LOSS, "bad digest"};
    seen.lock()->put[digest] = bytes;
    return grpc::Status::OK;
  }
};

class LinkTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir("/tmp", "kiln-link-test-");
    target_ = "unix:" + (dir_ / "sock").string();
    outbox_ = *Outbox::open(dir_ / "outbox");
    channel_ = rpc::make_channel(target_);
    artifacts_ = std::make_unique<ArtifactClient>(channel_, *outbox_, dir_ / "cache");
  }
  void TearDown() override {
    link_.reset();
    stop_server();
    (void)os::remove_tree(dir_);
  }
  void start_server() {
    grpc::ServerBuilder builder;
    rpc::configure(builder);
    builder.AddListeningPort(target_, grpc::InsecureServerCredentials());
    builder.RegisterService(&controller_);
    server_ = builder.BuildAndStart();
    ASSERT_TRUE(server_);
  }
  void stop_server() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  void start_link() {
    LinkEvents events;
    events.machines = [this] {
      v1::MachineInfo machine;
      machine.set_name("fake-1");
      machine.set_preparing(*preparing_.lock());
      return std::vector{machine};
    };
    events.test_names = [this](const std::string&) { return *test_names_.lock(); };
    events.start = [this](const v1::SessionOrder& order) {
      auto started = started_.lock();
      started->push_back(order.session_id());
      started.notify_all();
    };
    events.cancel = [this](int64_t id, const std::string& why) {
      auto cancelled = cancelled_.lock();
      cancelled->push_back(fmt::format("{} {}", id, why));
      cancelled.notify_all();
    };
    LinkConfig config;
    config.agent = "agent-1";
    config.version = "1";
    config.retry = Millis(10);
    link_ = std::make_unique<Link>(config, channel_, *outbox_, *artifacts_, events);
  }
  static v1::SessionDone done(int64_t id) {
    v1::SessionDone out;
    out.mutable_session()->set_id(id);
    out.mutable_session()->set_ending("tested");
    return out;
  }
  bool controller_has(size_t ends) {
    return eventually(controller_.seen,
                      [&](const FakeController::Seen& s) { return s.done.size() >= ends; });
  }

  os::Path dir_;
  std::string target_;
  FakeController controller_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Outbox> outbox_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<ArtifactClient> artifacts_;
  std::unique_ptr<Link> link_;
  Sync<std::string> preparing_;
  Sync<os::Path> test_names_;
  Sync<std::vector<int64_t>> started_;
  Sync<std::vector<std::string>> cancelled_;
};

TEST_F(LinkTest, AMachineIsReadyWhenTheControllerHasTheNamesOfItsTests) {
  ASSERT_TRUE(os::write_atomic(dir_ / "names", "igt@a@b\n"));
  *test_names_.lock() = dir_ / "names";
  start_server();
  start_link();
  ASSERT_TRUE(eventually(controller_.seen,
                         [](const FakeController::Seen& s) { return s.machines.size() == 1; }));
  auto seen = controller_.seen.lock();
  // A session that began at the hello would not be checked.
  EXPECT_EQ(seen->hellos.at(0).machines(0).preparing(), "its list of tests is on the way");
  EXPECT_EQ(seen->machines[0].preparing(), "");
  const std::string digest = os::sha256_hex("igt@a@b\n");
  EXPECT_EQ(seen->machines[0].test_names(), digest);
  EXPECT_EQ(seen->put[digest], "igt@a@b\n");
}

TEST_F(LinkTest, AMachineThatGetsReadyWhileNobodyListensIsToldLater) {
  *preparing_.lock() = "its root image is being made";
  start_server();
  start_link();
  ASSERT_TRUE(eventually(controller_.seen,
                         [](const FakeController::Seen& s) { return s.hellos.size() == 1; }));
  EXPECT_EQ(controller_.seen.lock()->hellos[0].machines(0).preparing(),
            "its root image is being made");
  preparing_.lock()->clear();
  link_->machines_changed();
  ASSERT_TRUE(eventually(controller_.seen,
                         [](const FakeController::Seen& s) { return s.machines.size() == 1; }));
  EXPECT_EQ(controller_.seen.lock()->machines[0].preparing(), "");
}

TEST_F(LinkTest, SaysHelloAndTakesOrders) {
  v1::ToAgent order;
  order.mutable_start()->set_session_id(5);
  v1::ToAgent cancel;
  cancel.mutable_cancel()->set_session_id(5);
  cancel.mutable_cancel()->set_why("ctrl-c");
  controller_.seen.lock()->to_send = {order, cancel};
  start_server();
  start_link();
  ASSERT_TRUE(eventually(cancelled_, [](const auto& c) { return !c.empty(); }));
  EXPECT_THAT(*started_.lock(), ElementsAre(5));
  EXPECT_THAT(*cancelled_.lock(), ElementsAre("5 ctrl-c"));
  EXPECT_EQ(controller_.seen.lock()->hellos[0].agent(), "agent-1");
  EXPECT_EQ(controller_.seen.lock()->hellos[0].machines(0).name(), "fake-1");
  EXPECT_TRUE(link_->connected());
}

TEST_F(LinkTest, AnEndIsSentWithItsArtifactsAndForgottenWhenAcknowledged) {
  start_server();
  start_link();
  ASSERT_TRUE(os::write_atomic(dir_ / "console", std::string(3'000'000, 'c')));
  const std::string digest = *outbox_->keep(dir_ / "console");
  v1::SessionDone end = done(9);
  (*end.mutable_session()->mutable_artifacts())["console"] = digest;
  ASSERT_TRUE(outbox_->finished(end));
  link_->wake();
  ASSERT_TRUE(controller_has(1));
  EXPECT_EQ(controller_.seen.lock()->put[digest].size(), 3'000'000U);
  // The acknowledgement comes on the same stream before what follows it.
  ASSERT_TRUE(outbox_->finished(done(10)));
  link_->wake();
  ASSERT_TRUE(controller_has(2));
  link_.reset();
  auto again = *Outbox::open(dir_ / "outbox");
  EXPECT_FALSE(again->holds(9));
  EXPECT_FALSE(os::file_size(again->blob(digest)));
}

TEST_F(LinkTest, AnEndThatWasNotAcknowledgedIsSentAgainAfterReconnecting) {
  {
    auto s = controller_.seen.lock();
    s->acknowledge = false;
    s->close_after_done = true;
  }
  start_server();
  start_link();
  ASSERT_TRUE(outbox_->finished(done(3)));
  link_->wake();
  ASSERT_TRUE(controller_has(3)) << "each new connection gets it";
  auto s = controller_.seen.lock();
  EXPECT_GE(s->connections, 3);
  for (const v1::SessionDone& end : s->done) EXPECT_EQ(end.session().id(), 3);
}

TEST_F(LinkTest, AControllerThatComesLateGetsEverything) {
  ASSERT_TRUE(outbox_->finished(done(1)));
  ASSERT_TRUE(outbox_->finished(done(2)));
  start_link();
  start_server();
  ASSERT_TRUE(controller_has(2));
}

TEST_F(LinkTest, AnOrderForASessionThatEndedHereOnlySendsTheEndAgain) {
  v1::ToAgent order;
  order.mutable_start()->set_session_id(4);
  {
    auto s = controller_.seen.lock();
    s->after_first_done = {order};
    s->acknowledge = false;
  }
  ASSERT_TRUE(outbox_->finished(done(4)));
  start_server();
  start_link();
  ASSERT_TRUE(controller_has(2));
  EXPECT_THAT(*started_.lock(), SizeIs(0));
}

TEST_F(LinkTest, ArtifactsAreFetchedOnceAndCheckedAgainstTheirDigest) {
  const std::string bytes = "kernel" + std::string(10'000, '\x90');
  const std::string digest = os::sha256_hex(bytes);
  controller_.artifacts[digest] = bytes;
  controller_.seen.lock()->corrupt = 1;
  start_server();
  const auto path = artifacts_->fetch(digest, {});
  ASSERT_TRUE(path) << render(path.error());
  EXPECT_EQ(*os::read_file(*path), bytes);
  EXPECT_EQ(controller_.seen.lock()->fetches, 2) << "the damaged one was thrown away";
  ASSERT_TRUE(artifacts_->fetch(digest, {}));
  EXPECT_EQ(controller_.seen.lock()->fetches, 2) << "found in the cache";
}

TEST_F(LinkTest, ABrokenFetchGoesOnWhereItStopped) {
  const std::string bytes = std::string(10'000, 'k') + "ernel";
  const std::string digest = os::sha256_hex(bytes);
  controller_.artifacts[digest] = bytes;
  start_server();
  controller_.seen.lock()->breaks_after = 4;
  const auto path = artifacts_->fetch(digest, {});
  ASSERT_TRUE(path) << render(path.error());
  EXPECT_EQ(*os::read_file(*path), bytes);
  EXPECT_THAT(controller_.seen.lock()->offsets, ElementsAre(0, 4000));
}

TEST_F(LinkTest, WhatAnEarlierLifeFetchedIsUsedUnlessItIsWrong) {
  const std::string bytes(10'000, 'k');
  const std::string digest = os::sha256_hex(bytes);
  controller_.artifacts[digest] = bytes;
  start_server();
  ASSERT_TRUE(os::make_dirs(dir_ / "cache"));
  ASSERT_TRUE(os::write_atomic(dir_ / "cache" / (digest + ".part"), bytes.substr(0, 9'000)));
  ASSERT_TRUE(artifacts_->fetch(digest, {}));
  for (const size_t size : {9'000U, 20'000U}) {
    ASSERT_TRUE(os::remove_tree(dir_ / "cache" / digest));
    ASSERT_TRUE(os::write_atomic(dir_ / "cache" / (digest + ".part"), std::string(size, 'X')));
    const auto path = artifacts_->fetch(digest, {});
    ASSERT_TRUE(path) << render(path.error());
    EXPECT_EQ(*os::read_file(*path), bytes);
  }
  EXPECT_THAT(controller_.seen.lock()->offsets, ElementsAre(9'000, 9'000, 0, 20'000, 0));
}

TEST_F(LinkTest, TwoThatWantOneArtifactFetchItOnce) {
  const std::string bytes(2'000'000, 'k');
  const std::string digest = os::sha256_hex(bytes);
  controller_.artifacts[digest] = bytes;
  start_server();
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { good += artifacts_->fetch(digest, {}) ? 1 : 0; });
  }
  EXPECT_EQ(good, 4);
  EXPECT_EQ(controller_.seen.lock()->fetches, 1);
}

TEST_F(LinkTest, OnlyWhatTheControllerLacksIsSent) {
  const std::string bytes(3'000'000, 'r');
  const std::string digest = os::sha256_hex(bytes);
  ASSERT_TRUE(os::write_atomic(dir_ / "file", bytes));
  start_server();
  controller_.parts[digest] = bytes.substr(0, 2'500'000);
  ASSERT_TRUE(artifacts_->send_file(dir_ / "file", {}));
  EXPECT_EQ(controller_.seen.lock()->received, 500'000U);
  EXPECT_EQ(controller_.seen.lock()->put[digest], bytes);
  ASSERT_TRUE(artifacts_->send_file(dir_ / "file", {}));
  EXPECT_EQ(controller_.seen.lock()->received, 500'000U) << "it is stored";
  // A small one is sent without a question.
  ASSERT_TRUE(os::write_atomic(dir_ / "small", "three"));
  ASSERT_TRUE(artifacts_->send_file(dir_ / "small", {}));
  EXPECT_EQ(controller_.seen.lock()->asked, 2);
}

TEST_F(LinkTest, AnArtifactThatStaysDamagedIsRefused) {
  const std::string digest = os::sha256_hex("kernel");
  controller_.artifacts[digest] = "kernel";
  controller_.seen.lock()->corrupt = 100;
  start_server();
  const auto path = artifacts_->fetch(digest, {});
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(path.error().message, HasSubstr("artifact " + digest.substr(0, 12) + " arrived as "));
  EXPECT_FALSE(os::file_size(dir_ / "cache" / digest));
}

TEST_F(LinkTest, AFileInTheCacheThatWasDamagedIsFetchedAgain) {
  const std::string digest = os::sha256_hex("kernel");
  controller_.artifacts[digest] = "kernel";
  start_server();
  ASSERT_TRUE(os::make_dirs(dir_ / "cache"));
  ASSERT_TRUE(os::write_atomic(dir_ / "cache" / digest, "kern"));
  const auto path = artifacts_->fetch(digest, {});
  ASSERT_TRUE(path);
  EXPECT_EQ(*os::read_file(*path), "kernel");
}

TEST_F(LinkTest, WhatTheControllerDoesNotHaveOrIsNoDigestIsAnError) {
  start_server();
  const std::string digest = os::sha256_hex("nothing");
  EXPECT_EQ(artifacts_->fetch(digest, {}).error().message, "no artifact " + digest);
  EXPECT_EQ(artifacts_->fetch("../../etc/passwd", {}).error().message,
            "\"../../etc/passwd\" is no sha256 of an artifact");
}

TEST_F(LinkTest, TheCacheIsTrimmedOldestFirst) {
  start_server();
  for (const char* text : {"one", "two", "three"}) {
    controller_.artifacts[os::sha256_hex(text)] = text;
    ASSERT_TRUE(artifacts_->fetch(os::sha256_hex(text), {}));
  }
  const os::Path one = dir_ / "cache" / os::sha256_hex("one");
  std::filesystem::last_write_time(
      one, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  artifacts_->trim(9);
  EXPECT_FALSE(os::file_size(one));
  EXPECT_TRUE(os::file_size(dir_ / "cache" / os::sha256_hex("two")));
}

TEST(OutboxTest, WhatKillLeftRunningIsAnInfrastructureEnding) {
  const os::Path dir = *os::make_temp_dir(testing::TempDir(), "outbox");
  {
    auto outbox = *Outbox::open(dir);
    ASSERT_TRUE(outbox->began(12, 3, "qemu-1"));
    ASSERT_TRUE(outbox->began(13, 3, "qemu-1"));
    v1::SessionDone done;
    done.mutable_session()->set_id(13);
    done.mutable_session()->set_ending("tested");
    ASSERT_TRUE(outbox->finished(done));
  }
  auto outbox = *Outbox::open(dir);
  const auto unsent = outbox->unsent();
  ASSERT_EQ(unsent.size(), 2U);
  EXPECT_EQ(unsent[0].session().ending(), "infrastructure");
  EXPECT_EQ(unsent[0].session().error(), "the agent ended while the session was running");
  EXPECT_EQ(unsent[0].error_class(), "INFRA_AGENT");
  EXPECT_EQ(unsent[0].lease_epoch(), 3U);
  EXPECT_EQ(unsent[1].session().ending(), "tested");
  (void)os::remove_tree(dir);
}

TEST(Convert, AnEndStaysBelowTheMessageLimit) {
  SessionOutcome outcome;
  for (int i = 0; i < 2000; ++i)
    outcome.results.push_back({.test = fmt::format("igt@x@{}", i),
                               .outcome = "dmesg-warn",
                               .kernel_words = std::string(16'000, 'w')});
  const v1::SessionDone done = to_proto(SessionOrder(), outcome);
  EXPECT_LE(done.ByteSizeLong(), kMaxDoneBytes);
  EXPECT_EQ(done.session().results_size(), 2000);
  EXPECT_GE(done.session().results(0).kernel_words().size(), 500U);
}

TEST(Convert, GarbageBecomesValidText) {
  SessionOutcome outcome;
  outcome.error = "bad \xff byte";
  outcome.results.push_back({.test = "igt@\xfe", .kernel_words = "\xff\xfe"});
  v1::SessionDone back;
  ASSERT_TRUE(back.ParseFromString(to_proto(SessionOrder(), outcome).SerializeAsString()));
  EXPECT_EQ(back.session().error(), "bad \xEF\xBF\xBD byte");
  EXPECT_EQ(back.session().results(0).kernel_words(), "\xff\xfe") << "bytes stay";
}

TEST(Convert, TheBoundOfABootIsTheJobsWithinReason) {
  v1::SessionOrder order;
  EXPECT_EQ(from_proto(order).boot_limit, Millis(0)) << "the agent's own";
  order.set_boot_seconds(600);
  EXPECT_EQ(from_proto(order).boot_limit, Millis(600'000));
  order.set_boot_seconds(0.001);
  EXPECT_EQ(from_proto(order).boot_limit, Millis(5'000));
  order.set_boot_seconds(1e9);
  EXPECT_EQ(from_proto(order).boot_limit, Millis(3'600'000));
  order.set_boot_seconds(-1);
  EXPECT_EQ(from_proto(order).boot_limit, Millis(0));
}

TEST(Convert, AnOrderWithoutBoundsGetsDefaults) {
  v1::SessionOrder order;
  order.add_phases()->set_per_test_seconds(std::numeric_limits<double>::quiet_NaN());
  order.mutable_phases(0)->set_timeout_seconds(1e300);
  const SessionOrder out = from_proto(order);
  EXPECT_EQ(out.phases[0].per_test, Millis(60'000));
  EXPECT_EQ(out.phases[0].timeout, std::chrono::hours(24 * 7));
  EXPECT_EQ(out.timeout, Millis(3'600'000));
}

}  // namespace
}  // namespace kiln::agent
