#include "agent/test/coverage.h"

#include <gmock/gmock.h>

#include "agent/test/session_fixture.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// The collector on this computer's shell, with a folder that stands for the kernel's.
class Collector : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "coverage it's");
    gcov_ = (dir_ / "gcov").string();
    folder_ = (dir_ / "out" / "0").string();
    ASSERT_TRUE(os::make_dirs(dir_ / "gcov/kiln/obj/gt"));
    ASSERT_TRUE(os::write_atomic(dir_ / "gcov/reset", ""));
  }
  void TearDown() override { (void)os::remove_tree(dir_); }

  os::Exit sh(const std::string& script, const std::string& input = "") {
    os::Command command;
    command.argv = {"sh", "-c", script};
    command.stdin_text = input;
    auto exit = os::run(command);
    EXPECT_TRUE(exit) << (exit ? "" : render(exit.error()));
    return exit.value_or(os::Exit());
  }
  void begin() {
    EXPECT_TRUE(sh(coverage_begin_script(folder_, "(setup of gem)", gcov_), collector(gcov_)).ok());
  }
  /// As IGT calls the hook.
  void event(const std::string& name, const std::string& test, const std::string& counters) {
    count(counters);
    const std::string hook = coverage_hook(folder_);
    const size_t colon = hook.find(':');
    if ((hook.substr(0, colon) + ",").find(name + ",") == std::string::npos) return;
    EXPECT_TRUE(sh("export IGT_HOOK_EVENT=" + name + " IGT_HOOK_TEST_FULLNAME=" + test + "; " +
                   hook.substr(colon + 1))
                    .ok());
  }
  /// What the kernel counts from now on.
  void count(const std::string& counters) {
    EXPECT_TRUE(os::write_atomic(dir_ / "gcov/kiln/obj/gt/a.gcda", counters));
  }
  /// "name: counters" of all that was taken, in order.
  std::vector<std::string> taken() {
    std::vector<std::string> out;
    for (int n = 0;; ++n) {
      const os::Path at = os::Path(folder_) / std::to_string(n);
      auto name = os::read_file(at / "name");
      if (!name) return out;
      out.push_back(std::string(trim(*name)) + ": " +
                    os::read_file(at / "kiln/obj/gt/a.gcda").value_or("(none)"));
    }
  }

  os::Path dir_;
  std::string gcov_;
  std::string folder_;
};

TEST_F(Collector, EachTestHasItsOwnCounters) {
  count("setup");
  begin();
  EXPECT_EQ(*os::read_file(dir_ / "gcov/reset"), "0\n") << "counting begins anew";
  event("pre-test", "igt@gem_x", "nothing yet");
  event("pre-subtest", "igt@gem_x@a", "fixture");
  event("post-test", "igt@gem_x", "fixture and a");
  event("pre-test", "igt@gem_y", "late work");
  event("post-test", "igt@gem_y", "y");
  EXPECT_THAT(taken(), ElementsAre("(setup of gem): setup", "igt@gem_x@a: fixture and a",
                                   "(after igt@gem_x@a): late work", "igt@gem_y: y"));
}

TEST_F(Collector, DynamicSubtestsAreToldApart) {
  begin();
  event("pre-test", "igt@s", "0");
  event("pre-subtest", "igt@s@mock", "0");
  event("pre-dyn-subtest", "igt@s@mock@one", "before one");
  event("pre-dyn-subtest", "igt@s@mock@two", "one");
  event("post-test", "igt@s", "two");
  EXPECT_THAT(taken(), ElementsAre("(setup of gem): (none)", "igt@s@mock: before one",
                                   "igt@s@mock@one: one", "igt@s@mock@two: two"));
}

TEST_F(Collector, ATestThatWasKilledKeepsItsCounters) {
  begin();
  event("pre-test", "igt@a", "0");
  event("pre-subtest", "igt@a@killed", "0");
  event("pre-test", "igt@b", "killed");
  event("pre-subtest", "igt@b@last", "0");
  count("last");
  // A tar of its folder: the names of what was taken are in it.
  const os::Exit end = sh("{ " + coverage_end_script(folder_, "(end of gem)", 1 << 20) +
                          "} | { zstd -dc 2>/dev/null || cat; } | tar -tf - | sort");
  EXPECT_TRUE(end.ok()) << end.err;
  EXPECT_THAT(end.out, HasSubstr("./1/kiln/obj/gt/a.gcda\n./1/name\n"));
  EXPECT_THAT(taken(), ElementsAre("(setup of gem): (none)", "igt@a@killed: killed",
                                   "igt@b@last: last", "(end of gem): last"));
}

TEST_F(Collector, AKernelThatDoesNotCountIsSaid) {
  ASSERT_TRUE(os::remove_tree(dir_ / "gcov/reset"));
  EXPECT_EQ(sh(coverage_begin_script(folder_, "x", gcov_)).code, kNoGcov);
}

TEST_F(Collector, TooMuchIsNotSent) {
  count(std::string(10'000, 'x'));
  begin();
  const os::Exit end = sh(coverage_end_script(folder_, "(end of gem)", 5000));
  EXPECT_EQ(end.code, kTooMuchCoverage);
  EXPECT_EQ(end.out, "");
}

TEST_F(Collector, DamagedNotesOfACrashLoseNothing) {
  count("one");
  begin();
  ASSERT_TRUE(os::write_atomic(os::Path(folder_) / "count", std::string("\0\0", 2)));
  event("pre-test", "igt@a", "0");
  event("post-test", "igt@a", "a");
  EXPECT_THAT(taken(), ElementsAre("(setup of gem): one", "igt@a: a"));
}

TEST_F(SessionTest, CoverageIsCollectedByPhase) {
  use_store();
  order_.collect_coverage = true;
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_THAT(machine_.log(), Contains(HasSubstr("'(setup of gem)'")));
  EXPECT_THAT(machine_.log(), Contains(HasSubstr("--hook")));
  EXPECT_THAT(machine_.log(),
              Contains(HasSubstr("post-test:sh /kiln/coverage/collect /kiln/coverage/0")));
  EXPECT_TRUE(outcome.artifacts.contains("coverage-gem.tar.zst"));
}

TEST_F(SessionTest, WithoutTheWishNothingIsCollected) {
  use_store();
  const auto outcome = run();
  EXPECT_FALSE(outcome.artifacts.contains("coverage-gem.tar.zst"));
  EXPECT_THAT(machine_.log(), Not(Contains(HasSubstr("--hook"))));
}

TEST_F(SessionTest, AKernelWithoutGcovEndsACoverageSession) {
  use_store();
  order_.collect_coverage = true;
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code =
        request.command.find("/kiln/coverage/collect") != std::string::npos ? kNoGcov : 0;
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error, "this kernel shows no counters in /sys/kernel/debug/gcov");
}

}  // namespace
}  // namespace kiln::agent
