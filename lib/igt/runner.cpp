#include "lib/igt/runner.h"

#include "lib/base/text.h"

namespace kiln::igt {
namespace {

std::string whole_seconds(Millis time) {
  return std::to_string((time.count() + 999) / 1000);
}

}  // namespace

std::vector<std::string> runner_argv(const RunnerOptions& options) {
  std::vector<std::string> argv{"igt_runner",           "-l",     "verbose",
                                "--dmesg-warn-level=4", "--sync", "--overwrite"};
  const auto add = [&argv](std::initializer_list<std::string> words) {
    argv.insert(argv.end(), words);
  };
  if (options.per_test.count() > 0) add({"--per-test-timeout", whole_seconds(options.per_test)});
  if (options.overall.count() > 0) add({"--overall-timeout", whole_seconds(options.overall)});
  if (options.disk_limit_bytes > 0)
    add({"--disk-usage-limit", std::to_string(options.disk_limit_bytes)});
  if (!options.abort_on.empty()) add({"--abort-on-monitored-error=" + join(options.abort_on, ",")});
  for (const std::string& variable : options.environment) add({"--environment", variable});
  for (const std::string& hook : options.hooks) add({"--hook", hook});
  add({"--test-list", options.test_list, options.test_root, options.results});
  return argv;
}

std::vector<std::string> resume_argv(const std::string& results) {
  return {"igt_resume", results};
}

std::vector<std::string> results_argv(const std::string& results) {
  return {"igt_results", results};
}

}  // namespace kiln::igt
