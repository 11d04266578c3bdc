#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "lib/dmesg/report.h"

namespace kiln::dmesg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kWarning = R"([   71.100001] ------------[ cut here ]------------
[   71.100002] provoked by request
[   71.100003] WARNING: CPU: 1 PID: 412 at drivers/gpu/drm/i915/i915_gem.c:233 shmem_pread.isra.0+0x2c/0x60 [i915]
[   71.100004] Modules linked in: i915 vgem
[   71.100005] CPU: 1 PID: 412 Comm: gem_pread Tainted: G        W          6.1.192 #1
[   71.100006] EIP: shmem_pread.isra.0+0x2c/0x60 [i915]
[   71.100007] Code: f9 e8 28 f6 ff ff 89
[   71.100008] EAX: 00000000 EBX: 00000000 ECX: 00000001 EDX: 00000000
[   71.100009] Call Trace:
[   71.100010]  ? __warn.cold+0x11/0x22
[   71.100011]  ? report_bug+0xe4/0x100
[   71.100012]  i915_gem_pread_ioctl+0x123/0x280 [i915]
[   71.100013]  drm_ioctl_kernel+0x8a/0x110
[   71.100014]  __ia32_sys_ioctl+0x10/0x20
[   71.100015] ---[ end trace 0000000000000000 ]---
)";

std::string read(const std::string& name) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/dmesg/testdata/" + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Report only(std::string_view log) {
  auto reports = cut_reports(log);
  EXPECT_THAT(reports, SizeIs(1));
  return reports.empty() ? Report{} : reports.front();
}

/// One-line logs and the kind and title that they give.
struct Case {
  std::string_view line;
  std::string_view kind;
  std::string_view title;
};
class Kinds : public ::testing::TestWithParam<Case> {};

TEST_P(Kinds, OfOneLine) {
  const Report report = only(GetParam().line);
  EXPECT_EQ(report.kind, GetParam().kind);
  EXPECT_EQ(report.title, GetParam().title);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, Kinds,
    ::testing::Values(
        Case{"[   12.345678] kernel BUG at mm/highmem.c:417!", "bug",
             "kernel BUG at mm/highmem.c:417!"},
        Case{"<1>[    3.1] BUG: unable to handle page fault for address: ffffb000\r", "oops",
             "BUG: unable to handle page fault for address: ffffb000"},
        Case{"BUG: kernel NULL pointer dereference, address: 00000010", "oops",
             "BUG: kernel NULL pointer dereference, address: 00000010"},
        Case{"[   50.000000] BUG: sleeping function called from invalid context at mm/slab.h:421",
             "atomic", "BUG: sleeping function called from invalid context at mm/slab.h:421"},
        Case{"BUG: scheduling while atomic: gem_pread/412/0x00000002", "atomic",
             "BUG: scheduling while atomic: gem_pread/412/0x00000002"},
        Case{"[  100.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [gem_pread:412]",
             "lockup", "BUG: soft lockup - CPU#1 stuck for 22s! [gem_pread:412]"},
        Case{"NMI watchdog: Watchdog detected hard LOCKUP on cpu 0", "lockup",
             "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0"},
        Case{"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "rcu-stall",
             "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"},
        Case{"rcu: INFO: rcu_sched self-detected stall on CPU", "rcu-stall",
             "rcu: INFO: rcu_sched self-detected stall on CPU"},
        Case{"INFO: task kworker/0:1:12 blocked for more than 120 seconds.", "hung-task",
             "INFO: task kworker/0:1:12 blocked for more than 120 seconds."},
        Case{"WARNING: possible circular locking dependency detected", "lockdep",
             "WARNING: possible circular locking dependency detected"},
        Case{"BUG: KASAN: slab-out-of-bounds in shmem_write+0x1a/0x20", "kasan",
             "BUG: KASAN: slab-out-of-bounds in shmem_write+0x1a/0x20"},
        Case{"UBSAN: array-index-out-of-bounds in drivers/x.c:12:3", "ubsan",
             "UBSAN: array-index-out-of-bounds in drivers/x.c:12:3"},
        Case{"BUG: KFENCE: use-after-free read in foo+0x1/0x2", "kfence",
             "BUG: KFENCE: use-after-free read in foo+0x1/0x2"},
        Case{"gem_pread invoked oom-killer: gfp_mask=0x140cca, order=0", "oom",
             "gem_pread invoked oom-killer: gfp_mask=0x140cca, order=0"},
        Case{"gem_pread: page allocation failure: order:4, mode:0x40cc0", "page-alloc",
             "gem_pread: page allocation failure: order:4, mode:0x40cc0"},
        Case{"list_add corruption. next->prev should be prev (c1), but was c2.", "list-corruption",
             "list_add corruption. next->prev should be prev (c1), but was c2."},
        Case{"i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb, in gem_x [412]", "gpu-hang",
             "i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb, in gem_x [412]"},
        Case{"[drm:intel_foo [i915]] *ERROR* wait timed out", "error",
             "[drm:intel_foo [i915]] *ERROR* wait timed out"},
        Case{"general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
             "oops",
             "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP"},
        Case{"Kernel panic - not syncing: Fatal exception", "panic",
             "Kernel panic - not syncing: Fatal exception"},
        Case{"mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 5", "hardware",
             "mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 5"},
        Case{"6,812,12345678,-;divide error: 0000 [#1] SMP", "oops",
             "divide error: 0000 [#1] SMP"}));

class NoReport : public ::testing::TestWithParam<std::string_view> {};
TEST_P(NoReport, InOrdinaryLines) {
  EXPECT_THAT(cut_reports(GetParam()), SizeIs(0));
}
INSTANTIATE_TEST_SUITE_P(
    Lines, NoReport,
    ::testing::Values("gem_pread[412]: segfault at 0 ip 0804 sp bf error 4 in gem_pread[8048000]",
                      "traps: prog[412] general protection fault ip:1 sp:2 error:0 in prog[1+2]",
                      "Command line: panic=5 oops=panic", "DEBUG: something",
                      "Linux version 6.1.192", "[IGT] meta_test[7]: BUG: not the kernel's words",
                      "", "---[ end Kernel panic - not syncing: Fatal exception ]---"));

TEST(Cut, TakesAWarningWhole) {
  const std::string log = "[   70.0] before\n" + std::string(kWarning) + "[   71.2] behind\n";
  const Report report = only(log);
  EXPECT_EQ(report.kind, "warning");
  EXPECT_EQ(report.title,
            "WARNING: CPU: 1 PID: 412 at drivers/gpu/drm/i915/i915_gem.c:233 "
            "shmem_pread.isra.0+0x2c/0x60 [i915]");
  EXPECT_EQ(report.signature, "warning: shmem_pread < i915_gem_pread_ioctl < drm_ioctl_kernel");
  EXPECT_EQ(report.first_line, 2U);
  EXPECT_EQ(report.last_line, 16U);
  EXPECT_NEAR(report.kernel_time.value_or(0), 71.100003, 1e-6);
  EXPECT_EQ(report.text + "\n", kWarning);
}

TEST(Cut, SignatureIsTheSameAcrossBoots) {
  std::string other(kWarning);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"CPU: 1 PID: 412", "CPU: 0 PID: 9981"},
                                                        {"+0x2c/0x60", "+0x3d/0x70"},
                                                        {"i915_gem.c:233", "i915_gem.c:241"},
                                                        {"[   71.1", "[  918.7"}}) {
    for (size_t at = other.find(from); at != std::string::npos;
         at = other.find(from, at + to.size()))
      other.replace(at, from.size(), to);
  }
  EXPECT_EQ(only(other).signature, only(kWarning).signature);
  EXPECT_NE(only(other).title, only(kWarning).title);
}

TEST(Cut, RealOopsOfTheEmbeddedMachine) {
  const Report report = only(read("console-vgem-oops.log"));
  EXPECT_EQ(report.kind, "oops");
  EXPECT_EQ(report.title, "BUG: kernel NULL pointer dereference, address: 00000000");
  EXPECT_EQ(report.signature,
            "oops: __cpa_process_fault < __change_page_attr_set_clr < change_page_attr_set_clr");
  EXPECT_EQ(report.test, "igt@vgem_basic@unload");
  EXPECT_FALSE(report.late);
  EXPECT_EQ(report.first_line, 7U);
  EXPECT_THAT(report.text, HasSubstr("---[ end trace 0000000000000000 ]---"));
  EXPECT_THAT(report.text, HasSubstr("EIP: 0xb7fbc549"));
  // The registers that x86 prints once more behind the end mark belong to it.
  EXPECT_EQ(report.last_line, 65U);
  EXPECT_EQ(severity(report), Severity::kNeedsReboot);
}

TEST(Cut, RealWarningOfTheEmbeddedMachine) {
  const Report report = only(read("console-boot-warning.log"));
  EXPECT_EQ(report.title,
            "WARNING: CPU: 1 PID: 132 at /kiln/bench/provoke.c:5 provoke_warn+0xd/0x20 [provoke]");
  EXPECT_EQ(report.signature, "warning: provoke_warn < wr < full_proxy_write");
  EXPECT_EQ(report.test, "igt@sw_sync@sync_multi_consumer");
  EXPECT_THAT(report.text, StartsWith("[   44.280111] ------------[ cut here ]------------"));
  EXPECT_THAT(report.text, HasSubstr("---[ end trace 0000000000000000 ]---"));
}

/// A host too busy to run its machine: stalls and lockups, several in a row, none of them a death.
TEST(Cut, RealStallsOfABusyHost) {
  std::vector<std::string> kinds;
  for (const Report& report : cut_reports(read("console-busy-host.log"))) {
    kinds.push_back(report.kind);
    EXPECT_EQ(severity(report), Severity::kMayRecover);
    EXPECT_EQ(report.test, "");
  }
  EXPECT_THAT(kinds, ElementsAre("rcu-stall", "lockup", "rcu-stall"));
}

TEST(Cut, RealPanicWithinATest) {
  const Report report = only(read("console-panic-reboot.log"));
  EXPECT_EQ(report.kind, "panic");
  EXPECT_EQ(report.title, "Kernel panic - not syncing: sysrq triggered crash");
  EXPECT_EQ(report.test, "igt@sw_sync@sync_multi_consumer");
  EXPECT_THAT(report.text, HasSubstr("sysrq_handle_crash"));
  EXPECT_THAT(report.text, ::testing::EndsWith("Rebooting in 1 seconds.."));
}

TEST(Cut, LinesOfOtherSpeakersInTheMiddle) {
  std::string log(kWarning);
  const std::string foreign = "[   71.100009] usb 1-1: new high-speed USB device\n";
  log.insert(log.find("[   71.100010]"), foreign + foreign + foreign);
  const Report report = only(log);
  EXPECT_EQ(report.last_line, 18U);
  EXPECT_THAT(report.text, HasSubstr("usb 1-1"));
  EXPECT_EQ(report.signature, "warning: shmem_pread < i915_gem_pread_ioctl < drm_ioctl_kernel");
}

TEST(Cut, TornLineStillBegins) {
  const Report report = only(
      "[    5.000000] usb 1-1: new [    5.000001] BUG: unable to handle page fault for address: "
      "1\n");
  EXPECT_EQ(report.kind, "oops");
  EXPECT_EQ(report.title, "BUG: unable to handle page fault for address: 1");
}

TEST(Cut, TwoProcessorsAtOnce) {
  const auto reports = cut_reports(
      "BUG: unable to handle page fault for address: 1\nCPU: 0 PID: 1 Comm: a\nEIP: alpha+0x1/0x2\n"
      "BUG: kernel NULL pointer dereference, address: 2\nCPU: 1 PID: 2 Comm: b\nEIP: "
      "beta+0x1/0x2\n");
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].signature, "oops: alpha");
  EXPECT_EQ(reports[1].signature, "oops: beta");
}

TEST(Cut, ErrorLineInsideAnOopsIsItsOwn) {
  std::string log(kWarning);
  log.insert(log.find("[   71.100010]"), "[   71.100009] [drm:foo [i915]] *ERROR* bad state 17\n");
  const auto reports = cut_reports(log);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].kind, "warning");
  EXPECT_THAT(reports[0].text, HasSubstr("---[ end trace"));
  EXPECT_EQ(reports[1].kind, "error");
  EXPECT_EQ(reports[1].signature, "error: [drm:foo [i915]] *ERROR* bad state #");
}

TEST(Cut, OopsThenPanicAreTwo) {
  const auto reports = cut_reports(
      "[    9.0] kernel BUG at lib/x.c:1!\n[    9.0] invalid opcode: 0000 [#1] SMP\n"
      "[    9.0] EIP: provoke_bug+0x1/0x2 [provoke]\n[    9.1] ---[ end trace 0000000000000000 "
      "]---\n"
      "[    9.1] Kernel panic - not syncing: Fatal exception\n[    9.1] Kernel Offset: disabled\n"
      "[    9.2] ---[ end Kernel panic - not syncing: Fatal exception ]---\n");
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].signature, "bug: provoke_bug");
  EXPECT_EQ(reports[0].last_line, 4U);
  EXPECT_EQ(reports[1].signature, "panic: Kernel panic - not syncing: Fatal exception");
  EXPECT_EQ(reports[1].last_line, 7U);
  EXPECT_EQ(severity(reports[1]), Severity::kDead);
}

TEST(Cut, ListCorruptionWithItsBugIsOne) {
  const Report report = only(
      "list_del corruption, c1->next is LIST_POISON1 (00000100)\n"
      "------------[ cut here ]------------\nkernel BUG at lib/list_debug.c:56!\n"
      "invalid opcode: 0000 [#1] SMP\nEIP: __list_del_entry_valid.cold+0x1/0x2\nCall Trace:\n"
      " drm_mm_remove_node+0x1/0x2\n---[ end trace 0000000000000000 ]---\n");
  EXPECT_EQ(report.kind, "list-corruption");
  EXPECT_EQ(report.signature, "list-corruption: drm_mm_remove_node");
  EXPECT_EQ(report.last_line, 8U);
}

TEST(Cut, TextWithoutStampsColoursAndCrLf) {
  const Report report = only(
      "\x1b[1;31mWARNING: CPU: 0 PID: 1 at a.c:1 foo+0x1/0x2\x1b[0m\r\nCall Trace:\r\n "
      "bar+0x1/0x2\r\n");
  EXPECT_EQ(report.title, "WARNING: CPU: 0 PID: 1 at a.c:1 foo+0x1/0x2");
  EXPECT_EQ(report.signature, "warning: foo < bar");
  EXPECT_FALSE(report.kernel_time);
}

TEST(Cut, CutOffInTheMiddleIsKept) {
  const std::string log = std::string(kWarning).substr(0, kWarning.size() / 2);
  EXPECT_EQ(only(log).kind, "warning");
}

TEST(Cut, BoundsTextAndNumber) {
  std::string log = "BUG: unable to handle page fault for address: 1\n";
  for (int i = 0; i < 60; ++i) log += " foo+0x1/0x2 " + std::string(4'000, 'x') + "\n";
  log += "---[ end trace 0 ]---\n";
  const Report report = only(log);
  EXPECT_LT(report.text.size(), 70'000U);
  EXPECT_THAT(report.text, HasSubstr("bytes left out ...]"));
  std::string many;
  for (int i = 0; i < 50; ++i) many += "[drm] *ERROR* " + std::string(1 + i % 26, 'x') + "\n";
  EXPECT_THAT(cut_reports(many, 7), SizeIs(7));
  EXPECT_THAT(cut_reports(many), SizeIs(26));
}

TEST(Cut, TheSameAgainIsCounted) {
  std::string log;
  for (int i = 0; i < 300; ++i) {
    std::string again(kWarning);
    again.replace(again.find("0x2c"), 4, "0x3d");
    log += i % 2 == 0 ? std::string(kWarning) : again;
    log += "[   71.2] [drm] *ERROR* bad state " + std::to_string(i) + "\n";
  }
  const auto reports = cut_reports(log);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].times, 300);
  EXPECT_EQ(reports[0].first_line, 1U);
  EXPECT_EQ(reports[1].times, 300);
  EXPECT_EQ(reports[1].title, "[drm] *ERROR* bad state 0");
}

/// A report behind thousands of others is found, and the log's size is all that its search costs.
TEST(Cut, AnOopsBehindAFlood) {
  std::string log;
  for (int i = 0; i < 20'000; ++i)
    log +=
        "[    1.000000] ------------[ cut here ]------------\n[    1.000000] WARNING: CPU: 0 "
        "PID: 1 at a.c:1 foo+0x1/0x2\n[    1.000000] [drm] *ERROR* " +
        std::to_string(i) + "\n";
  log += "[    9.000000] BUG: unable to handle page fault for address: 1\nEIP: bar+0x1/0x2\n";
  const auto reports = cut_reports(log);
  ASSERT_THAT(reports, SizeIs(3));
  EXPECT_EQ(reports[0].signature, "warning: foo");
  EXPECT_EQ(reports[0].times, 20'000);
  EXPECT_EQ(reports[1].times, 20'000);
  EXPECT_EQ(reports[2].signature, "oops: bar");
  EXPECT_EQ(reports[2].first_line, 60'001U);
}

TEST(Cut, ALineWithoutEndIsSearched) {
  std::string log(3 << 20, 'x');
  log.replace(1 << 20, 30, " BUG: kernel NULL pointer dere");
  log += "\n[    9.000000] [drm] *ERROR* behind\n";
  const auto reports = cut_reports(log);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].kind, "bug");
  EXPECT_EQ(reports[0].first_line, 1U);
  EXPECT_LT(reports[0].text.size(), 70'000U);
  EXPECT_EQ(reports[1].first_line, 2U);
}

TEST(Attribution, TellsTheSubtestAndDynamicSubtest) {
  const auto tests = [](std::string_view log) {
    std::vector<std::string> names;
    for (const Report& report : cut_reports(log))
      names.push_back(report.test + (report.late ? " (after)" : ""));
    return names;
  };
  EXPECT_THAT(
      tests(
          "[1.0] [drm] *ERROR* before\n[2.0] [IGT] gem_pread: executing\n[2.1] [drm] *ERROR* a\n"
          "[2.2] [IGT] gem_pread: starting subtest Basic\n[2.3] [drm] *ERROR* b\n"
          "[2.4] [IGT] gem_pread: starting dynamic subtest rcs0\n[2.5] [drm] *ERROR* c\n"
          "[2.6] [IGT] gem_pread: finished subtest basic, SUCCESS\n[2.7] [IGT] gem_pread: exiting, "
          "ret=0\n[3.0] [drm] *ERROR* d\n[9.0] [drm] *ERROR* e\n"
          "[0.0] Linux version 6.1.192 (kiln@kiln)\n[9.1] [drm] *ERROR* f\n"),
      ElementsAre("", "igt@gem_pread", "igt@gem_pread@basic", "igt@gem_pread@basic@rcs0",
                  "igt@gem_pread@basic@rcs0 (after)", "", ""));
}

TEST(Severity, WhichReportsEndTheMachine) {
  const auto of = [](std::string_view log) { return severity(only(log)); };
  EXPECT_EQ(of(kWarning), Severity::kMarksTest);
  EXPECT_EQ(of("[drm] *ERROR* x"), Severity::kMarksTest);
  EXPECT_EQ(of("BUG: sleeping function called from invalid context at a.c:1"),
            Severity::kMarksTest);
  EXPECT_EQ(of("BUG: Bad page state in process x pfn:1"), Severity::kNeedsReboot);
  EXPECT_EQ(of("rcu: INFO: rcu_sched self-detected stall on CPU"), Severity::kMayRecover);
  EXPECT_EQ(of("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [x:1]"), Severity::kMayRecover);
  EXPECT_EQ(of("NMI watchdog: Watchdog detected hard LOCKUP on cpu 0"), Severity::kNeedsReboot);
  EXPECT_EQ(of("Kernel panic - not syncing: x"), Severity::kDead);
  EXPECT_TRUE(taint_is_fatal(1 << 7));
  EXPECT_TRUE(taint_is_fatal(512));
  EXPECT_FALSE(taint_is_fatal(1 << 12 | 1 << 2));
}

}  // namespace
}  // namespace kiln::dmesg
