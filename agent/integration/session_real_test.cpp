/// Whole sessions on the real embedded machine: agent, gRPC, QEMU, SSH, IGT. Needs a built kernel:
///   KILN_TRIAL_BUILD    its object folder
///   KILN_TRIAL_MODULES  tar.zst of its modules
///   KILN_TRIAL_DATA     folder that is kept between runs (root image, 200 MB)
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/app.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// A test program of our own on the machine: a subtest `bad` that runs `body`.
std::string install_test(const std::string& name, const std::string& body) {
  const std::string script = "#!/bin/sh\ncase $1 in --list-subtests) echo bad; exit 0;; esac\n" +
                             body + "\necho 'Subtest bad: SUCCESS (0.000s)'\nexit 0\n";
  const std::string file = "/usr/libexec/igt-gpu-tools/" + name;
  return fmt::format("printf %s {} >{} && chmod 755 {}", shell_quote(script), file, file);
}

class SessionRealTest : public testing::Test {
 protected:
  void SetUp() override {
    const os::Path build = environment("KILN_TRIAL_BUILD");
    data_ = environment("KILN_TRIAL_DATA");
    if (build.empty() || data_.empty()) GTEST_SKIP() << "KILN_TRIAL_BUILD is not set";
    ASSERT_TRUE(os::make_dirs(data_ / "store"));
    sockets_ = *os::make_temp_dir("/tmp", "kiln-real-");
    controller_ = *OneSessionController::start(sockets_ / "sock", data_ / "store");
    const TrialKernel kernel = *trial_kernel(build, environment("KILN_TRIAL_MODULES"));
    order_ = *trial_order(*controller_, kernel);
    order_.set_session_id(SystemClock().now().time_since_epoch().count());
    order_.set_max_restarts(2);
    config_.target = controller_->target();
    config_.data_dir = data_ / "agent";
    config_.images_dir = os::Path(KILN_SOURCE_DIR) / "images";
    controller_->on_event = [this](const v1::SessionEvent& event) {
      if (!event.console_line().empty()) return;
      auto events = events_.lock();
      events->push_back(event.phase() + " " + event.text());
      events.notify_all();
    };
  }
  void TearDown() override {
    agent_.reset();
    controller_.reset();
    if (!sockets_.empty()) (void)os::remove_tree(sockets_);
  }
  void start_agent() {
    auto agent = Agent::start(config_);
    ASSERT_TRUE(agent) << render(agent.error());
    agent_ = std::move(*agent);
  }
  v1::SessionDone run() {
    start_agent();
    const auto done = controller_->run(order_, Millis(1'500'000));
    EXPECT_TRUE(done);
    return done.value_or(v1::SessionDone());
  }
  v1::TestPhase* phase(const std::string& list) {
    v1::TestPhase* phase = order_.add_phases();
    phase->set_name("trial");
    phase->set_test_list(list);
    phase->set_per_test_seconds(30);
    phase->set_timeout_seconds(300);
    return phase;
  }
  void bench(const std::string& command) {
    v1::BenchPhase* bench = order_.add_benches();
    bench->set_name(fmt::format("b{}", order_.benches_size()));
    bench->add_setup("mkdir -p /kiln/bench");
    bench->set_command(command);
    bench->set_timeout_seconds(120);
  }
  bool wait_event(const std::string& text) {
    auto events = events_.lock();
    return events.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(900), [&] {
      return std::find(events->begin(), events->end(), text) != events->end();
    });
  }
  static const v1::Result* find(const v1::SessionDone& done, const std::string& test) {
    for (const v1::Result& result : done.session().results())
      if (result.test() == test) return &result;
    return nullptr;
  }

  os::Path data_;
  os::Path sockets_;
  std::unique_ptr<OneSessionController> controller_;
  std::unique_ptr<Agent> agent_;
  AgentConfig config_;
  v1::SessionOrder order_;
  Sync<std::vector<std::string>> events_;
};

TEST_F(SessionRealTest, APanicInATestIsSurvivedAndBlamed) {
  phase("igt@kiln_panic@bad\nigt@sw_sync@alloc_timeline\n")
      ->add_setup(install_test("kiln_panic", "sync; echo c >/proc/sysrq-trigger; sleep 60"));
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "tested") << done.session().error();
  EXPECT_EQ(done.session().restarts(), 1);
  const v1::Result* bad = find(done, "igt@kiln_panic@bad");
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->outcome(), "incomplete");
  EXPECT_THAT(bad->kernel_words(), HasSubstr("sysrq triggered crash"));
  const v1::Result* next = find(done, "igt@sw_sync@alloc_timeline");
  ASSERT_TRUE(next) << "igt_resume went on";
  EXPECT_EQ(next->outcome(), "pass");
  EXPECT_TRUE(done.session().identity().proved());
}

TEST_F(SessionRealTest, AnotherKernelIsRefused) {
  order_.mutable_expected()->set_kernel_build_id("0123456789abcdef0123456789abcdef01234567");
  phase("igt@sw_sync@alloc_timeline\n");
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "infrastructure");
  EXPECT_EQ(done.error_class(), "WRONG_KERNEL");
  EXPECT_THAT(done.session().error(), HasSubstr("the kernel's build id is "));
  EXPECT_EQ(done.session().results_size(), 0);
}

TEST_F(SessionRealTest, FloodGarbageAndAFullDiskLoseNothingElse) {
  v1::TestPhase* p = phase(
      "igt@kiln_flood@bad\nigt@kiln_garbage@bad\nigt@kiln_full@bad\nigt@sw_sync@alloc_timeline\n");
  p->add_setup(install_test("kiln_flood", "head -c 1000000000 /dev/zero"));
  p->add_setup(install_test("kiln_garbage", "head -c 300000 /dev/urandom"));
  p->add_setup(install_test("kiln_full", "cat /dev/zero >/kiln/fill; sync"));
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "tested") << done.session().error();
  EXPECT_TRUE(find(done, "igt@kiln_flood@bad"));
  EXPECT_TRUE(find(done, "igt@kiln_garbage@bad"));
  EXPECT_EQ(done.session().restarts(), 0);
}

TEST_F(SessionRealTest, ATestThatIgnoresItsLimitIsEnded) {
  v1::TestPhase* p = phase("igt@kiln_stuck@bad\nigt@sw_sync@alloc_timeline\n");
  p->set_per_test_seconds(3);
  p->add_setup(install_test("kiln_stuck", "trap '' TERM INT HUP; while :; do sleep 1; done"));
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "tested") << done.session().error();
  EXPECT_EQ(done.session().restarts(), 0) << "the machine is well, only the test was not";
  const v1::Result* next = find(done, "igt@sw_sync@alloc_timeline");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->outcome(), "pass");
}

TEST_F(SessionRealTest, BenchesMeasureFailAndCrashOneByOne) {
  bench("echo kiln-metric a 1.5 ns");
  bench("head -c 100000 /dev/urandom; echo; echo kiln-metric b 2 count");
  bench("sync; echo c >/proc/sysrq-trigger; sleep 60");
  bench("echo kiln-metric d 4 ns");
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "test-failed");
  EXPECT_EQ(done.error_class(), "CRASH");
  EXPECT_EQ(done.session().measurements_size(), 3);
  EXPECT_EQ(done.session().restarts(), 1);
}

TEST_F(SessionRealTest, QemuKilledIsInfrastructure) {
  phase("igt@kiln_sleep@bad\n")->add_setup(install_test("kiln_sleep", "sleep 100"));
  start_agent();
  std::thread killer([this] {
    if (!wait_event("testing igt@kiln_sleep@bad")) return;
    const auto record = os::read_file(config_.data_dir / "machines/qemu-1/qemu.json");
    ::kill(nlohmann::json::parse(record.value_or("{}")).value("pid", 0), SIGKILL);
  });
  const auto done = controller_->run(order_, Millis(1'500'000));
  killer.join();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->session().ending(), "infrastructure");
  EXPECT_EQ(done->error_class(), "INFRA_POWER");
  EXPECT_THAT(done->session().error(), HasSubstr("QEMU was killed by signal 9"));
}

TEST_F(SessionRealTest, CancellingEndsWithinSecondsAndLeavesNothing) {
  phase("igt@kiln_sleep@bad\n")->add_setup(install_test("kiln_sleep", "sleep 100"));
  start_agent();
  std::chrono::steady_clock::time_point asked;
  std::thread canceller([this, &asked] {
    if (!wait_event("testing igt@kiln_sleep@bad")) return;
    asked = std::chrono::steady_clock::now();
    controller_->cancel(order_.session_id(), "ctrl-c");
  });
  const auto done = controller_->run(order_, Millis(1'500'000));
  const auto took = std::chrono::steady_clock::now() - asked;
  canceller.join();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->session().ending(), "cancelled");
  EXPECT_EQ(done->session().error(), "cancelled: ctrl-c");
  RecordProperty("cancel_ms", static_cast<int>(std::chrono::duration_cast<Millis>(took).count()));
  EXPECT_FALSE(os::file_size(config_.data_dir / "machines/qemu-1/qemu.json"));
}

TEST_F(SessionRealTest, AKernelThatPanicsAtBootFailedItsTest) {
  order_.set_cmdline("init=/nowhere rdinit=/nowhere root=/dev/none");
  const v1::SessionDone done = run();
  EXPECT_EQ(done.session().ending(), "test-failed");
  EXPECT_EQ(done.error_class(), "BOOT_FAIL");
  EXPECT_THAT(done.session().error(), HasSubstr("the kernel does not boot (2 tries): "));
}

}  // namespace
}  // namespace kiln::agent
