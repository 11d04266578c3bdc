/// kiln history: tests, metrics and machines over many runs, configs of two kernels.
#include <fmt/format.h>

#include <algorithm>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "lib/base/where.h"
#include "lib/report/history_list.h"

namespace kiln::cli {
namespace {

using Stub = v1::History::Stub;

/// "gem_pread" of "igt@gem_pread@basic", as the dashboard groups tests.
std::string group_of(const std::string& test) {
  const size_t begin = test.find('@');
  if (begin == std::string::npos) return test;
  return test.substr(begin + 1, test.find('@', begin + 1) - begin - 1);
}

Result<int> tests_checked(const Options& options) {
  KILN_ASSIGN(Where where, Where::parse(options.history.where, {"test", "group", "job"}));
  v1::TestGridRequest request;
  KILN_ASSIGN(*request.mutable_job(), where.take("job"));
  request.set_test(options.history.test);
  request.set_runs(options.history.runs);
  request.set_limit(options.history.limit);
  request.set_steady(options.history.steady);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(auto reply, ask<v1::TestGridReply>(host->history(), &Stub::TestGrid, request,
                                                 "looking at the tests"));
  auto* tests = reply.mutable_tests();
  tests->erase(
      std::remove_if(
          tests->begin(), tests->end(),
          [&](const v1::GridTest& test) {
            return !where.matches({{"test", {test.test()}}, {"group", {group_of(test.test())}}});
          }),
      tests->end());
  return print_reply(options, reply, report::tests_to_text(reply));
}

Result<int> metrics_checked(const Options& options) {
  const HistoryOptions& of = options.history;
  v1::MetricHistoryRequest request;
  request.set_metric(of.metric);
  request.set_machine(of.machine);
  request.set_config(of.config);
  request.set_variant(of.variant);
  request.set_runs(of.runs);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply, ask<v1::MetricHistoryReply>(host->history(), &Stub::MetricHistory,
                                                            request, "looking at the metrics"));
  return print_reply(
      options, reply,
      of.metric.empty() ? report::metric_names_to_text(reply) : report::metric_to_text(reply));
}

Result<int> machine_checked(const Options& options) {
  v1::MachineHistoryRequest request;
  request.set_machine(options.history.machine);
  request.set_limit(options.history.sessions);
  request.set_before_session(options.history.before);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply, ask<v1::MachineHistoryReply>(host->history(), &Stub::MachineHistory,
                                                             request, "looking at the machine"));
  return print_reply(options, reply, report::machine_to_text(reply));
}

Result<int> configs_checked(const Options& options) {
  v1::CompareConfigsRequest request;
  KILN_ASSIGN(const int64_t run, parse_run_id(options.run_id));
  request.set_run_id(run);
  request.set_left(options.history.left);
  request.set_right(options.history.right);
  request.set_right_run_id(options.history.right_run);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply, ask<v1::CompareConfigsReply>(host->history(), &Stub::CompareConfigs,
                                                             request, "comparing the configs"));
  return print_reply(options, reply, report::configs_to_text(reply));
}

}  // namespace

int history_tests_command(const Options& options) {
  return finish(options, tests_checked(options));
}
int history_metrics_command(const Options& options) {
  return finish(options, metrics_checked(options));
}
int history_machine_command(const Options& options) {
  return finish(options, machine_checked(options));
}
int history_configs_command(const Options& options) {
  return finish(options, configs_checked(options));
}

}  // namespace kiln::cli
