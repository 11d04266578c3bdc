/// What the ladder reads and is called.
#include <gtest/gtest.h>

#include "lib/machine/recovery.h"

namespace kiln::machine {
namespace {

using Step = RecoveryStep;
using At = Sighting;

TEST(Recovery, ALookIsReadOrRefused) {
  const auto look = [](const std::string& text) { return read_look(text, "kiln.session="); };
  EXPECT_EQ(look("cmdline=root=/dev/sda2 ro\nroot=rw,relatime\nend=look\n"), At::kKnownGood);
  EXPECT_EQ(look("cmdline=ro kiln.session=7-x\nroot=rw\nend=look\n"), At::kTestKernel);
  EXPECT_EQ(look("cmdline=quiet\nroot=ro,relatime\nend=look\n"), At::kDamaged);
  EXPECT_EQ(look("cmdline=quiet\nroot=ro\nend=look\n"), At::kDamaged);
  EXPECT_EQ(look("cmdline=quiet\nroot=rw\nerrors=0\nend=look\n"), At::kKnownGood);
  EXPECT_EQ(look("cmdline=quiet\nroot=rw\nerrors=\nend=look\n"), At::kKnownGood) << "no ext4";
  EXPECT_EQ(look("cmdline=quiet\nroot=rw\nerrors=3\nend=look\n"), At::kDamaged);
  EXPECT_EQ(look("cmdline=kiln.session=7\nroot=rw\nerrors=3\nend=look\n"), At::kTestKernel);
  EXPECT_EQ(look("cmdline=quiet\nroot=rw\n"), std::nullopt) << "half an answer";
  EXPECT_EQ(look("cmdline=\nroot=rw\nend=look\n"), std::nullopt);
  EXPECT_EQ(look(std::string("\xff\0\x80", 3)), std::nullopt);
}

TEST(Recovery, EachStepHasItsName) {
  for (size_t i = 0; i < kRecoverySteps; ++i)
    EXPECT_EQ(recovery_step(to_string(static_cast<Step>(i))), static_cast<Step>(i));
  EXPECT_EQ(recovery_step("hope"), std::nullopt);
}

}  // namespace
}  // namespace kiln::machine
