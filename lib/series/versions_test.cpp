#include "lib/series/versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/series/series.h"

namespace kiln::series {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Version first() {
  Version v;
  v.title_key = "drm/i915: replace kmap()";
  v.author_key = "dev@example.org";
  v.message_id = "v1-0@example.org";
  v.patches = {{"drm/i915: one", "a"}, {"drm/i915/gt: two", "b"}, {"drm/i915/gem: three", "c"}};
  return v;
}

Version second() {
  Version v = first();
  v.version = 2;
  v.message_id = "v2-0@example.org";
  v.patches[1].patch_id = "b2";
  return v;
}

TEST(Keys, LeaveOutWhatChangesBetweenVersions) {
  EXPECT_EQ(title_key("Re: [PATCH v2 0/3] [RFC]  drm/i915:  Replace kmap()"),
            "drm/i915: replace kmap()");
  EXPECT_EQ(title_key("no prefix"), "no prefix");
  EXPECT_EQ(title_key("[unclosed"), "[unclosed");
  EXPECT_EQ(author_key("A Developer <Dev@Example.org>"), "dev@example.org");
  EXPECT_EQ(author_key("dev@example.org"), "dev@example.org");
  EXPECT_EQ(author_key("A Developer"), "");
}

TEST(Link, AuthorAndTitle) {
  EXPECT_EQ(link_of(second(), first()), "the same author and title");
  EXPECT_EQ(link_of(first(), second()), "") << "a version does not follow a later one";
  Version other = first();
  other.author_key = "somebody@example.org";
  EXPECT_EQ(link_of(second(), other), "") << "a title alone links nothing";
  other.author_key = "";
  Version nobody = second();
  nobody.author_key = "";
  EXPECT_EQ(link_of(nobody, other), "") << "two unknown authors are not the same";
}

TEST(Link, MailsThatAnswer) {
  Version v2 = second();
  v2.title_key = "something else";
  v2.author_key = "maintainer@example.org";
  EXPECT_EQ(link_of(v2, first()), "");
  v2.answers = {"other@x", "v1-0@example.org"};
  EXPECT_EQ(link_of(v2, first()), "its mails answer to that version's");
}

TEST(Link, PatchesOfOneAuthorUnderAnotherTitle) {
  Version v2 = second();
  v2.title_key = "drm/i915: use local mappings";
  EXPECT_EQ(link_of(v2, first()), "the same author, and 3 of 3 patches");
  v2.patches = {{"drm/i915: one", "a"}, {"x", "x"}, {"y", "y"}};
  EXPECT_EQ(link_of(v2, first()), "") << "less than half";
}

TEST(Link, TheSamePatchesAreNoOtherVersion) {
  Version again = first();
  EXPECT_EQ(link_of(again, first()), "");
  again.patches[2].patch_id = "c2";
  EXPECT_EQ(link_of(again, first()), "the same author and title") << "sent without a number";
  Version unknown = first();
  for (VersionPatch& patch : unknown.patches) patch.patch_id = "";
  EXPECT_NE(link_of(unknown, unknown), "") << "unknown patches may differ";
}

TEST(Predecessor, IsTheNearestVersionAndItsNewestRun) {
  Version third = second();
  third.version = 3;
  third.patches[0].patch_id = "a3";
  Version unrelated = first();
  unrelated.author_key = "x@y";
  const std::vector<Version> older{unrelated, first(), second(), second(), first()};
  EXPECT_EQ(predecessor(third, older), 2U);
  EXPECT_EQ(predecessor(second(), older), 1U);
  EXPECT_EQ(predecessor(first(), std::vector<Version>{unrelated, second()}), std::nullopt);
}

TEST(Changes, ArePatchesThatAreNotAsTheyWere) {
  Version v2 = second();
  v2.patches.push_back({"drm/i915: four", "d"});
  v2.patches[0].subject = "drm/i915: one, renamed";
  v2.patches.erase(v2.patches.begin() + 2);
  EXPECT_THAT(changed_patches(v2, first()),
              ElementsAre("1/3 drm/i915: one, renamed: renamed", "2/3 drm/i915/gt: two: changed",
                          "3/3 drm/i915: four: new", "drm/i915/gem: three: dropped"));
  EXPECT_THAT(changed_patches(first(), first()), IsEmpty());
}

TEST(Answers, AreReadFromTheMails) {
  const auto mail = [](const std::string& subject, const std::string& id, const std::string& more) {
    return Message{subject, "From: A <a@example.org>\nSubject: " + subject + "\nMessage-Id: <" +
                                id + ">\n" + more +
                                "\n\nbody\n---\n"
                                "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"};
  };
  const auto series = assemble(
      {mail("[PATCH v2 1/2] one", "n1@x", "In-Reply-To: <old@x>\nReferences: <root@x>\n <old@x>"),
       mail("[PATCH v2 2/2] two", "n2@x", "In-Reply-To: <n1@x>\nReferences: <n1@x> junk <")},
      "here");
  ASSERT_TRUE(series) << render(series.error());
  EXPECT_THAT(series->answers, ElementsAre("old@x", "root@x"));
  EXPECT_EQ(series->version, 2);
  EXPECT_EQ(series->patches[1].message_id, "n2@x");
}

}  // namespace
}  // namespace kiln::series
