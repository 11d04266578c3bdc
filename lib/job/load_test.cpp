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

TEST_F(Load, DefaultsFillWhatIsNotSaid) {
  const auto spec = load(head_);
  ASSERT_TRUE(spec) << render(spec.error());
  EXPECT_EQ(spec->title, "small");
  EXPECT_EQ(spec->source.kind, SourceSpec::Kind::kPackage);
  EXPECT_EQ(spec->source.package, "linux-source-6.1");
  EXPECT_EQ(spec->series.kind, SeriesSpec::Kind::kNone);
  EXPECT_EQ(spec->pairs, 6);
  EXPECT_EQ(spec->confirmations, 2);
  EXPECT_EQ(spec->tests[0].list_file, (dir_ / "jobs" / "a.testlist").string());
  EXPECT_EQ(spec->config_dir, (dir_ / "kernel-configs").string());
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
  EXPECT_EQ(spec->machine.memory_bytes, 4ULL << 30);
}

TEST_F(Load, ATypoIsShownWithThePlaceAndTheNearestName) {
  EXPECT_EQ(error_of(head_ + "repeat: {pairs: 3}\n"),
            "error: unknown field `repeat`\n"
            " --> jobs/job.yaml:6:1\n"
            "6 | repeat: {pairs: 3}\n"
            "  | ^^^^^^ did you mean `repeats`?");
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

TEST(LoadDocs, EachFieldIsInTheReference) {
  const auto text = os::read_file(KILN_SOURCE_DIR "/docs/job-file.md");
  ASSERT_TRUE(text);
  for (const conf::FieldDoc& field : job_fields())
    EXPECT_THAT(*text, HasSubstr("`" + field.name + "`")) << "not in docs/job-file.md";
}

}  // namespace
}  // namespace kiln::job
