#include "controller/app/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "controller/app/machine_history.h"
#include "controller/app/test_grid.h"
#include "controller/results/timestamps.h"
#include "lib/base/text.h"
#include "lib/db/build_table.h"
#include "lib/kernel/config.h"
#include "lib/stats/changes.h"
#include "lib/stats/multiple.h"

namespace kiln::controller {
namespace {

constexpr int kUsualRuns = 60;
constexpr int kMostRuns = 200;
constexpr int kUsualTests = 500;
constexpr int kMostTests = 1000;
constexpr uint64_t kMostConfig = 4 << 20;

int within(int asked, int usual, int most) {
  return asked <= 0 ? usual : std::min(asked, most);
}

/// A point for each run, machine, config and variant; the values are in the order of time.
std::vector<v1::MetricPoint> points_of(const std::vector<db::MetricValue>& values) {
  std::vector<v1::MetricPoint> points;
  std::map<std::string, size_t> at;
  for (const db::MetricValue& value : values) {
    const std::string key =
        fmt::format("{}\n{}\n{}\n{}", value.run_id, value.machine, value.config, value.variant);
    const auto [place, added] = at.emplace(key, points.size());
    if (added) {
      v1::MetricPoint& point = points.emplace_back();
      point.set_run_id(value.run_id);
      if (value.finished) results::set_timestamp(*value.finished, point.mutable_time());
      point.set_machine(to_valid_utf8(value.machine));
      point.set_config(to_valid_utf8(value.config));
      point.set_variant(to_valid_utf8(value.variant));
    }
    points[place->second].add_boots(value.value);
  }
  for (v1::MetricPoint& point : points)
    point.set_median(stats::median({point.boots().begin(), point.boots().end()}));
  return points;
}

/// Where a series of one machine, config and variant changed; of several, nothing can be said.
void add_changes(const std::vector<v1::MetricPoint>& points, v1::MetricHistoryReply* reply) {
  std::vector<stats::Night> nights;
  for (const v1::MetricPoint& point : points) {
    if (point.machine() != points[0].machine() || point.config() != points[0].config() ||
        point.variant() != points[0].variant())
      return;
    nights.push_back({static_cast<int64_t>(nights.size()), point.median()});
  }
  const stats::History history = stats::find_changes(nights, {}, {});
  for (const stats::Change& change : history.code) {
    v1::MetricChange* out = reply->add_changes();
    out->set_before_run(points[change.after].run_id());
    out->set_after_run(points[change.until].run_id());
    out->set_change_percent(change.change_percent);
    out->set_confidence(change.location_confidence);
  }
}

}  // namespace

Result<v1::TestGridReply> History::test_grid(const v1::TestGridRequest& request) {
  const db::HistoryTable table(database_);
  v1::TestGridReply reply;
  KILN_ASSIGN(auto runs, table.runs(request.job(), request.machine(),
                                    within(request.runs(), kUsualRuns, kMostRuns)));
  std::reverse(runs.begin(), runs.end());
  if (runs.empty()) return reply;
  std::vector<int64_t> ids;
  for (const db::HistoryRun& run : runs) {
    ids.push_back(run.id);
    v1::GridRun* out = reply.add_runs();
    out->set_id(run.id);
    out->set_job_name(run.job_name);
    if (run.finished) results::set_timestamp(*run.finished, out->mutable_finished());
    out->set_results_planned(run.results_planned);
    out->set_results_got(run.results_got);
  }
  KILN_ASSIGN(const auto troubles, table.troubles(ids, request.test()));
  // Those that changed last come first; those that never did, at the end and on request.
  std::vector<std::string> tests;
  std::map<std::string, std::vector<db::TestTrouble>> by_test;
  for (const db::TestTrouble& trouble : troubles) {
    auto& of_test = by_test[trouble.test];
    if (of_test.empty()) tests.push_back(trouble.test);
    of_test.push_back(trouble);
  }
  if (request.steady()) {
    KILN_ASSIGN(const auto all, table.tests_of(ids.back(), request.test()));
    for (const std::string& test : all)
      if (!by_test.contains(test)) tests.push_back(test);
  }
  reply.set_total_tests(static_cast<int>(tests.size()));
  const auto limit = static_cast<size_t>(within(request.limit(), kUsualTests, kMostTests));
  if (tests.size() > limit) tests.resize(limit);
  KILN_ASSIGN(const auto sessions, table.sessions(ids));
  for (const std::string& test : tests) {
    KILN_ASSIGN(const auto boots, table.boots(test, sessions));
    *reply.add_tests() = grid_row(to_valid_utf8(test), ids, boots, by_test[test]);
  }
  return reply;
}

Result<v1::MetricHistoryReply> History::metric_history(const v1::MetricHistoryRequest& request) {
  const db::HistoryTable table(database_);
  v1::MetricHistoryReply reply;
  KILN_ASSIGN(const auto metrics, table.metrics());
  for (const std::string& metric : metrics) reply.add_metrics(to_valid_utf8(metric));
  if (request.metric().empty()) return reply;
  db::MetricFilter filter{request.metric(), request.machine(), request.config(),
                          request.variant().empty() ? "baseline" : request.variant(),
                          within(request.runs(), kMostRuns, kMostRuns)};
  KILN_ASSIGN(const auto values, table.values(filter));
  if (values.empty()) return reply;
  reply.set_unit(to_valid_utf8(values.back().unit));
  const std::vector<v1::MetricPoint> points = points_of(values);
  for (const v1::MetricPoint& point : points) *reply.add_points() = point;
  add_changes(points, &reply);
  if (std::all_of(points.begin(), points.end(), [&](const v1::MetricPoint& point) {
        return point.machine() == points[0].machine();
      })) {
    KILN_ASSIGN(const auto noise, noise_of(database_, points[0].machine(), request.metric()));
    if (noise) reply.set_noise_percent(100 * std::expm1(noise->sd));
  }
  return reply;
}

Result<v1::MachineHistoryReply> History::machine_history(const v1::MachineHistoryRequest& request) {
  return controller::machine_history(database_, request, clock_.now());
}

Result<std::string> History::config_of(int64_t run_id, const std::string& cell) {
  KILN_ASSIGN(const auto builds, db::BuildTable(database_).of_run(run_id));
  std::vector<std::string> cells;
  for (const db::RunBuildRow& build : builds) {
    cells.push_back(build.variant + "/" + build.config);
    if (cells.back() == cell) return blobs_.get(build.record.config_digest, kMostConfig);
  }
  return fail(Error(ErrorKind::kNotFound,
                    fmt::format("run {} has no kernel of {}", run_id, to_valid_utf8(cell)))
                  .with_hint("it has: " + join(cells, ", ")));
}

Result<v1::CompareConfigsReply> History::compare_configs(const v1::CompareConfigsRequest& request) {
  KILN_ASSIGN(const std::string left_text, config_of(request.run_id(), request.left()));
  const int64_t right_run = request.right_run_id() > 0 ? request.right_run_id() : request.run_id();
  KILN_ASSIGN(const std::string right_text, config_of(right_run, request.right()));
  const kernel::ConfigValues left = kernel::parse_config(left_text);
  kernel::ConfigValues right = kernel::parse_config(right_text);
  v1::CompareConfigsReply reply;
  const auto add = [&](const std::string& symbol, const std::string& was, const std::string& is) {
    if (was == is) return;
    v1::ConfigDifference* out = reply.add_differences();
    out->set_symbol(to_valid_utf8(symbol));
    out->set_left(to_valid_utf8(was));
    out->set_right(to_valid_utf8(is));
  };
  for (const auto& [symbol, value] : left) {
    const auto other = right.find(symbol);
    add(symbol, value, other == right.end() ? "" : other->second);
    if (other != right.end()) right.erase(other);
  }
  for (const auto& [symbol, value] : right) add(symbol, "", value);
  return reply;
}

}  // namespace kiln::controller
