#include "lib/job/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"

namespace kiln::job {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Load : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "job-");
    ASSERT_TRUE(os::make_dirs(dir_ / "kernel-configs"));
    ASSERT_TRUE(os::make_dirs(dir_ / "jobs" / "series"));
    ASSERT_TRUE(os::write_atomic(dir_ / "jobs" / "a.testlist", "igt@a\n"));
    ASSERT_TRUE(os::write_atomic(dir_ / "kernel-configs" / "a.yaml", "arch: i386\n"));
    ASSERT_TRUE(os::write_atomic(dir_ / "kernel-configs" / "i386-highmem.yaml", "arch: i386\n"));
  }
  void TearDown() override { (void)os::remove_tree(dir_); }
  Result<JobSpec> load(const std::string& text) {
    EXPECT_TRUE(os::write_atomic(dir_ / "jobs" / "job.yaml", text));
    return load_job((dir_ / "jobs" / "job.yaml").string());
  }
  /// The rendered error, with the temporary folder's name taken out.
  std::string error_of(const std::string& text) {
    const auto spec = load(text);
    if (spec) return "no error";
    std::string rendered = render(spec.error());
    for (size_t at; (at = rendered.find(dir_.string() + "/")) != std::string::npos;)
      rendered.erase(at, dir_.string().size() + 1);
    return rendered;
  }
  os::Path dir_;
  const std::string head_ =
      "kiln: 1\nname: small\nconfigs: [a]\ntests:\n  - {name: t, list: a.testlist}\n";
};

TEST_F(Load, AnotherSeriesStandsForOneThatIsNotThere) {
  ASSERT_FALSE(load(head_ + "series: elsewhere\n"));
  const os::Path other = dir_ / "other.mbox";
  ASSERT_TRUE(os::write_atomic(other, "From x\n"));
  for (const char* own :
       {"", "series: elsewhere\n", "series: {git: /no/repository, range: a..b}\n"}) {
    EXPECT_TRUE(os::write_atomic(dir_ / "jobs" / "job.yaml", head_ + own));
    const auto spec =
        load_job((dir_ / "jobs" / "job.yaml").string(), dir_.string(), other.string());
    ASSERT_TRUE(spec) << render(spec.error());
    EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kMbox);
    EXPECT_EQ(spec->series.path, other.string());
  }
}

TEST_F(Load, DefaultsFillWhatIsNotSaid) {
  const auto spec = load(head_);
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->title, "small");
  EXPECT_EQ(spec->source.kind, SourceSpec::Kind::kPackage);
  EXPECT_EQ(spec->source.package, "linux-source-6.1");
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kNone);
  EXPECT_EQ(spec->pairs, 6);
  EXPECT_EQ(spec->max_pairs, 24);
  EXPECT_EQ(spec->confirmations, 39);
  EXPECT_EQ(spec->tests[0].list_file, (dir_ / "jobs" / "a.testlist").string());
  EXPECT_EQ(spec->config_dir, (dir_ / "kernel-configs").string());
}

TEST_F(Load, CommitsAreSearchedFromTheirBase) {
  const std::string git = "source: {git: series, ref: a}\n";
  const auto spec = load(head_ + git + "series: {git: series, commits: a..b}\n");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kCommits);
  EXPECT_EQ(spec->series.range, "a..b");
  EXPECT_THAT(error_of(head_ + "series: {git: series, commits: a..b}\n"),
              HasSubstr("`commits` need a `source` of git"));
  EXPECT_THAT(error_of(head_ + git + "series: {git: series, commits: a..b, range: a..b}\n"),
              HasSubstr("has one of `range` and `commits`"));
  EXPECT_THAT(error_of(head_ + git + "series: {git: series}\n"),
              HasSubstr("has one of `range` and `commits`"));
  EXPECT_THAT(error_of(head_ + git + "series: {git: series, commits: a}\n"),
              HasSubstr("is written `base..tip`"));
}

TEST_F(Load, ReadsEachForm) {
  const auto spec =
      load(head_ +
           "series: series\nsource: {git: 'https://example.org/linux.git', ref: v6.1}\n"
           "metrics:\n  - {metric: '*/x', kind: counter, arms: [old, new]}\n"
           "claims:\n  - {text: faster, rule: comparison, metric: m, expect: faster}\n"
           "repeats: {pairs: 3}\nmachine: {memory: 4GiB, cpus: 4}\n");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kFolder);
  EXPECT_EQ(spec->source.git, "https://example.org/linux.git");
  EXPECT_EQ(spec->metrics[0].right_arm, "new");
  EXPECT_EQ(spec->claims[0].rule, ClaimSpec::Rule::kComparison);
  EXPECT_EQ(spec->pairs, 3);
  EXPECT_EQ(spec->max_pairs, 12);
  EXPECT_EQ(spec->machine.memory_bytes, 4ULL << 30);
}

TEST_F(Load, ATypoIsShownWithThePlaceAndTheNearestName) {
  EXPECT_EQ(error_of(head_ + "repeat: {pairs: 3}\n"),
            "error: unknown field `repeat`\n"
            " --> jobs/job.yaml:6:1\n"
            "6 | repeat: {pairs: 3}\n"
            "  | ^^^^^^ did you mean `repeats`?");
}

TEST_F(Load, AMaximumOfPairsBelowThePairsIsRefused) {
  EXPECT_EQ(load(head_ + "repeats: {pairs: 8, max_pairs: 8}\n")->max_pairs, 8);
  EXPECT_EQ(load(head_ + "repeats: {pairs: 900}\n")->max_pairs, 1000);
  EXPECT_EQ(load(head_ + "repeats: {pairs: 0}\n")->max_pairs, 0);
  EXPECT_EQ(error_of(head_ + "repeats: {max_pairs: 5}\n"),
            "error: `repeats`: `max_pairs` is less than `pairs`, which is 6\n"
            " --> jobs/job.yaml:6:11\n"
            "6 | repeats: {max_pairs: 5}\n"
            "  |           ^^^^^^^^^");
  EXPECT_THAT(error_of(head_ + "repeats: {pairs: 0, max_pairs: 4}\n"),
              HasSubstr("`repeats`: `max_pairs` needs `pairs`, which is 0"));
  EXPECT_THAT(error_of(head_ + "repeats: {max_pairs: 1001}\n"), HasSubstr("max_pairs"));
}

TEST_F(Load, AClaimWithoutItsRulesFieldsIsRefused) {
  EXPECT_THAT(error_of(head_ + "claims:\n  - {text: t, rule: metric, metric: m}\n"),
              HasSubstr("`claims[0]`: needs the field `relation`"));
}

TEST_F(Load, NamesAMissingList) {
  EXPECT_THAT(
      error_of("kiln: 1\nname: x\nconfigs: [a]\ntests:\n  - {name: t, list: none.testlist}\n"),
      HasSubstr("none.testlist"));
}

TEST_F(Load, AJobThatRunsNothingIsRefused) {
  EXPECT_THAT(error_of("kiln: 1\nname: x\nconfigs: [a]\n"), HasSubstr("nothing would be run"));
}

TEST_F(Load, ANewerFormatIsRefused) {
  EXPECT_THAT(error_of("kiln: 2\nname: x\nconfigs: [a]\ntests:\n  - {name: t, list: a.testlist}\n"),
              HasSubstr("this Kiln reads format 1, not 2"));
}

TEST_F(Load, TwoPhasesOfOneNameAreRefused) {
  EXPECT_THAT(error_of(head_ + "  - {name: t, list: a.testlist}\n"),
              HasSubstr("two phases are named `t`"));
}

TEST_F(Load, AnUnknownConfigIsShownWithTheNearest) {
  EXPECT_EQ(error_of("kiln: 1\nname: x\nconfigs: [a, i386-higmem]\n"
                     "tests:\n  - {name: t, list: a.testlist}\n"),
            "error: `configs[1]`: there is no i386-higmem.yaml in kernel-configs\n"
            " --> jobs/job.yaml:3:14\n"
            "3 | configs: [a, i386-higmem]\n"
            "  |              ^^^^^^^^^^^ did you mean `i386-highmem`?");
  EXPECT_THAT(error_of("kiln: 1\nname: x\nconfigs: [nothing-like-it]\n"
                       "tests:\n  - {name: t, list: a.testlist}\n"),
              HasSubstr("there are: a, i386-highmem"));
}

TEST_F(Load, AClaimOnAConfigThatIsNotRunIsRefused) {
  EXPECT_THAT(error_of(head_ + "claims:\n  - {text: t, rule: tests, tests: ['*'], config: b}\n"),
              HasSubstr("`claims[0].config`: `b` is not among the job's configs"));
}

TEST_F(Load, SourcesThatCannotBe) {
  EXPECT_THAT(error_of(head_ + "source: {git: 'ext::sh -c id', ref: v6.1}\n"),
              HasSubstr("`source.git`: `ext::sh -c id` is no URL that Kiln fetches from"));
  EXPECT_THAT(error_of(head_ + "source: {git: 'ftp://x/y', ref: v6.1}\n"),
              HasSubstr("is no URL that Kiln fetches from"));
  EXPECT_THAT(error_of(head_ + "source: {git: no/such/folder, ref: v6.1}\n"),
              HasSubstr("`source.git`: jobs/no/such/folder does not exist"));
  EXPECT_THAT(error_of(head_ + "source: {git: series, ref: '--upload-pack=id'}\n"),
              HasSubstr("`source.ref`: has only letters, digits and"));
  EXPECT_THAT(error_of(head_ + "source: {package: '../../etc/passwd'}\n"),
              HasSubstr("`source.package`: has only letters, digits and -+."));
  EXPECT_THAT(error_of(head_ + "source: {package: linux-source-6.1, tarball: a.testlist}\n"),
              HasSubstr("`source`: is one of `package`, `git` or `tarball`, not several"));
  EXPECT_THAT(error_of(head_ + "source: {git: series}\n"),
              HasSubstr("needs a `ref`: a branch, tag or commit"));
  EXPECT_THAT(error_of(head_ + "source: {ref: v6.1}\n"), HasSubstr("belongs to `git`"));
}

TEST_F(Load, GitSources) {
  for (const char* url :
       {"https://example.org/l.git", "git@example.org:linux.git", "ssh://me@example.org/linux"}) {
    const auto spec = load(head_ + "source: {git: '" + url + "', ref: v6.1-rc1}\n");
    ASSERT_TRUE(spec) << render(spec.error());
    EXPECT_EQ(spec->source.git, url);
  }
  const auto spec = load(head_ + "source: {git: series/, ref: main}\n");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->source.git, (dir_ / "jobs" / "series").string());
}

TEST_F(Load, SeriesForms) {
  auto spec = load(head_ + "series: a.testlist\n");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kMbox);
  spec = load(head_ + "series: {git: series, range: v6.1..topic}\n");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kGitRange);
  EXPECT_EQ(spec->series.range, "v6.1..topic");
  EXPECT_THAT(error_of(head_ + "series: {git: series, range: topic}\n"),
              HasSubstr("`series`: is written `base..tip`"));
  EXPECT_THAT(error_of(head_ + "series: {git: series, range: '-x..y'}\n"),
              HasSubstr("does not begin with -"));
  EXPECT_THAT(error_of(head_ + "series: none.mbox\n"),
              HasSubstr("`series`: jobs/none.mbox does not exist"));
}

TEST_F(Load, OneArmTwiceIsRefused) {
  EXPECT_THAT(error_of(head_ + "metrics:\n  - {metric: m, arms: [a, a]}\n"),
              HasSubstr("`metrics[0].arms`: names the same arm twice"));
}

TEST(LoadDocs, EachFieldIsInTheReferenceWithItsTypeAndDefault) {
  const auto text = os::read_file(KILN_SOURCE_DIR "/docs/job-file.md");
  ASSERT_TRUE(text);
  for (const conf::FieldDoc& field : job_fields()) {
    const size_t at = text->find("\n| `" + field.name + "` |");
    ASSERT_NE(at, std::string::npos) << field.name << " is not in docs/job-file.md";
    const std::string row = text->substr(at + 1, text->find('\n', at + 1) - at - 1);
    const bool empty = field.fallback.empty();
    EXPECT_THAT(row, HasSubstr("| " + field.type + " | " +
                               (field.required ? "(required)"
                                : empty        ? "-"
                                               : field.fallback) +
                               " |"));
  }
}

TEST_F(Load, TheReferencesExampleShowsEachFieldAndIsRead) {
  const auto text = os::read_file(KILN_SOURCE_DIR "/docs/job-file.md");
  ASSERT_TRUE(text);
  const size_t heading = text->find("## Every field once");
  ASSERT_NE(heading, std::string::npos);
  const size_t begin = text->find("```yaml\n", heading) + 8;
  const std::string example = text->substr(begin, text->find("\n```", begin) + 1 - begin);
  for (const conf::FieldDoc& field : job_fields()) {
    const size_t dot = field.name.rfind('.');
    const std::string leaf = dot == std::string::npos ? field.name : field.name.substr(dot + 1);
    bool shown = example.starts_with(leaf + ":");
    for (const char* before : {"\n", " ", "{"})
      shown = shown || example.find(before + leaf + ":") != std::string::npos;
    EXPECT_TRUE(shown) << field.name << " is not in the example";
  }
  for (const char* folder : {"helpers", "bench"})
    ASSERT_TRUE(os::make_dirs(dir_ / "jobs" / folder));
  ASSERT_TRUE(os::write_atomic(dir_ / "jobs" / "gem.testlist", "igt@a\n"));
  ASSERT_TRUE(os::write_atomic(dir_ / "kernel-configs" / "i386-nohighmem.yaml", "arch: i386\n"));
  const auto spec = load(example);
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->claims.size(), 5U);
}

TEST(LoadDocs, TheFoundingJobIsRead) {
  const auto spec = load_job(KILN_SOURCE_DIR "/jobs/kmap-local-page.yaml");
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->name, "kmap-local-page");
  EXPECT_EQ(spec->configs.size(), 2U);
}

TEST(LoadDocs, TheJobsForIntelMachinesAreRead) {
  for (const std::string gen : {"gen4", "gen9", "gen12"}) {
    const auto spec = load_job(KILN_SOURCE_DIR "/jobs/intel-" + gen + ".yaml");
    ASSERT_TRUE(spec) << gen << ": " << render(spec.error());
    EXPECT_THAT(spec->machine.tags, ::testing::ElementsAre("intel", gen));
  }
}

/// A job from elsewhere stands in a folder that is its whole world.
TEST_F(Load, AJobThatIsHandedInReachesNothingButItsOwnFiles) {
  const std::string world = dir_.string();
  const auto load_confined = [&](const std::string& more) {
    EXPECT_TRUE(os::write_atomic(dir_ / "jobs" / "job.yaml", head_ + more));
    return load_job((dir_ / "jobs" / "job.yaml").string(), world);
  };
  const auto fine = load_confined("series: /jobs/series\n");
  ASSERT_TRUE(fine) << render(fine.error());
  EXPECT_EQ(fine->series.path, world + "/jobs/series") << "absolute paths start at its root";
  for (const char* more :
       {"series: ../../../../../../etc\n", "helpers: ../..\n", "config_dir: ../../../\n"}) {
    const auto outside = load_confined(more);
    ASSERT_FALSE(outside) << more;
    EXPECT_THAT(outside.error().message, HasSubstr("leads out of the job's files")) << more;
  }
  EXPECT_FALSE(load_confined("series: /etc\n")) << "the computer's own /etc is not its";
  for (const char* source : {"/srv/linux", "file:///srv/linux"}) {
    const auto repository =
        load_confined("source: {git: '" + std::string(source) + "', ref: v6.1}\n");
    ASSERT_FALSE(repository);
    EXPECT_THAT(repository.error().message, HasSubstr("cannot bring a repository"));
  }
  EXPECT_TRUE(load_confined("source: {git: 'https://example.org/linux.git', ref: v6.1}\n"));
}

}  // namespace
}  // namespace kiln::job
