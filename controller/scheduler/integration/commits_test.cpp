/// Commits of a real repository as kernels: only those that are wanted are made, by real builds of
/// a small tree that builds as a kernel does.
#include <gmock/gmock.h>

#include "controller/builder/integration/builder_fixture.h"
#include "controller/scheduler/preparer.h"
#include "lib/base/text.h"

namespace kiln::scheduler {
namespace {

namespace fs = std::filesystem;

/// The driver of step k.
std::string drm_of(int k) {
  return "#include \"common.h\"\nint drm(int x);\nint drm(int x)\n{\n\treturn x + " +
         std::to_string(10 * k) + ";\n}\n";
}

class CommitsTest : public builder::BuilderTest {
 protected:
  void SetUp() override {
    BuilderTest::SetUp();
    repo_ = dir_ / "repo";
    builder::write_files(repo_, source());
    git({"init", "-q", "-b", "main"});
    commit("base");
    for (int k = 1; k <= 5; ++k) {
      builder::write_files(repo_, {{"drivers/fake_drm.c", drm_of(k)}});
      commit("drm: step " + std::to_string(k));
    }
    builder::write_files(dir_ / "job", {{"job.yaml", job_},
                                        {"gem.testlist", "igt@gem@a\nigt@gem@b\n"},
                                        {"mock.testlist", "igt@mock@a\n"},
                                        {"small.yaml",
                                         "arch: i386\nbase: tinyconfig\n"
                                         "fragments: [pci]\n"},
                                        {"fragments/pci.config", "CONFIG_PCI=y\n"}});
  }
  std::string git(std::vector<std::string> words) {
    os::Command c;
    c.argv = {"git", "-C", repo_, "-c", "user.name=A", "-c", "user.email=a@x"};
    c.argv.insert(c.argv.end(), words.begin(), words.end());
    const auto done = os::run_ok(c);
    EXPECT_TRUE(done) << render(done.error());
    return std::string(trim(done.value_or("")));
  }
  void commit(const std::string& subject) {
    git({"add", "-A", "-f", "."});
    git({"commit", "-q", "-m", subject});
  }
  static std::vector<std::string> variants(const Prepared& prepared) {
    std::vector<std::string> out;
    for (const BuildTarget& target : prepared.targets) out.push_back(target.variant);
    return out;
  }

  fs::path repo_;
  const std::string job_ =
      "kiln: 1\nname: night\nconfig_dir: .\nconfigs: [small]\nsource: {git: ../repo, ref: main}\n"
      "tests: [{name: mock, list: mock.testlist}, {name: gem, list: gem.testlist}]\n";
};

TEST_F(CommitsTest, OneOfManyIsMadeWhenItIsWanted) {
  auto intake = intake::Intake::open({dir_ / "data"});
  ASSERT_TRUE(intake) << render(intake.error());
  Preparer preparer(*intake, *builder_);
  const std::string file = (dir_ / "job" / "job.yaml").string();
  const auto night = preparer.prepare({file}, nullptr, {});
  ASSERT_TRUE(night) << render(night.error());
  EXPECT_EQ(night->source_commit, git({"rev-parse", "main"}));

  // As after a night: from the good one's commit to this one's.
  JobSource source{file};
  source.commits = CommitRange{repo_.string(), git({"rev-parse", "main~5"}), night->source_commit};
  const auto prepared = preparer.prepare(source, nullptr, {});
  ASSERT_TRUE(prepared) << render(prepared.error());
  EXPECT_THAT(variants(*prepared), testing::ElementsAre("baseline", "patched"));
  ASSERT_EQ(prepared->patches.size(), 5U);
  EXPECT_EQ(prepared->patches[2].subject, "drm: step 3");
  EXPECT_EQ(prepared->targets[1].key, night->targets[0].key) << "the night's own kernel";
  ASSERT_TRUE(commits_of(prepared->spec));
  EXPECT_EQ(commits_of(prepared->spec)->tip, night->source_commit);
  EXPECT_FALSE(commits_of(night->spec));

  const auto third = preparer.target_of_part(*prepared, "prefix-3", "small", {});
  ASSERT_TRUE(third) << render(third.error());
  ASSERT_TRUE(third->has_value());
  EXPECT_EQ((*third)->base_key, prepared->targets[0].key);
  std::map<std::string, std::string> modules;
  for (const BuildTarget& target : {prepared->targets[0], prepared->targets[1], **third}) {
    const auto record = builder_->build(Preparer::request_of(*prepared, target));
    ASSERT_TRUE(record) << render(record.error());
    ASSERT_EQ(record->state, "built") << record->error;
    modules[target.variant] = record->module_build_ids.at("fake_drm");
  }
  EXPECT_NE(modules["prefix-3"], modules["baseline"]);
  EXPECT_NE(modules["prefix-3"], modules["patched"]);

  // The same kernel as a job of that commit alone has.
  git({"checkout", "-q", "main~2"});
  std::ofstream(dir_ / "job" / "alone.yaml")
      << "kiln: 1\nname: alone\nconfig_dir: .\nconfigs: [small]\n"
         "source: {git: ../repo, ref: HEAD}\ntests: [{name: gem, list: gem.testlist}]\n";
  const auto alone = preparer.prepare({(dir_ / "job" / "alone.yaml").string()}, nullptr, {});
  ASSERT_TRUE(alone) << render(alone.error());
  EXPECT_EQ(alone->targets[0].key, (*third)->key);

  EXPECT_EQ(preparer.target_of_part(*prepared, "without-3", "small", {}).error().kind,
            ErrorKind::kBadInput);
  EXPECT_EQ(preparer.target_of_part(*prepared, "prefix-6", "small", {})->has_value(), false);
}

TEST_F(CommitsTest, OnlyTheTestsThatAreLookedForRun) {
  auto intake = intake::Intake::open({dir_ / "data"});
  ASSERT_TRUE(intake) << render(intake.error());
  Preparer preparer(*intake, *builder_);
  JobSource source{(dir_ / "job" / "job.yaml").string()};
  source.commits = CommitRange{repo_.string(), git({"rev-parse", "main~5"}), "main"};
  source.tests = {"igt@gem@b@of-a-size"};  // results name dynamic subtests, too
  const auto prepared = preparer.prepare(source, nullptr, {});
  ASSERT_TRUE(prepared) << render(prepared.error());
  ASSERT_EQ(prepared->lists.size(), 1U);
  ASSERT_EQ(prepared->spec.tests.size(), 1U);
  EXPECT_EQ(prepared->spec.tests[0].name, "gem");
  EXPECT_THAT(prepared->lists[0].tests, testing::ElementsAre("igt@gem@b"));
  EXPECT_EQ(prepared->lists[0].text, "igt@gem@b\n");

  source.tests = {"igt@gone@a"};
  const auto none = preparer.prepare(source, nullptr, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(none.error().message, testing::HasSubstr("asked for: igt@gone@a"));
}

}  // namespace
}  // namespace kiln::scheduler
