#include "controller/app/visits.h"

#include <gmock/gmock.h>

#include "controller/fleet/dispatcher_fixture.h"

namespace kiln::controller {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class VisitsTest : public fleet::DispatcherTest {
 protected:
  void SetUp() override {
    fleet::DispatcherTest::SetUp();
    database_.emplace(*db::Database::open(temp_.path() / "kiln.db"));
    blobs_.emplace(*blob::BlobStore::open(temp_.path() / "blobs"));
    results_ = std::make_unique<results::DbRunStore>(*database_, *blobs_, clock_);
    visits_ = std::make_unique<Visits>(*database_, *results_, *dispatcher_, fleet_, nullptr);
  }
  void come(bool with_tunnels) {
    v1::Hello told = hello();
    if (with_tunnels) told.add_features("tunnels");
    sender_ = std::make_shared<fleet::FakeSender>();
    ASSERT_TRUE(fleet_.connected("a1", told, sender_));
  }
  void hold() { ASSERT_TRUE(dispatcher_->hold("m1", "ann", "a look", clock_.now() + 1h)); }
  static v1::OpenSshRequest ssh() {
    v1::OpenSshRequest request;
    request.set_machine("m1");
    request.set_ssh_key("ssh-ed25519 AAAA");
    return request;
  }
  static v1::SendTunnelRequest bytes(const fleet::Tunnel& to, const std::string& data) {
    v1::SendTunnelRequest request;
    request.set_tunnel_id(to.id());
    request.set_data(data);
    return request;
  }

  os::TempFolder temp_ = std::move(*os::TempFolder::make("/tmp", "visits-test"));
  std::optional<db::Database> database_;
  std::optional<blob::BlobStore> blobs_;
  std::unique_ptr<results::DbRunStore> results_;
  std::unique_ptr<Visits> visits_;
};

TEST_F(VisitsTest, AllReadAConsoleAndOnlyTheHolderTypes) {
  come(true);
  hold();
  const auto anns = visits_->open_console("m1", "ann");
  const auto bobs = visits_->open_console("m1", "bob");
  ASSERT_TRUE(anns && bobs);
  EXPECT_TRUE(visits_->send(bytes(**anns, "\n"), "ann"));
  const auto refused = visits_->send(bytes(**bobs, "\n"), "bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
  EXPECT_EQ(refused.error().message, "m1 is held by ann: a look");
  EXPECT_FALSE(visits_->send(bytes(**anns, "\n"), "bob")) << "whose id somebody else has";
  EXPECT_FALSE(visits_->send(bytes(**anns, std::string(1 << 20, 'x')), "ann"));
  ASSERT_TRUE(dispatcher_->release_hold("m1", "ann"));
  EXPECT_FALSE(visits_->send(bytes(**anns, "\n"), "ann")) << "it is no longer hers";
  EXPECT_TRUE((*anns)->take(Millis(0))) << "she reads on";
}

TEST_F(VisitsTest, SshIsForTheHolderOfAMachineThatIsUp) {
  come(true);
  EXPECT_THAT(visits_->open_ssh(ssh(), "ann").error().message, HasSubstr("nobody holds m1"));
  hold();
  EXPECT_THAT(visits_->open_ssh(ssh(), "ann").error().message, HasSubstr("m1 is off"));
  EXPECT_EQ(visits_->open_ssh(ssh(), "bob").error().kind, ErrorKind::kPermission);
  ASSERT_TRUE(dispatcher_->visit("m1", "ann", {}, "x"));
  const auto tunnel = visits_->open_ssh(ssh(), "ann");
  ASSERT_TRUE(tunnel);
  const v1::ToAgent asked = sender_->sent.lock()->back();
  EXPECT_EQ(asked.open_tunnel().tunnel_id(), (*tunnel)->id());
  EXPECT_EQ(asked.open_tunnel().kind(), "ssh");
  EXPECT_EQ(asked.open_tunnel().ssh_key(), "ssh-ed25519 AAAA");
}

TEST_F(VisitsTest, AnAgentOfBeforeThereWereTunnelsIsNotAsked) {
  come(false);
  const auto refused = visits_->open_console("m1", "ann");
  ASSERT_FALSE(refused);
  EXPECT_THAT(render(refused.error()), HasSubstr("update it"));
  EXPECT_TRUE(sender_->sent.lock()->empty());
  EXPECT_FALSE(visits_->open_console("nothing", "ann"));
}

TEST_F(VisitsTest, WhatIsBootedHasToBeNamedAndToBeThere) {
  come(true);
  hold();
  v1::BootMachineRequest request;
  request.set_machine("m1");
  EXPECT_THAT(visits_->boot(request, "ann").error().message, HasSubstr("which run's kernel"));
  request.set_run_id(412);
  const auto none = visits_->boot(request, "ann");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(visits_->boot(request, "bob").error().kind, ErrorKind::kPermission);
}

}  // namespace
}  // namespace kiln::controller
