#include "controller/fleet/tunnels.h"

#include <gmock/gmock.h>

#include <thread>

namespace kiln::fleet {
namespace {

using testing::HasSubstr;

constexpr Millis kNow{0};
constexpr Millis kLong{30'000};

TEST(Tunnel, BytesGoBothWaysInOrder) {
  Tunnel tunnel("id", "anna", "qemu-1", true);
  ASSERT_TRUE(tunnel.open("ssh-ed25519 AAAA"));
  EXPECT_EQ(*tunnel.wait_open(kNow), "ssh-ed25519 AAAA");
  ASSERT_TRUE(tunnel.put("login"));
  ASSERT_TRUE(tunnel.put(": "));
  EXPECT_EQ(*tunnel.take(kNow), "login: ");
  EXPECT_EQ(*tunnel.take(kNow), "");
  ASSERT_TRUE(tunnel.give("root", kNow));
  ASSERT_TRUE(tunnel.give("\n", kNow));
  EXPECT_EQ(*tunnel.next(kNow), "root\n");
}

TEST(Tunnel, TheMachinesEndIsToldAfterItsLastBytes) {
  Tunnel tunnel("id", "anna", "qemu-1", true);
  ASSERT_TRUE(tunnel.open(""));
  ASSERT_TRUE(tunnel.put("logout"));
  tunnel.end("the machine was switched off");
  EXPECT_EQ(*tunnel.take(kLong), "logout");
  const auto over = tunnel.take(kLong);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().message, "the machine was switched off");
  EXPECT_FALSE(tunnel.give("x", kLong));
  EXPECT_FALSE(tunnel.next(kLong));
}

TEST(Tunnel, WhatWaitsIsBoundedOnBothSides) {
  Tunnel tunnel("id", "anna", "qemu-1", true);
  ASSERT_TRUE(tunnel.open(""));
  const std::string half(Tunnel::kMostWaiting / 2, 'x');
  ASSERT_TRUE(tunnel.give(half, kNow));
  ASSERT_TRUE(tunnel.give(half, kNow));
  const auto full = tunnel.give("x", kNow);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kTimeout);
  ASSERT_TRUE(tunnel.put(half));
  ASSERT_TRUE(tunnel.put(half));
  std::jthread agent([&] { EXPECT_TRUE(tunnel.put("the rest")); });  // waits for the reader
  std::string got;
  while (got.size() < 2 * half.size() + 8) got += *tunnel.take(kLong);
  EXPECT_THAT(got, testing::EndsWith("the rest"));
}

TEST(Tunnel, WhoLeavesFreesTheAgent) {
  Tunnel tunnel("id", "anna", "qemu-1", true);
  ASSERT_TRUE(tunnel.open(""));
  std::jthread person([&] { tunnel.leave(); });
  EXPECT_FALSE(tunnel.next(kLong));
  EXPECT_FALSE(tunnel.put("more"));
}

TEST(Tunnel, AnEndThatCannotBeOpenedSaysWhy) {
  Tunnel tunnel("id", "anna", "qemu-1", true);
  tunnel.end("the machine is off: never switched on");
  const auto opened = tunnel.wait_open(kLong);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("is off"));
  EXPECT_FALSE(tunnel.open("late"));
  Tunnel silent("id", "anna", "qemu-1", true);
  const auto waited = silent.wait_open(kNow);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::kTimeout);
}

TEST(Tunnels, AUserHasABoundedNumber) {
  Tunnels tunnels;
  std::vector<std::shared_ptr<Tunnel>> mine;
  for (size_t i = 0; i < Tunnels::kMostOfUser; ++i)
    mine.push_back(*tunnels.make("anna", "qemu-1", false));
  EXPECT_FALSE(tunnels.make("anna", "qemu-1", false));
  EXPECT_TRUE(tunnels.make("bob", "qemu-1", false)) << "anna's do not keep bob out";
  EXPECT_EQ(*tunnels.find(mine[0]->id()), mine[0]);
  tunnels.forget(*mine[0]);
  EXPECT_FALSE(tunnels.find(mine[0]->id()));
  EXPECT_TRUE(tunnels.make("anna", "qemu-1", false));
}

TEST(Tunnels, AMachineThatIsGivenBackClosesWhatWritesToIt) {
  Tunnels tunnels;
  const auto ssh = *tunnels.make("anna", "qemu-1", true);
  const auto reader = *tunnels.make("bob", "qemu-1", false);
  const auto other = *tunnels.make("anna", "qemu-2", true);
  tunnels.end_of("qemu-1", "given back");
  EXPECT_FALSE(ssh->take(kNow));
  EXPECT_TRUE(reader->take(kNow));
  EXPECT_TRUE(other->take(kNow));
}

}  // namespace
}  // namespace kiln::fleet
