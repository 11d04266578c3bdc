/// What an agent tells its controller of the root image, over real gRPC, with recipes of a few
/// lines.
#include <gmock/gmock.h>

#include "agent/app.h"
#include "agent/tools/fake_controller.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

class ImageNewsTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir("/tmp", "kiln-news-");
    for (const char* name : {"store", "images/forky-i386"}) ASSERT_TRUE(os::make_dirs(dir_ / name));
    controller_ = *OneSessionController::start(dir_ / "sock", dir_ / "store");
    controller_->on_machine = [this](const v1::MachineInfo& machine) {
      auto seen = seen_.lock();
      seen->push_back(machine);
      seen.notify_all();
    };
    config_.target = controller_->target();
    config_.data_dir = dir_ / "agent";
    config_.images_dir = dir_ / "images";
  }
  void TearDown() override {
    agent_.reset();
    controller_.reset();
    (void)os::remove_tree(dir_);
  }
  void start(const std::string& recipe) {
    ASSERT_TRUE(os::write_atomic(dir_ / "images/forky-i386/build", "#!/bin/sh\n" + recipe, 0755));
    auto agent = Agent::start(config_);
    ASSERT_TRUE(agent) << render(agent.error());
    agent_ = std::move(*agent);
  }
  /// The first news that `matches`; a minute is a bound for a defect, not a wait.
  template <typename Matches>
  v1::MachineInfo wait(Matches matches) {
    v1::MachineInfo found;
    auto seen = seen_.lock();
    EXPECT_TRUE(seen.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60), [&] {
      for (const v1::MachineInfo& machine : *seen) {
        if (!matches(machine)) continue;
        found = machine;
        return true;
      }
      return false;
    }));
    return found;
  }

  os::Path dir_;
  std::unique_ptr<OneSessionController> controller_;
  std::unique_ptr<Agent> agent_;
  AgentConfig config_;
  Sync<std::vector<v1::MachineInfo>> seen_;
};

TEST_F(ImageNewsTest, ARecipeThatFailsMakesTheMachineBrokenWithItsWords) {
  start("echo 'E: Unable to locate package igt' >&2; exit 7\n");
  const auto broken = wait([](const v1::MachineInfo& m) { return !m.broken().empty(); });
  EXPECT_THAT(broken.broken(), HasSubstr("forky-i386/build"));
  EXPECT_THAT(broken.broken(), HasSubstr("failed with exit code 7"));
  EXPECT_THAT(broken.broken(), HasSubstr("| E: Unable to locate package igt"));
  EXPECT_THAT(broken.broken(), HasSubstr("the whole log: " + config_.data_dir.string()));
}

TEST_F(ImageNewsTest, StepsAreToldWhileItIsMadeThenTheVersionOfIgt) {
  start(
      "echo downloading packages 3/66\ncd \"$1\"\ntouch root.img id_ed25519 host_key.pub\n"
      "while [ ! -e \"$(dirname \"$0\")\"/../go ]; do sleep 0.05; done\n"
      "echo '{\"igt_version\":\"2.5-1\"}' >image.json\n");
  const auto making = wait([](const v1::MachineInfo& m) {
    return m.preparing() == "root image: downloading packages 3/66";
  });
  EXPECT_FALSE(making.facts().contains("igt"));
  EXPECT_EQ(making.broken(), "");
  ASSERT_TRUE(os::write_atomic(dir_ / "images/go", ""));
  const auto ready = wait([](const v1::MachineInfo& m) { return m.facts().contains("igt"); });
  EXPECT_EQ(ready.facts().at("igt"), "2.5-1");
}

}  // namespace
}  // namespace kiln::agent
