#include "lib/series/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace kiln::series {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kDiff =
    "---\n"
    " a.c | 3 ++-\n"
    " 1 file changed, 2 insertions(+), 1 deletion(-)\n"
    "\n"
    "diff --git a/drivers/a.c b/drivers/a.c\n"
    "index 83db48f..f735c20 100644\n"
    "--- a/drivers/a.c\n"
    "+++ b/drivers/a.c\n"
    "@@ -10,3 +10,4 @@ int f(void)\n"
    " \tone();\n"
    "-\ttwo();\n"
    "+\tzwei();\n"
    "+\tdrei();\n"
    " \tfour();\n"
    "-- \n"
    "2.39.2\n";

std::string mail(const std::string& subject, const std::string& id, const std::string& body) {
  return "From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001\n"
         "From: Ann Dev <ann@example.org>\n"
         "Message-Id: <" +
         id + ">\nSubject: " + subject + "\n\n" + body;
}

TEST(Rfc2047, DecodesQuotedAndBase64Words) {
  EXPECT_EQ(decode_rfc2047("=?UTF-8?q?J=C3=BCrgen_M?= <j@x>"), "J\xc3\xbcrgen M <j@x>");
  EXPECT_EQ(decode_rfc2047("=?utf-8?B?SsO8cg==?= =?utf-8?B?Z2Vu?="), "J\xc3\xbcrgen");
  EXPECT_EQ(decode_rfc2047("=?iso-8859-1?Q?Andr=E9?="), "Andr\xc3\xa9");
  EXPECT_EQ(decode_rfc2047("=?koi8-r?B?AAAA?= x"), "=?koi8-r?B?AAAA?= x");
  EXPECT_EQ(decode_rfc2047("a =? b"), "a =? b");
}

TEST(Mail, UnfoldsSubjectAndReadsItsNumbers) {
  const auto m = parse_mail({"x",
                             "Subject: [PATCH v2 1/3] drm/i915: Replace kmap()\n with "
                             "kmap_local_page()\nMESSAGE-ID: <a@b>\nFrom: A <a@b>\n\nbody\n"});
  ASSERT_TRUE(m);
  EXPECT_EQ(m->title, "drm/i915: Replace kmap() with kmap_local_page()");
  EXPECT_EQ(m->number, 1);
  EXPECT_EQ(m->total, 3);
  EXPECT_EQ(m->version, 2);
  EXPECT_EQ(m->message_id, "a@b");
  EXPECT_EQ(m->body, "body\n");
}

TEST(Mail, DecodesQuotedPrintableBodies) {
  const auto m = parse_mail({"x",
                             "Subject: s\nContent-Transfer-Encoding: quoted-printable\n\n"
                             "a =3D b;=\n c\n"});
  ASSERT_TRUE(m);
  EXPECT_EQ(m->body, "a = b; c\n");
}

TEST(Mail, RefusesBinary) {
  const auto m = parse_mail({"vmlinux.patch", std::string("\x7f"
                                                          "ELF\0\0",
                                                          6)});
  ASSERT_FALSE(m);
  EXPECT_EQ(render(m.error()),
            "error: vmlinux.patch is a binary file, not a patch\n"
            "  a series is text: git format-patch writes it");
}

TEST(Diff, CountsLinesAndNumbersThem) {
  const auto files = parse_diff(kDiff, "p");
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1u);
  const FileChange& f = files->front();
  EXPECT_EQ(f.path, "drivers/a.c");
  EXPECT_EQ(f.insertions, 2);
  EXPECT_EQ(f.deletions, 1);
  ASSERT_EQ(f.hunks.size(), 1u);
  EXPECT_EQ(f.hunks[0].patch_line, 9);
  ASSERT_EQ(f.hunks[0].lines.size(), 5u);
  EXPECT_EQ(f.hunks[0].lines[3].new_line, 12);
  EXPECT_EQ(f.hunks[0].lines[3].text, "\tdrei();");
  EXPECT_EQ(f.hunks[0].lines[1].old_line, 11);
}

TEST(Diff, SeesNewDeletedRenamedAndBinaryFiles) {
  const auto files = parse_diff(
      "diff --git a/n.c b/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1 @@\n+x\n"
      "diff --git a/d.c b/d.c\ndeleted file mode 100644\n--- a/d.c\n+++ /dev/null\n@@ -1 +0,0 "
      "@@\n-x\n"
      "diff --git a/o.c b/r.c\nsimilarity index 100%\nrename from o.c\nrename to r.c\n"
      "diff --git a/b.bin b/b.bin\nBinary files a/b.bin and b/b.bin differ\n",
      "p");
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 4u);
  EXPECT_TRUE((*files)[0].added);
  EXPECT_TRUE((*files)[1].deleted);
  EXPECT_EQ((*files)[1].path, "d.c");
  EXPECT_TRUE((*files)[2].renamed);
  EXPECT_EQ((*files)[2].old_path, "o.c");
  EXPECT_TRUE((*files)[3].binary);
}

TEST(Diff, NamesThatGitQuotes) {
  const auto files = parse_diff(
      "diff --git a/old name.c \"b/new n\\303\\244me.c\"\n"
      "similarity index 100%\n"
      "rename from old name.c\n"
      "rename to \"new n\\303\\244me.c\"\n"
      "diff --git \"a/m\\303\\266de.sh\" \"b/m\\303\\266de.sh\"\n"
      "old mode 100644\n"
      "new mode 100755\n"
      "diff --git \"a/\\303\\274.c\" \"b/\\303\\274.c\"\n"
      "--- \"a/\\303\\274.c\"\n"
      "+++ \"b/\\303\\274.c\"\n"
      "@@ -1 +1 @@\n-a\n+b\n",
      "x");
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[0].old_path, "old name.c");
  EXPECT_EQ((*files)[0].path, "new n\xc3\xa4me.c");
  EXPECT_EQ((*files)[1].path,
            "m\xc3\xb6"
            "de.sh");
  EXPECT_EQ((*files)[2].path, "\xc3\xbc.c");
  EXPECT_FALSE(parse_diff("diff --git \"a/x/\\056\\056/y\" \"b/x/\\056\\056/y\"\n", "x"));
}

TEST(Diff, HunkContentThatLooksLikeAHeaderStaysContent) {
  const auto files = parse_diff("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n+++ b/y\n z\n", "p");
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1u);
  EXPECT_EQ(files->front().insertions, 1);
  EXPECT_EQ(files->front().deletions, 1);
}

TEST(Diff, TruncatedHunkIsRefusedWithItsPlace) {
  const auto files = parse_diff("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n", "0001-x.patch", 20);
  ASSERT_FALSE(files);
  EXPECT_EQ(render(files.error()),
            "error: the patch ends inside this hunk: 8 old and 8 new lines are missing\n"
            " --> 0001-x.patch:22\n"
            "22 | @@ -1,9 +1,9 @@");
}

TEST(Diff, PathsThatLeaveTheTreeAreRefused) {
  for (const char* path : {"../etc/passwd", "x/../../y", ".git/hooks/a", "/etc/passwd"}) {
    const auto files = parse_diff(
        std::string("--- a/") + path + "\n+++ b/" + path + "\n@@ -1 +1 @@\n-a\n+b\n", "p");
    ASSERT_FALSE(files) << path;
    EXPECT_THAT(files.error().message, HasSubstr("the patch writes outside the tree"));
  }
}

TEST(Diff, AbsurdCountsDoNotHang) {
  EXPECT_FALSE(parse_diff("--- a/x\n+++ b/x\n@@ -1,99999999999 +1 @@\n a\n", "p"));
  EXPECT_FALSE(parse_diff("--- a/x\n+++ b/x\n@@ -1,2000000000 +1,2000000000 @@\n a\n", "p"));
}

TEST(Series, CoverLetterOrderAndRepliesInOneMbox) {
  const auto s = assemble({{"m1", mail("[PATCH v2 2/2] b", "2@x", std::string("two\n") + kDiff)},
                           {"m2", mail("[PATCH v2 0/2] drm: the title", "0@x", "Why.\n")},
                           {"m3", mail("Re: [PATCH v2 1/2] a", "9@x", "looks good\n")},
                           {"m4", mail("[PATCH 1/2] old", "8@x", std::string("old\n") + kDiff)},
                           {"m5", mail("[PATCH v2 1/2] a", "1@x", std::string("one\n") + kDiff)},
                           {"m6", mail("[PATCH v2 1/2] a", "1@x", std::string("one\n") + kDiff)}},
                          "series.mbox");
  ASSERT_TRUE(s) << render(s.error());
  EXPECT_EQ(s->title, "drm: the title");
  EXPECT_EQ(s->cover, "Why.");
  EXPECT_EQ(s->author, "Ann Dev <ann@example.org>");
  EXPECT_EQ(s->message_id, "0@x");
  EXPECT_EQ(s->version, 2);
  ASSERT_EQ(s->patches.size(), 2u);
  EXPECT_EQ(s->patches[0].subject, "a");
  EXPECT_EQ(s->patches[0].body, "one");
  EXPECT_EQ(s->patches[1].subject, "b");
  EXPECT_THAT(touched_files(*s), ElementsAre("drivers/a.c"));
}

/// `text` as a mailer sends it that ends lines by CRLF.
std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

TEST(Series, AMailersLineEndsAreNotTheFiles) {
  const std::string deletion =
      "---\n\n"
      "diff --git a/old.c b/old.c\n"
      "deleted file mode 100644\n"
      "--- a/old.c\n"
      "+++ /dev/null\n"
      "@@ -1 +0,0 @@\n-x\n";
  const auto series =
      assemble({{"0001.patch", with_crlf(mail("[PATCH] gone", "1", deletion))}}, "x");
  ASSERT_TRUE(series);
  ASSERT_EQ(series->patches.size(), 1U);
  EXPECT_EQ(series->patches[0].files.at(0).path, "old.c");
  EXPECT_TRUE(series->patches[0].files.at(0).deleted);
  EXPECT_EQ(series->patches[0].diff.find('\r'), std::string::npos);
}

TEST(Series, AFilesLineEndsStay) {
  const std::string change =
      "---\n\n"
      "diff --git a/dos.txt b/dos.txt\n"
      "--- a/dos.txt\n"
      "+++ b/dos.txt\n"
      "@@ -1 +1 @@\n-x\r\n+y\r\n";
  const auto series = assemble({{"0001.patch", mail("[PATCH] dos", "1", change)}}, "x");
  ASSERT_TRUE(series);
  EXPECT_THAT(series->patches.at(0).diff, HasSubstr("+y\r\n"));
}

TEST(Series, AMissingPatchIsNamed) {
  const auto s = assemble(
      {{"m1", mail("[PATCH 1/3] a", "1@x", kDiff)}, {"m3", mail("[PATCH 3/3] c", "3@x", kDiff)}},
      "series.mbox");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().message, "patch 2/3 is missing in series.mbox");
}

TEST(Series, NothingToApplyIsRefused) {
  const auto s = assemble({{"m1", mail("[PATCH 0/0] a", "1@x", "text\n")}}, "x.mbox");
  ASSERT_FALSE(s);
  EXPECT_EQ(render(s.error()),
            "error: no patch in x.mbox\n"
            "  write the series with: git format-patch -o FOLDER BASE..TIP");
}

TEST(Series, TooMuchIsRefused) {
  const auto s = assemble({{"m", std::string(kMaxSeriesBytes + 1, 'x')}}, "huge.mbox");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().message, "huge.mbox is larger than 34 MB: not a patch series");
}

TEST(Series, FolderInOrderOfNamesWithCover) {
  const auto dir = os::make_temp_dir(std::filesystem::temp_directory_path(), "series");
  ASSERT_TRUE(dir);
  const auto put = [&](const char* name, const std::string& text) {
    std::ofstream(*dir / name) << text;
  };
  put("0002-b.patch", mail("[PATCH 2/2] b", "2@x", kDiff));
  put("0001-a.patch", mail("[PATCH 1/2] a", "1@x", kDiff));
  put("0000-cover-letter.patch", mail("[PATCH 0/2] title", "0@x", "text\n"));
  put("README.md", "not a patch");
  const auto s = load_folder(*dir);
  ASSERT_TRUE(s) << render(s.error());
  EXPECT_EQ(s->title, "title");
  ASSERT_EQ(s->patches.size(), 2u);
  EXPECT_EQ(s->patches[0].name, "0001-a.patch");
  EXPECT_EQ(s->patches[0].diff_line, 10);
  (void)os::remove_tree(*dir);
}

TEST(Series, MissingFolderIsNamed) {
  const auto s = load_folder("/nowhere/series");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().message, "the series folder /nowhere/series is not there");
  EXPECT_EQ(s.error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kiln::series
