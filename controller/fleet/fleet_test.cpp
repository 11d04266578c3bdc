#include "controller/fleet/fleet.h"

#include <gtest/gtest.h>

namespace kiln::fleet {
namespace {

class FakeSender final : public AgentSender {
 public:
  void send(v1::ToAgent message) override { sent.push_back(std::move(message)); }
  std::vector<v1::ToAgent> sent;
};

v1::Hello hello_with(const std::string& machine) {
  v1::Hello hello;
  hello.set_agent("a1");
  hello.add_machines()->set_name(machine);
  return hello;
}

TEST(Fleet, AnOrderGoesToTheAgentThatHasTheMachine) {
  Fleet fleet;
  auto sender = std::make_shared<FakeSender>();
  fleet.connected("a1", hello_with("qemu-1"), sender);
  v1::SessionOrder order;
  order.set_machine("qemu-1");
  order.set_session_id(7);
  ASSERT_TRUE(fleet.start(order));
  ASSERT_EQ(sender->sent.size(), 1U);
  EXPECT_EQ(sender->sent[0].start().session_id(), 7);
  order.set_machine("other");
  const auto status = fleet.start(order);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "no connected agent has the machine other");
}

TEST(Fleet, AnOldConnectionThatEndsLateTakesNothingAway) {
  Fleet fleet;
  auto old_sender = std::make_shared<FakeSender>();
  auto new_sender = std::make_shared<FakeSender>();
  fleet.connected("a1", hello_with("qemu-1"), old_sender);
  fleet.connected("a1", hello_with("qemu-1"), new_sender);
  fleet.disconnected("a1", old_sender.get());
  EXPECT_EQ(fleet.machines()->size(), 1U);
  fleet.disconnected("a1", new_sender.get());
  EXPECT_TRUE(fleet.machines()->empty());
}

TEST(Fleet, TellsTheListenerOfADoneSession) {
  Fleet fleet;
  int64_t seen = 0;
  Listener listener;
  listener.session_done = [&](v1::SessionDone done) { seen = done.session().id(); };
  fleet.set_listener(std::move(listener));
  v1::FromAgent message;
  message.mutable_done()->mutable_session()->set_id(9);
  fleet.received("a1", message);
  EXPECT_EQ(seen, 9);
}

TEST(Fleet, AMachineThatHasChangedIsToldToTheListener) {
  Fleet fleet;
  int told = 0;
  Listener listener;
  listener.machines_changed = [&] { ++told; };
  fleet.connected("a1", hello_with("qemu-1"), std::make_shared<FakeSender>());
  fleet.set_listener(std::move(listener));
  v1::FromAgent message;
  message.mutable_machine_info()->set_name("qemu-1");
  message.mutable_machine_info()->set_test_names("abc");
  fleet.received("a1", message);
  EXPECT_EQ(told, 1);
  ASSERT_EQ(fleet.machines()->size(), 1U);
  EXPECT_EQ(fleet.machines()->at(0).info.test_names(), "abc");
}

}  // namespace
}  // namespace kiln::fleet
