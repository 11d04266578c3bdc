#include "lib/machine/recovery.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lib/machine/life.h"
#include "lib/os/files.h"

namespace kiln::machine {
namespace {

using ::testing::HasSubstr;
using E = LifeEvent;
using S = LifeState;
using Step = RecoveryStep;
using At = Sighting;

constexpr RecoveryMeans kAll{true, true, true};
constexpr RecoveryMeans kPowerOnly{false, false, true};
constexpr RecoveryMeans kNothing{false, false, false};

/// A machine with a fault: where it strikes, what is seen of it, and what each step changes. A step
/// that is not named changes nothing.
struct Fault {
  std::string name;
  S in;     ///< the state in which it strikes
  E event;  ///< and how that is noticed
  RecoveryMeans means;
  At seen;  ///< from then on
  std::map<Step, At> after;
  std::string ending;   ///< of the session
  S end;                ///< of the machine
  std::string because;  ///< in the keeper's report, of a quarantine
};

struct Recovered {
  bool home = false;
  std::string why;
  std::vector<Step> steps;
};

Recovered recover(const Fault& fault, StepCounts& counts) {
  Recovered out;
  At seen = fault.seen;
  std::vector<StepDone> done;
  for (size_t i = 0; i <= kRecoverySteps; ++i) {
    const RecoveryMove move =
        next_move(fault.means, counts, seen, std::string(to_string(seen)), done);
    count_passed_over(counts, move.passed_over);
    out.home = move.kind == RecoveryMove::Kind::kHome;
    out.why = move.why;
    if (move.kind != RecoveryMove::Kind::kStep) return out;
    if (const auto found = fault.after.find(move.step); found != fault.after.end())
      seen = found->second;
    count_step(counts, move.step, seen);
    done.push_back({move.step, std::string(to_string(seen))});
    out.steps.push_back(move.step);
  }
  ADD_FAILURE() << fault.name << ": the ladder does not end";
  return out;
}

/// From the fault to the machine's rest, by the table alone: each look at the machine is the
/// ladder's. The classes of the session on the way go to `endings`.
S live(const Fault& fault, bool home, std::set<std::string>& endings) {
  S state = fault.in;
  E event = fault.event;
  for (int i = 0; i < 20; ++i) {
    const Edge* edge = edge_of(state, event);
    if (edge == nullptr) return state;
    if (!edge->ending.empty()) endings.insert(std::string(edge->ending));
    state = edge->to;
    if (state == S::kReady || state == S::kQuarantined) return state;
    const bool looks = state != S::kCollecting;
    event = looks && !home ? E::kFailed : E::kDone;
  }
  return state;
}

const std::vector<Fault>& faults() {
  static const std::vector<Fault> kFaults{
      {"PDU says on, the machine stays off",
       S::kRebooting,
       E::kFailed,
       kPowerOnly,
       At::kOff,
       {},
       "INFRA_POWER",
       S::kQuarantined,
       "its power stays off"},
      {"BMC says on while off, and needs longer",
       S::kRebooting,
       E::kTimeout,
       kAll,
       At::kOff,
       {{Step::kLongPowerCycle, At::kKnownGood}},
       "INFRA_POWER",
       S::kReady,
       ""},
      {"PDU switches another outlet",
       S::kRebooting,
       E::kFailed,
       kPowerOnly,
       At::kSilent,
       {},
       "INFRA_POWER",
       S::kQuarantined,
       "it does not answer"},
      {"no power driver, and dead",
       S::kDeploying,
       E::kTimeout,
       kNothing,
       At::kSilent,
       {},
       "INFRA_DEPLOY",
       S::kQuarantined,
       "nothing can switch its power"},
      {"power fails while it is idle",
       S::kReady,
       E::kDoubtful,
       kPowerOnly,
       At::kOff,
       {{Step::kPowerCycle, At::kKnownGood}},
       "",
       S::kReady,
       ""},
      {"power fails while testing",
       S::kTesting,
       E::kFailed,
       kAll,
       At::kOff,
       {{Step::kPowerCycle, At::kKnownGood}},
       "LOST_SUT",
       S::kReady,
       ""},
      {"the copy stops: disk full",
       S::kDeploying,
       E::kFailed,
       kAll,
       At::kKnownGood,
       {},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"network flaps in the middle of the copy",
       S::kDeploying,
       E::kFailed,
       kAll,
       At::kSilent,
       {{Step::kResume, At::kKnownGood}},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"half a file arrives",
       S::kDeploying,
       E::kFailed,
       kAll,
       At::kKnownGood,
       {},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"SSH accepts and stalls while deploying",
       S::kDeploying,
       E::kTimeout,
       kAll,
       At::kStalled,
       {{Step::kSysrq, At::kKnownGood}},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"SSH accepts and stalls, no console",
       S::kDeploying,
       E::kTimeout,
       kPowerOnly,
       At::kStalled,
       {{Step::kPowerCycle, At::kKnownGood}},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"SSH accepts and stalls for ever",
       S::kDeploying,
       E::kTimeout,
       kAll,
       At::kStalled,
       {},
       "INFRA_DEPLOY",
       S::kQuarantined,
       "SSH takes connections and nobody answers"},
      {"it resets itself while deploying",
       S::kDeploying,
       E::kReset,
       kAll,
       At::kSilent,
       {{Step::kResume, At::kKnownGood}},
       "INFRA_DUT",
       S::kReady,
       ""},
      {"its root turned read-only while deploying",
       S::kDeploying,
       E::kFailed,
       kAll,
       At::kDamaged,
       {{Step::kCheckedBoot, At::kKnownGood}},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"its disk is worn out",
       S::kDeploying,
       E::kFailed,
       kAll,
       At::kDamaged,
       {{Step::kCheckedBoot, At::kDamaged}},
       "INFRA_DEPLOY",
       S::kQuarantined,
       "its file system stays damaged"},
      {"the check of its disk never ends",
       S::kDeploying,
       E::kFailed,
       kPowerOnly,
       At::kDamaged,
       {{Step::kCheckedBoot, At::kSilent}, {Step::kPowerCycle, At::kKnownGood}},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"the boot entry cannot be written",
       S::kArmed,
       E::kFailed,
       kAll,
       At::kKnownGood,
       {},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"NVRAM is full: the entry is not read back",
       S::kArmed,
       E::kTimeout,
       kAll,
       At::kKnownGood,
       {},
       "INFRA_DEPLOY",
       S::kReady,
       ""},
      {"it does not go down when told to",
       S::kRebooting,
       E::kTimeout,
       kAll,
       At::kKnownGood,
       {},
       "INFRA_POWER",
       S::kReady,
       ""},
      {"firmware waits for a key",
       S::kBooting,
       E::kTimeout,
       kAll,
       At::kSilent,
       {},
       "INFRA_DUT",
       S::kQuarantined,
       "after long-power-cycle: silence"},
      {"the disk is gone: nothing boots",
       S::kBooting,
       E::kTimeout,
       kPowerOnly,
       At::kSilent,
       {},
       "INFRA_DUT",
       S::kQuarantined,
       "it does not answer"},
      {"a reboot loop of the machine itself",
       S::kBooting,
       E::kReset,
       kAll,
       At::kSilent,
       {},
       "INFRA_DUT",
       S::kQuarantined,
       "it does not answer"},
      {"the known-good kernel boots instead",
       S::kIdentifying,
       E::kFailed,
       kAll,
       At::kKnownGood,
       {},
       "WRONG_KERNEL",
       S::kReady,
       ""},
      {"another machine answers at its address",
       S::kIdentifying,
       E::kFailed,
       kAll,
       At::kRefused,
       {},
       "WRONG_KERNEL",
       S::kQuarantined,
       "SSH is refused"},
      {"someone is logged in and rebooted it",
       S::kIdentifying,
       E::kTimeout,
       kAll,
       At::kSilent,
       {{Step::kResume, At::kKnownGood}},
       "INFRA_DUT",
       S::kReady,
       ""},
      {"host key changed while idle",
       S::kReady,
       E::kDoubtful,
       kAll,
       At::kRefused,
       {},
       "",
       S::kQuarantined,
       "which no reboot changes"},
      {"our key is refused",
       S::kVerifying,
       E::kFailed,
       kAll,
       At::kRefused,
       {},
       "",
       S::kQuarantined,
       "SSH is refused"},
      {"the network is gone while testing",
       S::kTesting,
       E::kFailed,
       kAll,
       At::kSilent,
       {{Step::kPowerCycle, At::kKnownGood}},
       "LOST_SUT",
       S::kReady,
       ""},
      {"the switch is dead",
       S::kTesting,
       E::kFailed,
       kAll,
       At::kSilent,
       {},
       "LOST_SUT",
       S::kQuarantined,
       "it does not answer"},
      {"the session's time is over",
       S::kTesting,
       E::kTimeout,
       kAll,
       At::kTestKernel,
       {{Step::kReboot, At::kKnownGood}},
       "TIMED_OUT",
       S::kReady,
       ""},
      {"the lease is lost in the middle of a test",
       S::kTesting,
       E::kStopped,
       kAll,
       At::kTestKernel,
       {{Step::kReboot, At::kKnownGood}},
       "CANCELLED",
       S::kReady,
       ""},
      {"half a result file",
       S::kCollecting,
       E::kFailed,
       kAll,
       At::kTestKernel,
       {{Step::kReboot, At::kKnownGood}},
       "",
       S::kReady,
       ""},
      {"the test kernel answers and cannot reboot",
       S::kCollecting,
       E::kDone,
       kAll,
       At::kTestKernel,
       {{Step::kReset, At::kKnownGood}},
       "",
       S::kReady,
       ""},
      {"GRUB does not forget the entry",
       S::kCollecting,
       E::kDone,
       kPowerOnly,
       At::kTestKernel,
       {},
       "",
       S::kQuarantined,
       "its boot loader does not forget it"},
      {"the agent was killed with the machine mid-boot",
       S::kRecovering,
       E::kDone,
       kAll,
       At::kSilent,
       {{Step::kResume, At::kTestKernel}, {Step::kReboot, At::kKnownGood}},
       "",
       S::kReady,
       ""},
      {"cancelled while the machine is dead",
       S::kBooting,
       E::kStopped,
       kAll,
       At::kSilent,
       {{Step::kReset, At::kKnownGood}},
       "CANCELLED",
       S::kReady,
       ""},
  };
  return kFaults;
}

/// 36 faults: the class is right, the series is never blamed, and the machine is ready again or in
/// quarantine with the right reason.
TEST(Recovery, EveryFaultEndsWithTheMachineReadyOrInQuarantineForTheRightReason) {
  EXPECT_GE(faults().size(), 30U);
  const std::string page =
      os::read_file(os::Path(KILN_SOURCE_DIR) / "docs/machine-faults.md", 1 << 20).value_or("");
  for (const Fault& fault : faults()) {
    StepCounts counts{};
    const Recovered recovered = recover(fault, counts);
    std::set<std::string> endings;
    EXPECT_EQ(live(fault, recovered.home, endings), fault.end) << fault.name;
    EXPECT_EQ(recovered.home, fault.end == S::kReady) << fault.name << ": " << recovered.why;
    EXPECT_THAT(recovered.why, HasSubstr(fault.because)) << fault.name;
    EXPECT_EQ(recovered.why.empty(), fault.because.empty()) << fault.name;
    const std::set<std::string> wanted =
        fault.ending.empty() ? std::set<std::string>{} : std::set<std::string>{fault.ending};
    EXPECT_EQ(endings, wanted) << fault.name;
    for (const char* blames : {"BOOT_FAIL", "CRASH", "FAIL", "HANG"})
      EXPECT_FALSE(endings.contains(blames)) << fault.name;
    const std::string row = fmt::format(
        "\n| {} | {} | {} |\n", fault.name, fault.ending.empty() ? "none" : fault.ending,
        fault.end == S::kReady ? "ready" : "quarantine: " + fault.because);
    EXPECT_THAT(page, HasSubstr(row)) << "docs/machine-faults.md";
  }
}

/// What is the kernel's: its machine comes home by itself, so the table says so.
TEST(Recovery, AKernelIsBlamedOnlyWhenTheKnownGoodOneBoots) {
  const Fault hang{"hangs at boot",
                   S::kBooting,
                   E::kTimeout,
                   kAll,
                   At::kSilent,
                   {{Step::kPowerCycle, At::kKnownGood}},
                   "",
                   S::kReady,
                   ""};
  for (const bool home : {true, false}) {
    std::set<std::string> endings;
    live(hang, home, endings);
    EXPECT_EQ(endings, std::set<std::string>{home ? "BOOT_FAIL" : "INFRA_DUT"});
  }
}

TEST(Recovery, TheLadderClimbsFromTheMildestStep) {
  StepCounts counts{};
  const Fault dead{"", S::kTesting, E::kFailed, kAll, At::kSilent, {}, "", S::kReady, ""};
  EXPECT_EQ(recover(dead, counts).steps,
            (std::vector<Step>{Step::kResume, Step::kSysrq, Step::kReset, Step::kPowerCycle,
                               Step::kLongPowerCycle}));
  const Fault off{"", S::kTesting, E::kFailed, kAll, At::kOff, {}, "", S::kReady, ""};
  EXPECT_EQ(recover(off, counts).steps,
            (std::vector<Step>{Step::kPowerCycle, Step::kLongPowerCycle}));
}

TEST(Recovery, AStepThatNeverHelpsIsLeftOutAndTriedOnceInAWhile) {
  const Fault deaf{"",   S::kTesting, E::kFailed,
                   kAll, At::kSilent, {{Step::kPowerCycle, At::kKnownGood}},
                   "",   S::kReady,   ""};
  StepCounts counts{};
  int with_sysrq = 0;
  for (int i = 0; i < 60; ++i) {
    const Recovered recovered = recover(deaf, counts);
    EXPECT_TRUE(recovered.home);
    EXPECT_EQ(recovered.steps.back(), Step::kPowerCycle);
    for (const Step step : recovered.steps) with_sysrq += step == Step::kSysrq ? 1 : 0;
  }
  EXPECT_EQ(with_sysrq, 7) << "five times at first, then once in twenty-one";
  EXPECT_EQ(counts[static_cast<size_t>(Step::kPowerCycle)].helped, 60U);
  // One that helped once is never left out.
  counts[static_cast<size_t>(Step::kSysrq)].helped = 1;
  EXPECT_EQ(recover(deaf, counts).steps.front(), Step::kSysrq) << "waiting never helped, either";
}

TEST(Recovery, TheLastHopeIsNeverLeftOut) {
  StepCounts counts{};
  for (StepCount& count : counts) count = {100, 0, 0};
  const Fault dead{"", S::kTesting, E::kFailed, kAll, At::kSilent, {}, "", S::kReady, ""};
  EXPECT_EQ(recover(dead, counts).steps, std::vector<Step>{Step::kLongPowerCycle});
}

}  // namespace
}  // namespace kiln::machine
