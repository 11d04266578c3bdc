#include "controller/scheduler/orders.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/job/schedule.h"

namespace kiln::scheduler {
namespace {

constexpr double kCoverageSlower = 2;
constexpr int kMaxRestarts = 5;  // a series that crashes more tests than that has its answer

// While instructions are counted an idle guest's clock runs ahead of its disk: what watches the
// time would report tasks that hang for minutes in a boot of seconds.
constexpr const char* kTimeRaces =
    " nowatchdog sysctl.kernel.hung_task_timeout_secs=0 rcupdate.rcu_cpu_stall_suppress=1";

double seconds(Millis value) {
  return static_cast<double>(value.count()) / 1000.0;
}

void add_tests(const OrderInput& input, v1::SessionOrder* order) {
  const Prepared& prepared = *input.prepared;
  for (size_t i = 0; i < prepared.spec.tests.size(); ++i) {
    const job::TestPhase& phase = prepared.spec.tests[i];
    std::string text = prepared.lists[i].text;
    if (!input.session->only_tests.empty()) {
      const auto lines = lines_for_tests(prepared.lists[i].tests, input.session->only_tests);
      if (lines.empty()) continue;
      text = join(lines, "\n") + "\n";
    }
    v1::TestPhase* out = order->add_phases();
    out->set_name(phase.name);
    for (const std::string& command : phase.setup) out->add_setup(command);
    for (const std::string& command : phase.teardown) out->add_teardown(command);
    out->set_test_list(text);
    // Counting, and taking the counters after each test, costs time that is not the tests'.
    const double slower = input.session->purpose == job::kCoverage ? kCoverageSlower : 1;
    out->set_per_test_seconds(seconds(phase.per_test) * slower);
    out->set_timeout_seconds(seconds(phase.timeout) * slower);
  }
}

void add_benches(const OrderInput& input, bool instructions, v1::SessionOrder* order) {
  for (const job::BenchSpec& bench : input.prepared->spec.benches) {
    if (instructions ? !bench.instructions : !bench.wall_clock) continue;
    v1::BenchPhase* out = order->add_benches();
    out->set_name(bench.name);
    for (const std::string& command : bench.setup) out->add_setup(command);
    out->set_files_digest(input.build->bench_digest);
    out->set_command(bench.command);
    out->set_timeout_seconds(seconds(bench.timeout));
  }
}

/// The sum of the bounds inside it, so that the innermost bound that is broken names itself.
double session_bound(const job::JobSpec& spec, const v1::SessionOrder& order) {
  double total = 600 + seconds(spec.boot_timeout) * (2 + order.max_restarts());
  for (const v1::TestPhase& phase : order.phases()) total += phase.timeout_seconds() + 120;
  for (const v1::BenchPhase& bench : order.benches()) total += bench.timeout_seconds() + 60;
  return total;
}

}  // namespace

std::vector<std::string> lines_for_tests(const std::vector<std::string>& lines,
                                         const std::vector<std::string>& tests) {
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    const bool wanted = std::any_of(tests.begin(), tests.end(), [&](const std::string& test) {
      return test == line || test.starts_with(line + "@") || line.starts_with(test + "@");
    });
    if (wanted) out.push_back(line);
  }
  return out;
}

v1::SessionOrder make_order(const OrderInput& input) {
  const job::JobSpec& spec = input.prepared->spec;
  const job::PlannedSession& session = *input.session;
  const kernel::BuildRecord& build = *input.build;
  v1::SessionOrder order;
  order.set_session_id(input.session_id);
  order.set_lease_epoch(input.lease_epoch);
  order.set_machine(input.machine);
  order.set_cell(session.variant + "/" + session.config);
  order.set_image_digest(build.image_digest);
  order.set_modules_digest(build.modules_digest);
  const bool instructions = session.purpose == "instructions";
  order.set_cmdline(spec.cmdline + (instructions ? kTimeRaces : ""));
  v1::ExpectedIdentity* expected = order.mutable_expected();
  expected->set_release(build.release);
  expected->set_kernel_build_id(build.kernel_build_id);
  for (const std::string& module : spec.modules_checked)
    if (const auto found = build.module_build_ids.find(module);
        found != build.module_build_ids.end())
      (*expected->mutable_module_build_ids())[module] = found->second;
  expected->set_config_digest(build.config_digest);
  if (const auto found = input.prepared->config_highmem.find(session.config);
      found != input.prepared->config_highmem.end())
    expected->set_wants_highmem(found->second);
  v1::MachineSetup* setup = order.mutable_setup();
  setup->set_memory_bytes(spec.machine.memory_bytes);
  setup->set_cpus(instructions ? 1 : spec.machine.cpus);
  setup->set_count_instructions(instructions);
  order.set_max_restarts(kMaxRestarts);
  order.set_collect_coverage(session.purpose == job::kCoverage);
  if (job::measures_purpose(session.purpose)) {
    add_benches(input, instructions, &order);
  } else {
    add_tests(input, &order);
  }
  order.set_boot_seconds(seconds(spec.boot_timeout));
  order.set_timeout_seconds(session_bound(spec, order));
  return order;
}

}  // namespace kiln::scheduler
