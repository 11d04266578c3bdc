#include "controller/scheduler/orders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::scheduler {
namespace {

using testing::ElementsAre;

struct Fixture {
  Prepared prepared;
  job::PlannedSession session;
  kernel::BuildRecord build;

  Fixture() {
    prepared.spec.boot_timeout = Millis(240'000);
    prepared.spec.tests.resize(2);
    prepared.spec.tests[0].name = "selftests";
    prepared.spec.tests[1].name = "gem";
    prepared.lists = {{"selftests", "igt@i915_selftest@mock\n", {"igt@i915_selftest@mock"}},
                      {"gem",
                       "igt@gem_pread@basic\nigt@gem_pwrite@basic\n",
                       {"igt@gem_pread@basic", "igt@gem_pwrite@basic"}}};
    prepared.spec.benches.resize(2);
    prepared.spec.benches[0].name = "kmap";
    prepared.spec.benches[0].instructions = true;
    prepared.spec.benches[1].name = "prw";
    prepared.config_highmem["hm"] = true;
    session = {"k", "functional", "patched", "hm", 0, false, "key", {}};
    build.release = "6.1.192";
    build.module_build_ids = {{"i915", "aa"}, {"vgem", "bb"}};
  }
  v1::SessionOrder order() { return make_order({&prepared, &session, &build, 7, 1, "qemu-1"}); }
};

TEST(Orders, AFunctionalSessionRunsEachPhaseAndProvesTheKernel) {
  Fixture f;
  const v1::SessionOrder order = f.order();
  EXPECT_EQ(order.cell(), "patched/hm");
  EXPECT_EQ(order.phases_size(), 2);
  EXPECT_EQ(order.benches_size(), 0);
  EXPECT_TRUE(order.expected().wants_highmem());
  EXPECT_EQ(order.expected().module_build_ids().size(), 1U);
  EXPECT_EQ(order.expected().module_build_ids().at("i915"), "aa");
  EXPECT_GT(order.timeout_seconds(), order.phases(0).timeout_seconds());
  EXPECT_EQ(order.boot_seconds(), 240);
}

TEST(Orders, AConfirmationRunsOnlyTheSuspects) {
  Fixture f;
  f.session.purpose = "confirmation";
  f.session.only_tests = {"igt@gem_pwrite@basic"};
  v1::SessionOrder order = f.order();
  ASSERT_EQ(order.phases_size(), 1);
  EXPECT_EQ(order.phases(0).test_list(), "igt@gem_pwrite@basic\n");
  f.session.only_tests = {"igt@i915_selftest@mock@shmem"};
  order = f.order();
  ASSERT_EQ(order.phases_size(), 1);
  EXPECT_EQ(order.phases(0).test_list(), "igt@i915_selftest@mock\n");
}

TEST(Orders, InstructionSessionsHaveOneCpuAndOnlyTheirBenches) {
  Fixture f;
  f.session.purpose = "instructions";
  const v1::SessionOrder order = f.order();
  EXPECT_EQ(order.phases_size(), 0);
  ASSERT_EQ(order.benches_size(), 1);
  EXPECT_EQ(order.benches(0).name(), "kmap");
  EXPECT_EQ(order.setup().cpus(), 1);
  EXPECT_TRUE(order.setup().count_instructions());
}

TEST(Orders, ATestNameThatOnlyBeginsAlikeIsNotMeant) {
  EXPECT_THAT(lines_for_tests({"igt@gem_pread", "igt@gem_pread_more"}, {"igt@gem_pread@basic"}),
              ElementsAre("igt@gem_pread"));
}

}  // namespace
}  // namespace kiln::scheduler
