#include "agent/console/patterns.h"

#include <gmock/gmock.h>

namespace kiln::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PatternsTest : public ::testing::Test {
 protected:
  void start(const std::vector<Pattern>& patterns) {
    patterns_ = patterns;
    hits_.clear();
    watch_ = *PatternWatch::create(patterns, [this](const PatternHit& hit) {
      hits_.push_back(patterns_[hit.pattern].name + ": " + hit.line);
    });
  }
  std::vector<Pattern> patterns_;
  std::vector<std::string> hits_;
  std::unique_ptr<PatternWatch> watch_;
};

TEST_F(PatternsTest, FindsAMatchAcrossEveryChunkBorder) {
  const std::string text = "junk\r\n[ 1.0] Kernel panic - not syncing: x\r\nlogin: \n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    start(console_patterns());
    watch_->feed(std::string_view(text).substr(0, cut));
    watch_->quiet();
    watch_->feed(std::string_view(text).substr(cut));
    ASSERT_EQ(hits_.size(), 2U) << cut;
    EXPECT_THAT(hits_[0], ::testing::StartsWith("panic: [ 1.0] Kernel panic"));
    EXPECT_THAT(hits_[1], ::testing::StartsWith("login: "));
  }
}

TEST_F(PatternsTest, APromptWithoutALineEndIsFoundWhenItIsQuietAndOnlyOnce) {
  start(console_patterns());
  watch_->feed("Keyboard error. Press F1 to con");
  watch_->quiet();
  EXPECT_THAT(hits_, IsEmpty());
  watch_->feed("tinue");
  EXPECT_THAT(hits_, IsEmpty());
  watch_->quiet();
  watch_->quiet();
  watch_->feed(" ...\n");
  EXPECT_THAT(hits_, ElementsAre("firmware-waits: Keyboard error. Press F1 to continue"));
  watch_->feed("Press F1 to continue\n");
  EXPECT_EQ(hits_.size(), 2U) << "another line";
}

TEST_F(PatternsTest, GarbageAndTornCharactersHideNothing) {
  start({{"word", "caf\xe9|GPU HANG"}});
  watch_->feed(std::string("\xff\xfe\x00\xc3 GPU HA", 11));
  watch_->feed("NG \x80\n");
  watch_->feed("caf\xe9\n");
  EXPECT_EQ(hits_.size(), 2U);
}

TEST_F(PatternsTest, ALineWithoutEndIsLookedAtInPiecesThatOverlap) {
  for (const size_t before : {8180UL, 8185UL, 8192UL, 16'000UL}) {
    start({{"needle", "needle-[0-9]+"}});
    watch_->feed(std::string(before, 'x'));
    watch_->feed("needle-17");
    watch_->feed(std::string(20'000, 'x'));
    watch_->feed("\n");
    EXPECT_EQ(hits_.size(), 1U) << before;
  }
}

TEST_F(PatternsTest, AWrongPatternIsNamed) {
  const auto bad = PatternWatch::create({{"mine", "a(b"}}, [](const PatternHit&) {});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("the pattern mine: "));
}

TEST_F(PatternsTest, AnOrdinaryBootMatchesOnlyItsBanner) {
  start(console_patterns());
  watch_->feed(
      "SeaBIOS (version 1.16)\nLinux version 6.1.0 (gcc)\nRAMDISK: ok\n"
      "i915 0000:00:02.0: vgaarb: deactivate\nEXT4-fs (sda1): mounted filesystem\n");
  ASSERT_EQ(hits_.size(), 2U);
  EXPECT_THAT(hits_[0], ::testing::StartsWith("boot-loader: "));
  EXPECT_THAT(hits_[1], ::testing::StartsWith("kernel: "));
}

}  // namespace
}  // namespace kiln::agent
