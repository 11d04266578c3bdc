#include "lib/dmesg/stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/dmesg/generic.h"
#include "lib/dmesg/signature.h"

namespace kiln::dmesg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names(std::string_view kind, std::string_view text) {
  std::vector<std::string> out;
  for (const StackEntry& entry : own_stack(kind, text)) {
    out.push_back(entry.symbol + (entry.exact ? "!" : ""));
    if (!entry.module.empty()) out.back() += " " + entry.module;
  }
  return out;
}

TEST(Stack, WhatDecodingNeeds) {
  const auto stack = own_stack("oops",
                               "EIP: shmem_pread.isra.0+0x2c/0x60 [i915]\nCall Trace:\n"
                               " shmem_pread.isra.0+0x2c/0x60 [i915]\n"
                               " i915_gem_pread_ioctl+0x123/0x280 [i915 0123abcd]\n");
  EXPECT_THAT(stack, ElementsAre(StackEntry{"shmem_pread.isra.0", 0x2c, 0x60, "i915", true},
                                 StackEntry{"i915_gem_pread_ioctl", 0x123, 0x280, "i915", false}));
  EXPECT_THAT(to_frames(stack), ElementsAre(Frame{"shmem_pread", "i915", "", 0, false},
                                            Frame{"i915_gem_pread_ioctl", "i915", "", 0, false}));
}

TEST(Stack, WithoutCompilersSuffixes) {
  EXPECT_EQ(without_suffix("shmem_pread.isra.0"), "shmem_pread");
  EXPECT_EQ(without_suffix("foo.constprop.0.cold"), "foo");
  EXPECT_EQ(without_suffix("foo.part.7"), "foo");
  EXPECT_EQ(without_suffix("foo"), "foo");
  EXPECT_EQ(without_suffix(""), "");
}

TEST(Stack, HelpersThatFailByTheirCallersFaultAreLeftOut) {
  EXPECT_THAT(names("warning",
                    "WARNING: CPU: 0 PID: 1 at mm/highmem.c:622 kunmap_local_indexed+0x1/0x2\n"
                    "EIP: kunmap_local_indexed+0x1/0x2\nCall Trace:\n __warn.cold+0x1/0x2\n"
                    " memcpy_from_page+0x1/0x2\n shmem_pread+0x1/0x2 [i915]\n"
                    " do_SYSENTER_32+0x1/0x2\n"),
              ElementsAre("shmem_pread i915"));
}

TEST(Stack, GuessesOnlyWhenThereIsNothingElse) {
  EXPECT_THAT(names("oops", " ? alpha+0x1/0x2\n beta+0x1/0x2\n"), ElementsAre("beta"));
  EXPECT_THAT(names("oops", " ? alpha+0x1/0x2\n ? panic+0x1/0x2\n"), ElementsAre("alpha"));
  EXPECT_THAT(names("oops", " dump_stack+0x1/0x2\n"), IsEmpty());
}

TEST(Stack, WhatAnInterruptInterruptedIsInnocent) {
  EXPECT_THAT(
      names("oops",
            "RIP: 0010:e1000_clean+0x1/0x2 [e1000]\nCall Trace:\n <IRQ>\n"
            " __napi_poll+0x1/0x2\n </IRQ>\n <TASK>\n i915_gem_pread_ioctl+0x1/0x2 [i915]\n"),
      ElementsAre("e1000_clean! e1000", "__napi_poll"));
  // Nothing own in the interrupt: it is the interrupted code that hangs.
  EXPECT_THAT(names("rcu-stall",
                    "Call Trace:\n <IRQ>\n rcu_sched_clock_irq+0x1/0x2\n tick_sched_timer+0x1/0x2\n"
                    " </IRQ>\n <TASK>\n igt_vma_partial+0x1/0x2 [i915]\n"),
              ElementsAre("igt_vma_partial i915"));
}

TEST(Signature, OfStallsIsWhatLoops) {
  const auto of = [](std::string_view kind, std::string_view text) {
    return make_signature(kind, "title 12", own_stack(kind, text));
  };
  constexpr std::string_view kOne =
      " memcmp+0x1/0x2\n alpha+0x1/0x2\n beta+0x1/0x2\n gamma+0x1/0x2\n delta+0x1/0x2\n"
      " drm_ioctl_kernel+0x1/0x2\n drm_ioctl+0x1/0x2\n";
  constexpr std::string_view kOther =
      " other+0x1/0x2\n beta+0x1/0x2\n gamma+0x1/0x2\n delta+0x1/0x2\n drm_ioctl+0x1/0x2\n";
  EXPECT_EQ(of("lockup", kOne), "lockup: beta < gamma < delta");
  EXPECT_EQ(of("lockup", kOther), of("lockup", kOne));
  EXPECT_EQ(of("oops", kOne), "oops: alpha < beta < gamma");
  EXPECT_EQ(of("oops", ""), "oops: title #");
  EXPECT_EQ(of("oom", kOne), "oom");
  EXPECT_EQ(of("panic", kOne), "panic: title #");
}

TEST(Signature, WithoutNumbers) {
  EXPECT_EQ(without_numbers("in gem_x [412] at c251f030, 12.5 s, 0x2c/0x60 rcs0 ffff88800a5b3f00"),
            "in gem_x [#] at #, # s, #/# rcs0 #");
  EXPECT_EQ(without_numbers("i915_gem.c:233 v6.1.192 Deadbeef dead 0000:00:02.0 CPU#1"),
            "i915_gem.c:# v6.# Deadbeef dead #:#:# CPU##");
  EXPECT_EQ(without_numbers(""), "");
  EXPECT_EQ(without_numbers("7"), "#");
  EXPECT_EQ(without_numbers("1.2.3"), "#.#");
}

}  // namespace
}  // namespace kiln::dmesg
