/// Reports that were cut short, named after chance, or ran into the next boot.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/text.h"
#include "lib/dmesg/report.h"

namespace kiln::dmesg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

/// Each line with what `front` makes of its number.
template <typename Front>
std::string lines(std::string_view text, Front front) {
  std::string out;
  int number = 0;
  for (const std::string& line : split_lines(text)) out += front(number++) + line + "\n";
  return out;
}

std::string stamped(std::string_view text, double from = 100) {
  return lines(text,
               [&](int number) { return fmt::format("[{:12.6f}] ", from + number / 1000000.0); });
}

constexpr std::string_view kOops =
    "BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
    "#PF: supervisor read access in kernel mode\n"
    "Oops: 0000 [#1] PREEMPT SMP NOPTI\n"
    "CPU: 1 PID: 812 Comm: gem_pread Not tainted 6.6.0 #1\n"
    "RIP: 0010:shmem_pread+0x9b/0xdc0 [i915]\n"
    "Call Trace:\n"
    " <TASK>\n"
    " i915_gem_pread_ioctl+0xa3/0x1d0 [i915]\n";

/// A soft lockup of Linux 6.3 and newer: the watchdog's own entries are guesses.
std::string soft_lockup(std::string_view at) {
  return fmt::format(
      "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [gem_exec:812]\n"
      "CPU: 1 PID: 812 Comm: gem_exec Not tainted 6.6.0 #1\n"
      "RIP: 0010:{0} [i915]\n"
      "Call Trace:\n"
      " <IRQ>\n"
      " ? watchdog_timer_fn+0x1b8/0x220\n"
      " ? sysvec_apic_timer_interrupt+0x6d/0x90\n"
      " </IRQ>\n"
      " <TASK>\n"
      " ? asm_sysvec_apic_timer_interrupt+0x1a/0x20\n"
      " ? {0} [i915]\n"
      " eb_relocate_vma+0xa3/0x190 [i915]\n"
      " i915_gem_do_execbuffer+0x9a2/0x2f10 [i915]\n"
      " i915_gem_execbuffer2_ioctl+0x11c/0x2c0 [i915]\n"
      " drm_ioctl_kernel+0xb3/0x140\n"
      " </TASK>\n",
      at);
}

TEST(WholeReports, ALockupIsNamedAfterItsLoopNotAfterWhereTheClockFoundIt) {
  const auto one = cut_reports(stamped(soft_lockup("intel_uncore_read+0x12/0x40")));
  const auto two = cut_reports(stamped(soft_lockup("eb_relocate_entry+0x52/0x340")));
  ASSERT_THAT(one, SizeIs(1));
  ASSERT_THAT(two, SizeIs(1));
  EXPECT_EQ(one[0].signature,
            "lockup: eb_relocate_vma < i915_gem_do_execbuffer < i915_gem_execbuffer2_ioctl");
  EXPECT_EQ(two[0].signature, one[0].signature);
}

TEST(WholeReports, SlubsDumpOfAnObject) {
  std::string text =
      "=============================================================================\n"
      "BUG kmalloc-64 (Tainted: G     U            ): Poison overwritten\n"
      "-----------------------------------------------------------------------------\n"
      "\n"
      "0xffff88810b5a0c40-0xffff88810b5a0c43 @offset=3136. First byte 0x0 instead of 0x6b\n"
      "Slab 0xffffea00042d6800 objects=32 used=30 fp=0xffff88810b5a0c40 flags=0x200\n"
      "Object 0xffff88810b5a0c40 @offset=3136 fp=0xffff88810b5a0d00\n";
  for (int i = 0; i < 20; ++i)
    text += "Redzone  ffff88810b5a0c00: bb bb bb bb bb bb bb bb  ........\n";
  text +=
      "CPU: 1 PID: 812 Comm: gem_exec Tainted: G    BU             6.6.0 #1\n"
      "Call Trace:\n"
      " check_object+0x1a5/0x2c0\n"
      " i915_vma_instance+0x5a/0x4f0 [i915]\n"
      "FIX kmalloc-64: Restoring Poison 0xffff88810b5a0c40-0xffff88810b5a0c43=0x6b\n";
  const auto reports = cut_reports(stamped(text));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].signature, "bug: i915_vma_instance");
  EXPECT_EQ(reports[0].comm, "gem_exec");
  EXPECT_THAT(reports[0].text, HasSubstr("FIX kmalloc-64"));
}

TEST(WholeReports, AnOomWithItsTableOfSlabs) {
  std::string text =
      "gem_exec invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE), order=0\n"
      "Mem-Info:\n"
      "Unreclaimable slab info:\n"
      "Name                      Used          Total\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("kmalloc-rcl-{:<10} {:6}KB {:10}KB\n", i, i, i);
  text += "Out of memory: Killed process 812 (gem_exec) total-vm:493824kB\n";
  const auto reports = cut_reports(stamped(text));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_THAT(reports[0].text, HasSubstr("Killed process 812"));
}

TEST(WholeReports, ABootEndsWhatTheLastOneLeftOpen) {
  const auto by_init = [](int number) { return fmt::format("[  100.{:06}][    T1] ", number); };
  const std::string boot =
      "[    0.000000][    T0] Linux version 6.6.0 (x@y) #1 SMP\n"
      "[    1.000000][    T1] pci 0000:00:01.0: [8086:1237] type 00\n"
      "[    1.000001][    T1] i915 0000:00:02.0: [drm] Initialized i915\n";
  const auto reports = cut_reports(lines(kOops, by_init) + boot + lines(kOops, by_init));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].times, 2);
  EXPECT_EQ(reports[0].last_line, 8U);
  EXPECT_THAT(reports[0].text, Not(HasSubstr("Initialized")));
}

TEST(WholeReports, FullTablesOfLockdepAreNobodysBug) {
  for (const char* who : {"i915_gem_object_lock", "ext4_lookup"}) {
    const auto reports =
        cut_reports(stamped(fmt::format("BUG: MAX_LOCKDEP_CHAINS too low!\n"
                                        "turning off the locking correctness validator.\n"
                                        "Call Trace:\n"
                                        " add_chain_cache.cold+0x1b/0x40\n"
                                        " {}+0x2a/0x60\n",
                                        who)));
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].signature, "lockdep: BUG: MAX_LOCKDEP_CHAINS too low!");
    EXPECT_EQ(severity(reports[0]), Severity::kMarksTest);
  }
}

TEST(WholeReports, AStallOfTasksRcu) {
  const auto reports =
      cut_reports(stamped("INFO: rcu_tasks detected stalls on tasks:\n"
                          "0000000066ee2ecf: .. nvcsw: 17/17 holdout: 1 idle_cpu: -1/1\n"
                          "task:gem_exec state:R  running task     stack:    0 pid:   99\n"
                          "Call Trace:\n"
                          " i915_spin+0x2/0x3 [i915]\n"));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].signature, "rcu-stall: i915_spin");
}

TEST(WholeReports, HoweverAJournalOrDmesgWritesItsTime) {
  for (const char* front :
       {"Nov 29 10:15:55 dut-1 kernel: ", "2026-11-29T10:15:55+0000 dut-1 kernel: ",
        "Nov 29 10:15:55 dut-1 kernel: [  100.000001] ", "[Sun Nov 29 10:15:55 2026] "}) {
    const auto reports = cut_reports(lines(kOops, [&](int) { return front; }));
    ASSERT_THAT(reports, SizeIs(1)) << front;
    EXPECT_EQ(reports[0].signature, "oops: shmem_pread < i915_gem_pread_ioctl") << front;
    EXPECT_EQ(reports[0].last_line, 8U) << front;
  }
}

TEST(WholeReports, AMeasuredTimeIsNoPartOfAName) {
  const auto reports =
      cut_reports(stamped("i915 0000:00:02.0: [drm] *ERROR* no clock after 12ms, 4096kB\n"
                          "i915 0000:00:02.0: [drm] *ERROR* no clock after 140ms, 64kB\n"));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].times, 2);
}

}  // namespace
}  // namespace kiln::dmesg
