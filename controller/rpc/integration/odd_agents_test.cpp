/// Agents that are set up wrongly: refused or put right, told once, and nobody else is disturbed.
#include <thread>

#include "controller/rpc/integration/lab_fixture.h"
#include "lib/rpc/protocol.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

v1::Hello hello_of(const std::string& agent, const std::string& machine = "") {
  v1::Hello hello;
  hello.set_agent(agent);
  hello.set_version("0.1.0");
  hello.set_protocol(rpc::kAgentProtocol);
  hello.set_instance("first");
  if (!machine.empty()) hello.add_machines()->set_name(machine);
  return hello;
}

/// An agent's stream that stays open while this lives.
class OpenAgent {
 public:
  OpenAgent(const std::shared_ptr<grpc::Channel>& channel, const v1::Hello& hello)
      : stub_(v1::AgentLink::NewStub(channel)) {
    rpc::set_deadline(context_, Millis(20'000));
    stream_ = stub_->Connect(&context_);
    v1::FromAgent first;
    *first.mutable_hello() = hello;
    stream_->Write(first);
    v1::ToAgent answer;
    welcomed_ = stream_->Read(&answer) && answer.has_welcome();
    if (!welcomed_) status_ = stream_->Finish();
  }
  ~OpenAgent() {
    if (!welcomed_) return;
    context_.TryCancel();
    (void)stream_->Finish();
  }
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] const grpc::Status& status() const { return status_; }
  void send(const v1::FromAgent& message) { stream_->Write(message); }
  v1::ToAgent next() {
    v1::ToAgent message;
    stream_->Read(&message);
    return message;
  }

 private:
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::FromAgent, v1::ToAgent>> stream_;
  bool welcomed_ = false;
  grpc::Status status_;
};

class OddAgentsTest : public LabFixture {
 protected:
  void SetUp() override {
    LabFixture::SetUp();
    fleet::Listener listener;
    listener.warn = [this](const std::string& words) {
      const std::lock_guard lock(mutex_);
      warned_.push_back(words);
    };
    listener.foreign_done = [this](const std::string& agent, const v1::SessionDone& done) {
      const std::lock_guard lock(mutex_);
      foreign_.push_back(fmt::format("{} {}", agent, done.session().id()));
    };
    listener.session_done = [this](const v1::SessionDone& done) {
      const std::lock_guard lock(mutex_);
      done_.push_back(done.session().id());
    };
    fleet_.set_listener(std::move(listener));
  }
  void TearDown() override {
    LabFixture::TearDown();
    fleet_.set_listener({});
  }
  template <typename T>
  std::vector<T> copy(const std::vector<T>& of) {
    const std::lock_guard lock(mutex_);
    return of;
  }
  /// Until it holds, for some seconds.
  template <typename F>
  bool soon(F holds) {
    for (int i = 0; i < 500 && !holds(); ++i) std::this_thread::sleep_for(Millis(10));
    return holds();
  }

  std::mutex mutex_;
  std::vector<std::string> warned_;
  std::vector<std::string> foreign_;
  std::vector<int64_t> done_;
};

TEST_F(OddAgentsTest, OneOfAnOlderProtocolIsRefusedWithWhatToDo) {
  const os::Path folder = enrolled("rack-1");
  v1::Hello old = hello_of("rack-1");
  old.set_version("0.0.9");
  old.clear_protocol();
  for (int i = 0; i < 3; ++i) {
    const OpenAgent agent(agents(folder), old);
    ASSERT_FALSE(agent.welcomed());
    EXPECT_EQ(agent.status().error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(words(agent.status()),
              "agent rack-1 (version 0.0.9) speaks protocol 0, this controller 1 to 1");
    EXPECT_THAT(rpc::from_grpc(agent.status(), "").hint, HasSubstr("version of kiln-agent"));
  }
  EXPECT_THAT(copy(warned_), SizeIs(1)) << "logged once";
  EXPECT_THAT(fleet_.agents(), SizeIs(0));
  v1::Hello newer = hello_of("rack-1");
  newer.set_protocol(rpc::kAgentProtocol + 1);
  const OpenAgent early(agents(folder), newer);
  EXPECT_THAT(rpc::from_grpc(early.status(), "").hint, HasSubstr("upgrade kilnd first"));
  EXPECT_TRUE(OpenAgent(agents(folder), hello_of("rack-1")).welcomed());
}

TEST_F(OddAgentsTest, ASecondProcessOfOneNameIsRefusedAndTheFirstGoesOn) {
  const os::Path folder = enrolled("rack-1");
  OpenAgent first(agents(folder), hello_of("rack-1", "m1"));
  ASSERT_TRUE(first.welcomed());
  v1::Hello copied = hello_of("rack-1", "m1");
  copied.set_instance("second");
  for (int i = 0; i < 3; ++i) {
    const OpenAgent second(agents(folder), copied);
    ASSERT_FALSE(second.welcomed());
    EXPECT_EQ(second.status().error_code(), StatusCode::ABORTED);
    EXPECT_EQ(words(second.status()),
              "an agent called rack-1 is connected already, from another process");
  }
  EXPECT_THAT(copy(warned_), ElementsAre(HasSubstr("a second one is refused")));
  v1::SessionOrder order;
  order.set_machine("m1");
  order.set_session_id(7);
  ASSERT_TRUE(fleet_.start(order));
  EXPECT_EQ(first.next().start().session_id(), 7) << "orders still go to the first";
}

TEST_F(OddAgentsTest, OneThatConnectsAgainTakesItsOwnPlace) {
  const os::Path folder = enrolled("rack-1");
  OpenAgent first(agents(folder), hello_of("rack-1", "m1"));
  OpenAgent again(agents(folder), hello_of("rack-1", "m1"));
  ASSERT_TRUE(again.welcomed()) << "its old connection may be half open";
  v1::SessionOrder order;
  order.set_machine("m1");
  order.set_session_id(7);
  ASSERT_TRUE(fleet_.start(order));
  EXPECT_EQ(again.next().start().session_id(), 7);
}

TEST_F(OddAgentsTest, AMachineOfTwoAgentsIsTheFirstOnes) {
  OpenAgent first(agents(enrolled("rack-2")), hello_of("rack-2", "m1"));
  OpenAgent second(agents(enrolled("rack-1")), hello_of("rack-1", "m1"));
  ASSERT_TRUE(second.welcomed());
  EXPECT_THAT(copy(warned_), ElementsAre("agents rack-2 and rack-1 both list the machine m1: "
                                         "rack-2 has it until it goes"));
  ASSERT_EQ(fleet_.machines()->size(), 1U);
  EXPECT_EQ(fleet_.machines()->at(0).agent, "rack-2");
  v1::SessionOrder order;
  order.set_machine("m1");
  order.set_session_id(7);
  ASSERT_TRUE(fleet_.start(order));
  EXPECT_EQ(first.next().start().session_id(), 7);
  // What the other one says of it does not end the session, and is acknowledged to it alone.
  v1::FromAgent done;
  done.mutable_done()->mutable_session()->set_id(7);
  done.mutable_done()->mutable_session()->set_machine("m1");
  second.send(done);
  EXPECT_TRUE(soon([&] { return !copy(foreign_).empty(); }));
  EXPECT_THAT(copy(foreign_), ElementsAre("rack-1 7"));
  fleet_.acknowledge_to("rack-1", 7);
  EXPECT_EQ(second.next().ack().session_id(), 7);
  first.send(done);
  EXPECT_TRUE(soon([&] { return !copy(done_).empty(); }));
  EXPECT_THAT(copy(done_), ElementsAre(7));
}

TEST_F(OddAgentsTest, WhenTheFirstGoesTheSecondHasTheMachine) {
  OpenAgent second(agents(enrolled("rack-2")), hello_of("rack-2", "m1"));
  {
    const OpenAgent first(agents(enrolled("rack-1")), hello_of("rack-1"));
    const OpenAgent other(agents(enrolled("rack-3")), hello_of("rack-3", "m1"));
  }
  EXPECT_TRUE(soon([&] { return fleet_.agents().size() == 1; }));
  EXPECT_EQ(fleet_.machine("m1")->agent, "rack-2");
}

TEST_F(OddAgentsTest, AClockAnHourOffIsToldAndShown) {
  v1::Hello hello = hello_of("rack-1");
  hello.mutable_time()->set_seconds(SystemClock().now().time_since_epoch().count() / 1000 + 3600);
  const os::Path folder = enrolled("rack-1");
  const OpenAgent agent(agents(folder), hello);
  ASSERT_TRUE(agent.welcomed());
  EXPECT_THAT(copy(warned_), ElementsAre(AllOf(HasSubstr("the clock of agent rack-1 is "),
                                               HasSubstr(" ahead; times of sessions are this"))));
  ASSERT_THAT(fleet_.agents(), SizeIs(1));
  EXPECT_NEAR(fleet_.agents()[0].clock_offset_seconds, 3600, 60);
}

TEST_F(OddAgentsTest, OneThatDoesNotReadIsLetGo) {
  const OpenAgent agent(agents(enrolled("rack-1")), hello_of("rack-1", "m1"));
  ASSERT_TRUE(agent.welcomed());
  v1::SessionOrder order;
  order.set_machine("m1");
  order.set_cmdline(std::string(10'000, 'x'));
  // The connection takes some; then they wait here, and not without bound.
  EXPECT_TRUE(soon([&] {
    for (int i = 0; i < 1000; ++i) (void)fleet_.start(order);
    return fleet_.agents().empty();
  }));
}

}  // namespace
}  // namespace kiln::controller
