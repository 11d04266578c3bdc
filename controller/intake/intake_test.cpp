#include "controller/intake/intake.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lib/base/text.h"

namespace kiln::intake {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

struct TarEntry {
  std::string name;
  std::string content;
  int mode = 0644;
  unsigned type = AE_IFREG;
};

void write_tar(const fs::path& path, const std::vector<TarEntry>& entries) {
  archive* out = archive_write_new();
  archive_write_set_format_gnutar(out);
  archive_write_add_filter_xz(out);
  ASSERT_EQ(archive_write_open_filename(out, path.c_str()), ARCHIVE_OK);
  for (const TarEntry& e : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, e.name.c_str());
    archive_entry_set_filetype(entry, e.type);
    archive_entry_set_perm(entry, static_cast<mode_t>(e.mode));
    if (e.type == AE_IFLNK)
      archive_entry_set_symlink(entry, e.content.c_str());
    else
      archive_entry_set_size(entry, static_cast<int64_t>(e.content.size()));
    archive_write_header(out, entry);
    if (e.type == AE_IFREG) archive_write_data(out, e.content.data(), e.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
}

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += fmt::format("line {}\n", i);
  return text;
}

std::string patch(const std::string& number, const std::string& subject, const std::string& diff) {
  return fmt::format("From: Ann <a@x>\nSubject: [PATCH {}] {}\n\nWhy.\n---\n{}-- \n2.39\n", number,
                     subject, diff);
}

/// Replaces line `line` of a file of numbered_lines().
std::string change(const std::string& file, int line, const std::string& from,
                   const std::string& to) {
  return fmt::format(
      "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -{1},3 +{1},3 @@\n line {1}\n-{2}\n+{3}\n "
      "line {4}\n",
      file, line - 1, from, to, line + 1);
}

class IntakeTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(fs::temp_directory_path(), "intake");
    fs::create_directories(dir_ / "src");
    fs::create_directories(dir_ / "series");
    write_tar(dir_ / "src/linux-source-9.8.tar.xz",
              {{"linux-source-9.8/", "", 0755, AE_IFDIR},
               {"linux-source-9.8/Makefile", "VERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\n"},
               {"linux-source-9.8/.gitignore", "/*\n"},
               {"linux-source-9.8/a.c", numbered_lines(30)},
               {"linux-source-9.8/drivers/b.c", numbered_lines(30)},
               {"linux-source-9.8/run.sh", "#!/bin/sh\n", 0755},
               {"linux-source-9.8/link", "a.c", 0777, AE_IFLNK}});
    source_.package = "linux-source-9.8";
    series_.kind = job::SeriesSpec::Kind::kFolder;
    series_.path = dir_ / "series";
    write("series/0001-one.patch", patch("1/2", "one", change("a.c", 5, "line 5", "FIVE")));
    write("series/0002-two.patch", patch("2/2", "two", change("drivers/b.c", 9, "line 9", "NINE")));
  }
  void TearDown() override { (void)os::remove_tree(dir_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }
  Intake open() {
    auto intake = Intake::open({dir_ / "data", dir_ / "src", Millis(60'000), Millis(60'000)});
    EXPECT_TRUE(intake) << render(intake.error());
    return std::move(*intake);
  }
  std::string show(const Intake& intake, const std::string& what) {
    auto text = intake.git().output({{"show", what}});
    return text ? *text : render(text.error());
  }

  fs::path dir_;
  job::SourceSpec source_;
  job::SeriesSpec series_;
};

TEST_F(IntakeTest, EveryPrefixIsATree) {
  const Intake intake = open();
  std::vector<std::string> progress;
  const auto p = intake.prepare(source_, series_, "", {},
                                [&](const std::string& m) { progress.push_back(m); });
  ASSERT_TRUE(p) << render(p.error());
  EXPECT_EQ(p->description, "linux-source-9.8 9.8.7");
  EXPECT_EQ(p->version, "9.8.7");
  ASSERT_EQ(p->prefix_trees.size(), 2u);
  EXPECT_EQ(p->baseline_tree, p->source_tree);
  EXPECT_THAT(show(intake, p->prefix_trees[0] + ":a.c"), HasSubstr("FIVE"));
  EXPECT_THAT(show(intake, p->prefix_trees[0] + ":drivers/b.c"), Not(HasSubstr("NINE")));
  EXPECT_THAT(show(intake, p->patched_tree() + ":drivers/b.c"), HasSubstr("NINE"));
  EXPECT_THAT(p->series.patches[0].patch_id, testing::MatchesRegex("[0-9a-f]{40}"));
  EXPECT_THAT(progress, ElementsAre("importing linux-source-9.8 (once)", "applying the patches"));
  // All of the tarball is there in spite of its .gitignore, modes and links kept.
  EXPECT_EQ(
      *intake.git().output({{"ls-tree", "-r", "--format=%(objectmode) %(path)", p->source_tree}}),
      "100644 .gitignore\n100644 Makefile\n100644 a.c\n100644 drivers/b.c\n120000 link\n"
      "100755 run.sh");
}

TEST_F(IntakeTest, SecondTimeNothingIsDone) {
  const auto first = open().prepare(source_, series_, "");
  ASSERT_TRUE(first);
  std::vector<std::string> progress;
  const auto second = open().prepare(source_, series_, "", {},
                                     [&](const std::string& m) { progress.push_back(m); });
  ASSERT_TRUE(second);
  EXPECT_TRUE(progress.empty());
  EXPECT_EQ(second->prefix_trees, first->prefix_trees);
  EXPECT_EQ(second->series.patches[1].patch_id, first->series.patches[1].patch_id);
}

TEST_F(IntakeTest, HelpersAreInBothVariants) {
  fs::create_directories(dir_ / "helpers");
  write("helpers/0001-h.patch", patch("1/1", "helper", change("a.c", 20, "line 20", "HELP")));
  const Intake intake = open();
  const auto p = intake.prepare(source_, series_, dir_ / "helpers");
  ASSERT_TRUE(p) << render(p.error());
  EXPECT_NE(p->baseline_tree, p->source_tree);
  EXPECT_THAT(show(intake, p->baseline_tree + ":a.c"), HasSubstr("HELP"));
  EXPECT_THAT(show(intake, p->patched_tree() + ":a.c"),
              AllOf(HasSubstr("HELP"), HasSubstr("FIVE")));
}

TEST_F(IntakeTest, PatchThatDoesNotApplyIsNamedWithFileAndHunk) {
  write("series/0002-two.patch",
        patch("2/2", "two",
              change("drivers/b.c", 9, "line 9", "NINE") +
                  "@@ -19,3 +19,3 @@\n line 19\n-line nowhere\n+x\n line 21\n"));
  const auto p = open().prepare(source_, series_, "");
  ASSERT_FALSE(p);
  EXPECT_EQ(
      render(p.error()),
      "error: series patch 2/2 `two` does not apply: drivers/b.c, hunk 2 of 2 (at line 19): "
      "the lines it changes are not there\n"
      " --> 0002-two.patch:14\n"
      "  tried on linux-source-9.8 9.8.7 with patches 1..1: git apply, then git apply --3way\n"
      "  nothing was built\n"
      "  rebase the series on this source, or name another `source`");
  EXPECT_EQ(p.error().kind, ErrorKind::kBadInput);
}

TEST_F(IntakeTest, PatchThatIsInAlreadyIsRecognised) {
  write("series/0002-two.patch", patch("2/2", "again", change("a.c", 5, "line 5", "FIVE")));
  const auto p = open().prepare(source_, series_, "");
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().hint, "this source holds the patch already");
  EXPECT_THAT(p.error().message, HasSubstr("series patch 2/2 `again` does not apply: a.c, hunk 1"));
}

TEST_F(IntakeTest, PatchForAMissingFile) {
  write("series/0001-one.patch", patch("1/2", "one", change("no/such.c", 5, "line 5", "FIVE")));
  const auto p = open().prepare(source_, series_, "");
  ASSERT_FALSE(p);
  EXPECT_THAT(p.error().message,
              HasSubstr("series patch 1/2 `one` does not apply: no/such.c: there is no such file"));
}

TEST_F(IntakeTest, MissingPackageNamesTheCommand) {
  source_.package = "linux-source-7.7";
  const auto p = open().prepare(source_, series_, "");
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(p.error().hint, "run: apt-get install linux-source-7.7");
  source_.package = "../../etc/x; rm";
  EXPECT_EQ(open().prepare(source_, series_, "").error().message,
            "`../../etc/x; rm` is not a package name");
}

TEST_F(IntakeTest, HostileTarballsAreRefused) {
  source_.kind = job::SourceSpec::Kind::kTarball;
  source_.tarball = dir_ / "bad.tar";
  write_tar(source_.tarball, {{"x/Makefile", "VERSION = 1\n"}, {"x/../../evil", "boom"}});
  EXPECT_THAT(open().prepare(source_, series_, "").error().message,
              HasSubstr("bad.tar holds a name that leaves the tree: `x/../../evil`"));
  write_tar(source_.tarball, {{"x/Makefile", "VERSION = 1\n"}, {"y/other", "boom"}});
  EXPECT_THAT(open().prepare(source_, series_, "").error().message,
              HasSubstr("does not hold one folder: `y/other` is beside `x`"));
  write_tar(source_.tarball, {{"x/Makefile", "VERSION = 1\n"}, {"x/.git/config", "boom"}});
  EXPECT_THAT(open().prepare(source_, series_, "").error().message,
              HasSubstr("leaves the tree: `x/.git/config`"));
  write("bad.tar", "this is not a tarball at all");
  EXPECT_THAT(open().prepare(source_, series_, "").error().message,
              HasSubstr("bad.tar as a tarball"));
  EXPECT_FALSE(fs::exists(dir_ / "evil"));
}

TEST_F(IntakeTest, TruncatedTarballLeavesNothingHalf) {
  const auto whole = os::read_file(dir_ / "src/linux-source-9.8.tar.xz");
  write("src/linux-source-9.8.tar.xz", whole->substr(0, whole->size() / 2));
  EXPECT_FALSE(open().prepare(source_, series_, ""));
  write("src/linux-source-9.8.tar.xz", *whole);
  EXPECT_TRUE(open().prepare(source_, series_, ""));
}

TEST_F(IntakeTest, AnMboxIsSplitAndOrdered) {
  const std::string from = "From mboxrd@z Thu Jan  1 00:00:00 1970\n";
  write("s.mbox", from + patch("2/2", "two", change("drivers/b.c", 9, "line 9", "NINE")) + "\n" +
                      from + "Subject: [PATCH 0/2] the title\nFrom: Ann <a@x>\n\ncover\n\n" + from +
                      patch("1/2", "one", change("a.c", 5, "line 5", "FIVE")) + "\n");
  series_ = {job::SeriesSpec::Kind::kMbox, dir_ / "s.mbox", ""};
  const auto p = open().prepare(source_, series_, "");
  ASSERT_TRUE(p) << render(p.error());
  EXPECT_EQ(p->series.title, "the title");
  EXPECT_EQ(p->series.patches[0].subject, "one");
  EXPECT_EQ(p->prefix_trees.size(), 2u);
}

TEST_F(IntakeTest, AHugeMboxIsRefusedByItsSize) {
  fs::resize_file((std::ofstream(dir_ / "huge.mbox"), dir_ / "huge.mbox"), 100u << 20);
  series_ = {job::SeriesSpec::Kind::kMbox, dir_ / "huge.mbox", ""};
  const auto p = open().prepare(source_, series_, "");
  ASSERT_FALSE(p);
  EXPECT_THAT(p.error().message,
              HasSubstr("huge.mbox is 105 MB: not a patch series (the limit is 34 MB)"));
}

TEST_F(IntakeTest, ABinaryMboxIsRefused) {
  write("b.mbox", std::string("\x7f"
                              "ELF\0\0\0",
                              7));
  series_ = {job::SeriesSpec::Kind::kMbox, dir_ / "b.mbox", ""};
  EXPECT_EQ(open().prepare(source_, series_, "").error().message,
            "b.mbox is a binary file, not a patch");
}

TEST_F(IntakeTest, AGitRangeAndAGitSource) {
  const fs::path repo = dir_ / "repo";
  fs::create_directories(repo);
  const auto git = [&](std::vector<std::string> words) {
    os::Command c;
    c.argv = {"git", "-C", repo, "-c", "user.name=A", "-c", "user.email=a@x"};
    c.argv.insert(c.argv.end(), words.begin(), words.end());
    const auto r = os::run_ok(c);
    ASSERT_TRUE(r) << render(r.error());
  };
  git({"init", "-q", "-b", "main"});
  write("repo/Makefile", "VERSION = 5\nPATCHLEVEL = 4\nSUBLEVEL = 3\n");
  write("repo/a.c", numbered_lines(30));
  git({"add", "."});
  git({"commit", "-q", "-m", "base"});
  git({"tag", "v1"});
  write("repo/a.c", numbered_lines(31));
  git({"commit", "-q", "-a", "-m", "a: add a line"});
  source_.kind = job::SourceSpec::Kind::kGit;
  source_.git = repo;
  source_.ref = "v1";
  series_ = {job::SeriesSpec::Kind::kGitRange, repo, "v1..main"};
  const Intake intake = open();
  const auto p = intake.prepare(source_, series_, "");
  ASSERT_TRUE(p) << render(p.error());
  EXPECT_EQ(p->version, "5.4.3");
  EXPECT_EQ(p->series.title, "a: add a line");
  EXPECT_THAT(show(intake, p->patched_tree() + ":a.c"), HasSubstr("line 31"));

  source_.ref = "no-such-tag";
  EXPECT_THAT(intake.prepare(source_, series_, "").error().message,
              HasSubstr("has no commit `no-such-tag`"));
  series_.range = "v1..v1";
  EXPECT_THAT(intake.load_series(series_).error().message, HasSubstr("holds no commits"));
  series_.range = "--output=/tmp/x";
  EXPECT_THAT(intake.load_series(series_).error().message, HasSubstr("is not a git range"));
}

/// Three commits on the line of first parents, the second a merge of a branch with two.
TEST_F(IntakeTest, CommitsAreTakenAsTheyAre) {
  const fs::path repo = dir_ / "repo";
  fs::create_directories(repo);
  const auto git = [&](std::vector<std::string> words) {
    os::Command c;
    c.argv = {"git", "-C", repo, "-c", "user.name=A", "-c", "user.email=a@x"};
    c.argv.insert(c.argv.end(), words.begin(), words.end());
    const auto r = os::run_ok(c);
    EXPECT_TRUE(r) << render(r.error());
    return std::string(trim(r.value_or("")));
  };
  const auto commit = [&](const std::string& file, int lines, const std::string& subject) {
    write("repo/" + file, numbered_lines(lines));
    git({"add", "."});
    git({"commit", "-q", "-m", subject});
  };
  git({"init", "-q", "-b", "main"});
  write("repo/Makefile", "VERSION = 5\nPATCHLEVEL = 4\nSUBLEVEL = 3\n");
  commit("a.c", 30, "base");
  git({"tag", "v1"});
  commit("a.c", 31, "a: add a line");
  git({"checkout", "-q", "-b", "topic", "v1"});
  commit("b.c", 3, "b: begin");
  commit("c.c", 3, "c: begin");
  git({"checkout", "-q", "main"});
  git({"merge", "-q", "--no-ff", "-m", "Merge topic", "topic"});
  commit("a.c", 32, "a: another line");
  fs::create_directories(dir_ / "helpers");
  write("helpers/helper.patch", patch("1/1", "a: help", change("a.c", 3, "line 3", "help")));
  source_.kind = job::SourceSpec::Kind::kGit;
  source_.git = repo;
  source_.ref = "v1";
  series_ = {job::SeriesSpec::Kind::kCommits, repo, "v1..main"};
  const Intake intake = open();
  const std::string helpers = (dir_ / "helpers").string();
  const auto p = intake.prepare(source_, series_, helpers);
  ASSERT_TRUE(p) << render(p.error());
  EXPECT_EQ(p->source_commit, git({"rev-parse", "v1"}));
  ASSERT_EQ(p->series.patches.size(), 3U);
  EXPECT_EQ(p->series.patches[1].subject, "Merge topic");
  EXPECT_EQ(p->series.patches[1].patch_id, git({"rev-parse", "main~1"}));
  std::vector<std::string> files;
  for (const series::FileChange& file : p->series.patches[1].files) files.push_back(file.path);
  EXPECT_THAT(files, ElementsAre("b.c", "c.c"));
  EXPECT_THAT(p->prefix_trees, ElementsAre("", "", testing::SizeIs(40)));
  EXPECT_THAT(show(intake, p->baseline_tree + ":a.c"), HasSubstr("help"));
  EXPECT_THAT(show(intake, p->patched_tree() + ":a.c"),
              testing::AllOf(HasSubstr("help"), HasSubstr("line 32")));

  const auto tree = intake.tree_at(repo, p->series.patches[1].patch_id, helpers, {});
  ASSERT_TRUE(tree) << render(tree.error());
  EXPECT_THAT(show(intake, *tree + ":a.c"), testing::AllOf(HasSubstr("help"), HasSubstr("line 31"),
                                                           testing::Not(HasSubstr("line 32"))));
  EXPECT_THAT(show(intake, *tree + ":c.c"), HasSubstr("line 3"));

  source_.ref = "main";
  EXPECT_THAT(intake.prepare(source_, series_, "").error().message,
              HasSubstr("is not the commit `v1`"));
  series_.range = "topic..main";
  EXPECT_THAT(intake.load_series(series_).error().message,
              HasSubstr("topic is not on the line of first parents"));
  series_.range = "v1..v1";
  EXPECT_THAT(intake.load_series(series_).error().message, HasSubstr("holds no commits"));
  series_.range = "v1..no-such";
  EXPECT_THAT(intake.load_series(series_).error().message, HasSubstr("cannot take v1..no-such"));
}

TEST_F(IntakeTest, LocksOfAKilledGitAreRemoved) {
  ASSERT_TRUE(open().prepare(source_, series_, ""));
  write("data/sources.git/shallow.lock", "");
  write("data/sources.git/packed-refs.lock", "");
  const Intake intake = open();
  EXPECT_FALSE(fs::exists(dir_ / "data/sources.git/shallow.lock"));
  EXPECT_FALSE(fs::exists(dir_ / "data/sources.git/packed-refs.lock"));
}

TEST_F(IntakeTest, DamagedMemoryIsMadeAgain) {
  const auto first = open().prepare(source_, series_, "");
  ASSERT_TRUE(first);
  for (const auto& entry : fs::directory_iterator(dir_ / "data/intake"))
    if (entry.path().extension() == ".json") std::ofstream(entry.path()) << "{\"baseline\": 7";
  const auto second = open().prepare(source_, series_, "");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->prefix_trees, first->prefix_trees);
}

TEST_F(IntakeTest, AStopRequestCancels) {
  std::stop_source stop;
  stop.request_stop();
  const auto p = open().prepare(source_, series_, "", stop.get_token());
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace kiln::intake
