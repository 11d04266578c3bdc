/// Faults in the middle of a session, and kernels that destroy what the machine lives on: see
/// hardware_faults.h.
#include <atomic>

#include "agent/integration/hardware_faults.h"

namespace kiln::agent {
namespace {

using ::testing::IsEmpty;

constexpr const char* kTests =
    "igt@sw_sync@alloc_timeline\nigt@sw_sync@alloc_fence\nigt@sw_sync@alloc_merge_fence\n";

/// What a person, or a wrong package, may leave of the program that the machine goes down by.
constexpr const char* kBlockReboot =
    "rm /usr/sbin/reboot && printf \"#!/bin/sh\\nexec sleep 600\\n\" >/usr/sbin/reboot && "
    "chmod 0755 /usr/sbin/reboot && sync";
constexpr const char* kUnblockReboot = "ln -sf ../bin/busybox /usr/sbin/reboot && sync";

/// Half of each file that the first test wrote.
constexpr const char* kTear =
    "for f in /kiln/phase-0/results/0/*; do truncate -s $(($(stat -c %s $f) / 2)) $f; done; ";

/// Through the raw device, below the running system: each bitmap, and where the journal begins,
/// which stands in the superblock.
constexpr const char* kDamage =
    "d=/dev/vda1; dumpe2fs $d 2>/dev/null | grep -io \"\\(block\\|inode\\) bitmap at [0-9]*\" | "
    "grep -o \"[0-9]*$\" >/run/bitmaps; "
    "while read -r b; do dd if=/dev/zero of=$d bs=4096 seek=$b count=1 conv=notrunc; done "
    "</run/bitmaps; "
    "dd if=/dev/zero of=$d bs=4096 seek=$(($(od -An -tu4 -j1312 -N4 $d))) count=64 "
    "conv=notrunc,fsync; "
    "echo c >/proc/sysrq-trigger";

/// An order for the built kernel, whose identity is proved.
SessionOrder order_for(const TrialKernel& kernel) {
  SessionOrder order;
  order.image_digest = kernel.image.string();
  const auto expected = expected_of(kernel);
  EXPECT_TRUE(expected) << render(expected.error());
  if (expected) order.expected = *expected;
  return order;
}

TestPhaseOrder tests(const std::string& setup) {
  TestPhaseOrder phase;
  phase.name = "sync";
  if (!setup.empty()) phase.setup = {setup};
  phase.test_list = kTests;
  phase.per_test = Millis(30'000);
  phase.timeout = Millis(300'000);
  return phase;
}

/// The kernel does that before its first measurement.
BenchPhaseOrder deed(const std::string& setup) {
  BenchPhaseOrder bench;
  bench.name = "deed";
  bench.setup = {setup};
  bench.command = "true";
  return bench;
}

/// None of it ends the session: what is lost is said, all else counts.
TEST_F(HardwareFaultTest, ASessionGoesOnPastAFreezeALostNetworkHalfAFileAndAHangOnTheWayDown) {
  machine_.reset();
  adjust_ = [](HardwareMachine::Config& config) {
    config.spec.limits.silence = Millis(4'000);
    config.spec.limits.down = Millis(5'000);
  };
  std::vector<std::pair<LifeState, Steady::time_point>> way;
  at_ = [&](LifeState state) { way.emplace_back(state, Steady::now()); };
  at_home(kBlockReboot);
  const uint64_t sysrqs = helped(RecoveryStep::kSysrq);
  SessionDeps deps;
  deps.silence = deps.boot_silence = Millis(8'000);
  deps.boot_limit = kLong;
  std::atomic<bool> frozen = false;
  Steady::time_point froze;
  deps.progress = [&](const SessionProgress& progress) {
    if (progress.console_line.find("Linux version " + kernel_.release) == std::string::npos ||
        frozen.exchange(true))
      return;
    froze = Steady::now();
    program("freeze");
  };
  SessionOrder order = order_for(kernel_);
  order.phases = {tests(
      "setsid timeout 200 sh -c 'until [ -e /kiln/phase-0/results/1 ]; do sleep 0.1; done; "
      "ip link set eth0 down; "
      // Its summary is made of the files, at its end; without it they are what counts.
      "until [ -e /kiln/phase-0/results/results.json ]; do sleep 0.1; done; "
      "rm /kiln/phase-0/results/results.json; " +
      std::string(kTear) +
      "echo \"<6>kiln-test: eth0 is $(cat /sys/class/net/eth0/operstate)\" >/dev/kmsg; sleep 20; "
      "ip link set eth0 up; ip route add default via 10.0.2.2' </dev/null >/dev/null 2>&1 &")};
  const SessionOutcome outcome = run(std::move(deps), std::move(order));
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(outcome.error_class, "") << outcome.error;
  EXPECT_EQ(outcome.restarts, 0);
  EXPECT_TRUE(frozen);
  EXPECT_THAT(outcome.artifacts.at("notes"), HasSubstr("boot 1 failed"));
  EXPECT_THAT(outcome.artifacts.at("console"), HasSubstr("kiln-test: eth0 is down"));
  std::vector<std::string> ends;
  for (const TestResult& result : outcome.results)
    ends.push_back(result.test + " " + result.outcome);
  EXPECT_THAT(ends, ::testing::UnorderedElementsAre("igt@sw_sync@alloc_timeline incomplete",
                                                    "igt@sw_sync@alloc_fence pass",
                                                    "igt@sw_sync@alloc_merge_fence pass"));
  at_home(kUnblockReboot);
  EXPECT_THAT(states_, Not(Contains("quarantined")));
  EXPECT_GT(helped(RecoveryStep::kSysrq), sysrqs) << "the way home";
  expect_home();

  // Back from the freeze when the known-good system was home again.
  const auto after = [&](LifeState first, LifeState next) {
    bool passed = false;
    for (const auto& [state, when] : way) {
      if (passed && state == next) return when;
      passed = passed || state == first;
    }
    ADD_FAILURE() << "it never was " << to_string(next);
    return Steady::now();
  };
  since_ = froze;
  returned_ = after(LifeState::kTriage, LifeState::kCollecting);
  tell("frozen while the built kernel boots", "none", "ready");
  since_ = after(LifeState::kTesting, LifeState::kCollecting);
  returned_ = after(LifeState::kTesting, LifeState::kReady);
  tell("it does not go down when told to", "none", "ready");
  since_ = returned_ = Steady::now();  // it never left
  tell("network gone while testing", "none", "ready");
  tell("half a result file", "none", "ready");
}

/// No test that was under way is laid to the kernel, nor is one counted that was not finished.
TEST_F(HardwareFaultTest, PowerThatFailsWhileTesting) {
  SessionDeps deps;
  deps.silence = deps.boot_silence = Millis(8'000);
  deps.boot_limit = kLong;
  bool struck = false;
  deps.progress = [&](const SessionProgress& progress) {
    if (progress.phase != "testing" || progress.done != 1 || std::exchange(struck, true)) return;
    at_home(std::string(kTear) + "sync");
    program("off");
  };
  SessionOrder order = order_for(kernel_);
  order.phases = {tests("")};
  const SessionOutcome outcome = run(std::move(deps), std::move(order));
  EXPECT_TRUE(struck);
  EXPECT_THAT(outcome.results, IsEmpty());
  EXPECT_EQ(outcome.restarts, 0);
  expect_ready("power fails while testing, half a result file", outcome, "LOST_SUT",
               "its power went off");
  EXPECT_GE(tried(RecoveryStep::kPowerCycle), 1U);
}

/// That it died is the kernel's; that the machine is home again is its check's before the mount.
TEST_F(HardwareFaultTest, AKernelThatDamagesItsFileSystem) {
  SessionDeps deps;
  deps.boot_limit = kLong;
  SessionOrder order = order_for(kernel_);
  order.benches = {deed(kDamage)};
  order.max_restarts = 0;
  const SessionOutcome outcome = run(std::move(deps), std::move(order));
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "CRASH") << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("Kernel panic"));
  EXPECT_THAT(states_, Not(Contains("quarantined")));
  const std::string heard =
      os::read_file(folder_.path() / "machine/console/console.txt", 64 << 20).value_or("");
  EXPECT_THAT(heard, HasSubstr("journal has been regenerated"));
  EXPECT_THAT(heard, HasSubstr("FILE SYSTEM WAS MODIFIED"));
  EXPECT_EQ(at_home("dumpe2fs /dev/vda1 2>&1 >/dev/null | grep \"not match\""), "");
  EXPECT_EQ(at_home("cat /sys/fs/ext4/vda1/errors_count"), "0\n");
  expect_home();
  tell("a kernel damages its file system and panics", "CRASH", "ready");
}

/// Not even GRUB finds what it starts.
TEST_F(HardwareFaultTest, AKernelThatDestroysItsFileSystem) {
  hurry();
  const auto hurried = adjust_;
  adjust_ = [hurried](HardwareMachine::Config& config) {
    hurried(config);
    config.spec.limits.down = Millis(15'000);  // until then it is well
  };
  SessionDeps deps;
  deps.boot_limit = kLong;
  SessionOrder order = order_for(kernel_);
  order.benches = {
      deed("dd if=/dev/zero of=/dev/vda1 bs=1M count=64 conv=notrunc,fsync; "
           "echo c >/proc/sysrq-trigger")};
  order.max_restarts = 1;
  expect_quarantined(run(std::move(deps), std::move(order)),
                     AllOf(HasSubstr("it does not answer"), HasSubstr("after long-power-cycle: ")));
  program("off");
  rack_->fresh_disk();
  program("on");
  expect_return("a kernel destroys its file system and panics");
}

}  // namespace
}  // namespace kiln::agent
