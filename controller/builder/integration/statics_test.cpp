/// The static tools on a small program that builds as a kernel's objects do, with the real gcc,
/// sparse and nm; checkpatch is a stand-in (tests/e2e has the kernel's own).
#include <gmock/gmock.h>

#include "controller/builder/integration/builder_fixture.h"
#include "controller/builder/integration/fake_kbuild.h"
#include "lib/base/text.h"

namespace kiln::builder {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kRules = R"make(
ifndef obj
lib/%.o init/%.o: FORCE
	@echo "  CC      $@"
	@gcc -O2 $(if $(W),-Wall -Wextra) $(KCFLAGS) -I$(CURDIR)/include -c -o $(O)/$@ $(CURDIR)/$(@:.o=.c)
	@$(if $(C),echo "  CHECK   $(CURDIR)/$(@:.o=.c)"; $(CHECK) -I$(CURDIR)/include $(CURDIR)/$(@:.o=.c))
	@echo "$@" >> $(O)/made
endif
)make";

/// Says one thing, as the real one does, and proves that it was given the mail.
constexpr const char* kCheckpatch = R"perl(
my $file = $ARGV[-1];
open(my $in, '<', $file) or die "no patch";
my @lines = <$in>;
exit 0 unless grep { /^Subject: \[PATCH\] bad/ } @lines;
print "lib/util.c:6: ERROR:SPACING: space required before the open parenthesis '('\n";
print ":3: WARNING:COMMIT_LOG_LONG_LINE: Possible unwrapped commit description\n";
exit 1;
)perl";

constexpr const char* kHarmless =
    "#include \"common.h\"\n\n/* moved down */\nint util(int x)\n{\n\tif (x)\n\t\treturn 1;\n"
    "\treturn 0;\n}\n";
constexpr const char* kBad =
    "#include \"common.h\"\n\n/* moved down */\nvoid fill(char *p);\nint util(int x)\n{\n"
    "\tchar big[1500];\n\tint unused;\n\n\tunused = 3;\n\tfill(big);\n\tif (x)\n\t\treturn "
    "big[2];\n"
    "\treturn 0;\n}\nint exposed = 4;\n";
constexpr const char* kDeepBroken = "int deep(int x)\n{\n\treturn x +;\n}\n";

class StaticsTest : public BuilderTest {
 protected:
  [[nodiscard]] std::map<std::string, std::string> source() const override {
    auto files = fake_kbuild();
    files["Makefile"] += kRules;
    files["scripts/checkpatch.pl"] = kCheckpatch;
    return files;
  }
  void SetUp() override {
    BuilderTest::SetUp();
    base_ = request(tree());
    build(base_);
    wanted_.config = "fake";
    wanted_.arch = "i386";
    wanted_.base_key = wanted_.last_key = kernel::build_key(base_.input);
    wanted_.timeout = Millis(120'000);
    wanted_.memory_bytes = 1ULL << 30;
    add_state(base_.input.tree_id);
  }
  void add_state(const std::string& tree_id) {
    wanted_.states.push_back({tree_id, base_.input.config_text});
  }
  /// The next patch: what its tree holds, and the files it touches.
  void patch(const std::string& subject, const std::map<std::string, std::string>& files,
             statics::AddedLines added = {}) {
    add_state(tree(files));
    StaticPatch one;
    one.mail = "From: A <a@b.example>\nSubject: [PATCH] " + subject + "\n\nx\n---\n";
    for (const auto& [name, text] : files) one.files.push_back(name);
    one.added = std::move(added);
    wanted_.patches.push_back(std::move(one));
  }
  statics::Side check() {
    auto side = builder_->check_statics(wanted_);
    EXPECT_TRUE(side) << render(side.error());
    return side ? *side : statics::Side();
  }
  static std::vector<std::string> lines(const statics::Side& side) {
    std::vector<std::string> out;
    for (const statics::Check& c : side.checks)
      out.push_back(fmt::format("{} {} {} {}:{} {}", c.patch, c.tool, c.level, c.file, c.line,
                                c.text.substr(0, c.text.find(" ["))));
    return out;
  }

  BuildRequest base_;
  StaticRequest wanted_;
};

TEST_F(StaticsTest, EachToolsWordsNameThePatchThatBringsThem) {
  patch("fine", {{"lib/util.c", kHarmless}});
  patch("bad", {{"lib/util.c", kBad}}, {{"lib/util.c", {4, 7, 8, 9, 10, 11, 16}}});
  const statics::Side side = check();
  EXPECT_THAT(side.notes, IsEmpty());
  EXPECT_THAT(
      lines(side),
      ElementsAre("2 W=1 warning lib/util.c:8 variable 'unused' set but not used",
                  "2 sparse warning lib/util.c:16 symbol 'exposed' was not declared. Should it be "
                  "static?",
                  "2 checkpatch error lib/util.c:6 space required before the open parenthesis '('",
                  "2 checkpatch warning :0 Possible unwrapped commit description"));
  ASSERT_EQ(side.growths.size(), 1U);
  EXPECT_EQ(side.growths[0].symbol, "util");
  EXPECT_EQ(side.growths[0].object, "lib/util.o");
  EXPECT_EQ(side.growths[0].patch, 2);
  EXPECT_GE(side.growths[0].stack_after, 1500U);
  EXPECT_TRUE(statics::is_large(side.growths[0]));
  ASSERT_EQ(side.patches.size(), 2U);
  EXPECT_THAT(side.patches[0].tools, ElementsAre("W=1", "sparse", "checkpatch"));
  EXPECT_EQ(side.patches[0].objects, 1);
}

TEST_F(StaticsTest, WhatWasAskedOnceIsNotAskedAgain) {
  patch("bad", {{"lib/util.c", kBad}});
  const auto first = lines(check());
  // A compiler that is called again would fail now.
  wanted_.memory_bytes = 1ULL << 30;
  const auto count = [&] {
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator(dir_ / "data/statics")) n += entry.exists();
    return n;
  };
  EXPECT_EQ(count(), 2U);
  for (const auto& entry : fs::directory_iterator(dir_ / "data/statics")) {
    auto text = os::read_file(entry.path());
    ASSERT_TRUE(text);
    const size_t at = text->find("set but not used");
    if (at == std::string::npos) continue;
    text->replace(at, 3, "GOT");
    ASSERT_TRUE(os::write_atomic(entry.path(), *text));
  }
  const auto second = lines(check());
  EXPECT_EQ(count(), 2U);
  EXPECT_THAT(second, Contains(HasSubstr("GOT but not used"))) << "it comes from the cache";
  EXPECT_EQ(first.size(), second.size());
}

TEST_F(StaticsTest, AnObjectThatDoesNotCompileIsANote) {
  patch("broken", {{"lib/gt/deep.c", kDeepBroken}, {"lib/util.c", kBad}});
  const statics::Side side = check();
  EXPECT_THAT(side.notes, ElementsAre(HasSubstr("lib/gt/deep.o does not compile with patch 1: "
                                                "lib/gt/deep.c:3: expected expression")));
  EXPECT_THAT(lines(side), Contains(HasSubstr("lib/util.c:8 variable 'unused'")))
      << "the other objects are compared all the same";
}

TEST_F(StaticsTest, AnIncludedFileIsLookedAtInWhatIncludesIt) {
  patch("selftest",
        {{"lib/gt/selftest.c",
          "static int check(int x)\n{\n\tint y;\n\n\ty = x;\n\treturn x ? 0 : 3;\n}\n"}});
  EXPECT_THAT(lines(check()),
              ElementsAre("1 W=1 warning lib/gt/selftest.c:3 variable 'y' set but not used"));
}

TEST_F(StaticsTest, WithoutObjectsAndCheckpatchItSaysSo) {
  wanted_.base_key = wanted_.last_key = std::string(64, 'f');
  wanted_.states.clear();
  add_state(tree({{"scripts/checkpatch.pl", ""}}));
  patch("bad", {{"lib/util.c", kBad}});
  const statics::Side side = check();
  EXPECT_THAT(side.checks, IsEmpty());
  EXPECT_THAT(side.notes, ElementsAre("checkpatch: the source has no scripts/checkpatch.pl",
                                      HasSubstr("baseline's objects are not there")));
}

TEST_F(StaticsTest, ACheckpatchThatFailsIsANote) {
  wanted_.states.clear();
  add_state(tree({{"scripts/checkpatch.pl", "die 'broken';"}}));
  patch("bad", {{"lib/util.c", kHarmless}});
  EXPECT_THAT(check().notes, Contains(HasSubstr("checkpatch of patch 1 failed: broken")));
}

TEST_F(StaticsTest, StoppingEndsItAndLeavesNothing) {
  patch("bad", {{"lib/util.c", kBad}});
  std::stop_source stop;
  stop.request_stop();
  const auto side = builder_->check_statics(wanted_, stop.get_token());
  ASSERT_FALSE(side);
  EXPECT_EQ(side.error().kind, ErrorKind::kCancelled);
  for (const auto& entry : fs::directory_iterator(dir_ / "data/tmp/builder"))
    EXPECT_FALSE(entry.path().filename().string().starts_with("statics-")) << entry.path();
}

}  // namespace
}  // namespace kiln::builder
