#include "lib/igt/runner.h"

#include <gtest/gtest.h>

#include "lib/base/text.h"

namespace kiln::igt {
namespace {

TEST(Runner, CommandLine) {
  RunnerOptions options;
  options.test_list = "/kiln/x.testlist";
  options.results = "/kiln/results";
  options.per_test = Millis(59'001);
  options.abort_on = {"taint"};
  EXPECT_EQ(join(runner_argv(options), " "),
            "igt_runner -l verbose --dmesg-warn-level=4 --sync --overwrite --per-test-timeout 60 "
            "--disk-usage-limit 67108864 --abort-on-monitored-error=taint --test-list "
            "/kiln/x.testlist /usr/libexec/igt-gpu-tools /kiln/results");
}

TEST(Runner, OptionsThatAreOffAreLeftOut) {
  RunnerOptions options;
  options.test_list = "l";
  options.results = "r";
  options.test_root = "/t";
  options.per_test = Millis(0);
  options.disk_limit_bytes = 0;
  options.overall = Millis(5'000);
  options.environment = {"IGT_CI_META_TEST=1"};
  options.hooks = {"post-test:sh x"};
  EXPECT_EQ(join(runner_argv(options), " "),
            "igt_runner -l verbose --dmesg-warn-level=4 --sync --overwrite --overall-timeout 5 "
            "--environment IGT_CI_META_TEST=1 --hook post-test:sh x --test-list l /t r");
}

TEST(Runner, ResumeAndResults) {
  EXPECT_EQ(join(resume_argv("/kiln/r"), " "), "igt_resume /kiln/r");
  EXPECT_EQ(join(results_argv("/kiln/r"), " "), "igt_results /kiln/r");
}

}  // namespace
}  // namespace kiln::igt
