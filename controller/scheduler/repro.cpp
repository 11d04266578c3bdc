#include "controller/scheduler/repro.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/scheduler/orders.h"
#include "controller/scheduler/stored_job.h"
#include "lib/base/text.h"

namespace kiln::scheduler {
namespace {

constexpr int kFewestBoots = 3;
constexpr int kMostBoots = 40;
constexpr int kMostByDefault = 12;
constexpr const char* kIgtFolder = "/usr/libexec/igt-gpu-tools/";

/// What of the job shows the finding.
struct Scope {
  std::vector<std::string> configs;
  std::vector<std::string> tests;  ///< lines of the lists
  std::string metric;              ///< of a measured difference
  std::string kind;                ///< of it: "counter" | "instructions" | "wall-clock"
};

Result<v1::Finding> find_finding(const ReproInput& input) {
  std::vector<std::string> names;
  for (const v1::Finding& finding : input.report.findings()) {
    if (finding.id() == input.finding) return finding;
    names.push_back(finding.id());
  }
  return fail(
      Error(ErrorKind::kNotFound,
            fmt::format("run {} has no finding `{}`", input.report.run().id(), input.finding))
          .with_hint(names.empty() ? "it has no findings" : "its findings: " + join(names, ", ")));
}

std::vector<std::string> in_order(const job::JobSpec& spec, const std::set<std::string>& configs) {
  std::vector<std::string> out;
  for (const std::string& config : spec.configs)
    if (configs.contains(config)) out.push_back(config);
  return out;
}

/// Configs in which the finding shows; all when it does not tell.
std::vector<std::string> configs_of(const ReproInput& input, const v1::Finding& finding) {
  std::set<std::string> configs = input.seen_in;
  if (configs.empty())
    for (const v1::CellCounts& counts : finding.counts()) configs.insert(counts.config());
  std::vector<std::string> out = in_order(input.job.spec, configs);
  return out.empty() ? input.job.spec.configs : out;
}

/// The comparison behind a finding about a measured difference.
Scope measured_scope(const ReproInput& input) {
  Scope scope;
  std::set<std::string> configs;
  for (const v1::Comparison& c : input.report.comparisons()) {
    if (fmt::format("{} ({})", c.metric(), c.kind()) != input.subject) continue;
    scope.metric = c.metric();
    scope.kind = c.kind();
    if (c.decides()) configs.insert(c.config());
  }
  scope.configs = in_order(input.job.spec, configs);
  return scope;
}

Result<Scope> scope_of(const ReproInput& input, const v1::Finding& finding) {
  const std::string again = "kiln run " + input.report.run().job_file();
  if (finding.class_() == "infrastructure" || finding.class_().starts_with("build-") ||
      finding.class_() == "static")
    return fail(Error(ErrorKind::kBadInput, fmt::format("finding {} is no matter of boots: {}",
                                                        finding.id(), finding.summary()))
                    .with_hint(again + " shows it again"));
  Scope scope;
  if (finding.test().empty() && finding.kernel().empty()) {
    scope = measured_scope(input);
    if (!scope.metric.empty() && !scope.configs.empty()) return scope;
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("finding {} names no test to repeat", finding.id()))
            .with_hint(again + " repeats all of it"));
  }
  scope.configs = configs_of(input, finding);
  std::vector<std::string> wanted(finding.also().begin(), finding.also().end());
  if (!finding.test().empty()) wanted.push_back(finding.test());
  for (const job::StoredList& list : input.job.lists)
    // A report that belongs to no test can come from any.
    for (const std::string& line :
         finding.test().empty() ? list.tests : lines_for_tests(list.tests, wanted))
      scope.tests.push_back(line);
  if (scope.tests.empty())
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("the lists of run {} hold no test of finding {}",
                                                input.report.run().id(), finding.id()))
            .with_hint(again + " repeats all of it"));
  return scope;
}

int boots_of(const ReproInput& input, const v1::Finding& finding) {
  if (input.boots > 0) return std::min(input.boots, kMostBoots);
  int most = 0;
  for (const v1::CellCounts& counts : finding.counts())
    most = std::max(most, counts.session_ids_size());
  return std::clamp(most, kFewestBoots, kMostByDefault);
}

/// Both kernels of a config.
Result<std::vector<BuildTarget>> kernels_for(const ReproInput& input,
                                             const std::vector<std::string>& configs) {
  std::vector<BuildTarget> out;
  for (const std::string& config : configs) {
    for (const char* variant : {"baseline", "patched"}) {
      const auto found =
          std::find_if(input.kernels.begin(), input.kernels.end(), [&](const StoredKernel& kernel) {
            return kernel.variant == variant && kernel.config == config;
          });
      if (found == input.kernels.end())
        return fail(Error(ErrorKind::kNotFound,
                          fmt::format("the kernel of {}/{} is not in store", variant, config))
                        .with_hint("kiln run " + input.report.run().job_file() +
                                   " builds it again, then the finding can be repeated"));
      BuildTarget target;
      target.variant = variant;
      target.config = config;
      target.key = found->key;
      out.push_back(std::move(target));
    }
  }
  return out;
}

/// Wall-clock figures and counters come from the paired boots, instructions from those that count.
void keep_benches(const Scope& scope, job::JobSpec* spec) {
  const bool counting = scope.kind == "instructions";
  std::erase_if(spec->benches, [&](const job::BenchSpec& bench) {
    return scope.metric.empty() || (counting ? !bench.instructions : !bench.wall_clock);
  });
  for (job::BenchSpec& bench : spec->benches) {
    bench.wall_clock = !counting;
    bench.instructions = counting;
  }
}

/// How the test is run on a machine that runs the kernel already.
std::string by_hand(const Prepared& prepared) {
  std::string out;
  for (size_t i = 0; i < prepared.lists.size(); ++i) {
    const job::TestPhase& phase = prepared.spec.tests[i];
    for (const std::string& command : phase.setup) out += "  " + command + "\n";
    constexpr size_t kMost = 10;
    for (size_t k = 0; k < prepared.lists[i].tests.size() && k < kMost; ++k) {
      const std::vector<std::string> parts = split(prepared.lists[i].tests[k], '@');
      if (parts.size() < 2) continue;
      out += std::string("  ") + kIgtFolder + parts[1];
      if (parts.size() > 2) out += " --run-subtest " + parts[2];
      if (parts.size() > 3) out += " --dynamic-subtest " + parts[3];
      out += "\n";
    }
    if (prepared.lists[i].tests.size() > kMost)
      out += fmt::format("  ... and {} more\n", prepared.lists[i].tests.size() - kMost);
    for (const std::string& command : phase.teardown) out += "  " + command + "\n";
  }
  for (const job::BenchSpec& bench : prepared.spec.benches) {
    for (const std::string& command : bench.setup) out += "  " + command + "\n";
    out += "  " + bench.command + "\n";
  }
  return out;
}

std::string kernels_in_words(const ReproInput& input, const Prepared& prepared) {
  std::string out;
  for (const BuildTarget& target : prepared.targets) {
    std::string id;
    for (const v1::Build& build : input.report.builds())
      if (build.cell() == target.variant + "/" + target.config) id = build.kernel_build_id();
    out += fmt::format("  {:<36} build id {}\n", target.variant + "/" + target.config,
                       id.empty() ? "unknown" : id.substr(0, 20));
  }
  return out;
}

}  // namespace

Result<Prepared> prepare_repro(const ReproInput& input) {
  KILN_ASSIGN(const v1::Finding finding, find_finding(input));
  KILN_ASSIGN(const Scope scope, scope_of(input, finding));
  Prepared prepared = from_stored(input.job);
  KILN_ASSIGN(prepared.targets, kernels_for(input, scope.configs));
  job::JobSpec& spec = prepared.spec;
  spec.configs = scope.configs;
  spec.claims.clear();
  spec.not_reached.clear();
  spec.coverage = false;
  spec.title = fmt::format("finding {} of run {} again: {}", finding.id(), input.report.run().id(),
                           spec.title);
  keep_tests(scope.tests, &prepared);
  keep_benches(scope, &spec);
  std::erase_if(spec.metrics, [&](const job::MetricSpec& metric) {
    return scope.metric.empty() || !glob_match(metric.metric, scope.metric);
  });
  const int boots = boots_of(input, finding);
  spec.confirmations = boots - 1;  // just the boots that were asked for
  if (!scope.metric.empty()) {
    spec.pairs = std::max(spec.pairs, boots);
    spec.instruction_boots = std::max(spec.instruction_boots, boots);
  }
  spec.max_pairs = spec.pairs;  // as many as were asked for
  spec.canaries = 0;
  const v1::Run& run = input.report.run();
  prepared.job_digest = fmt::format("repro of {}/{} with {} boots", run.id(), finding.id(), boots);
  prepared.source = run.source();
  prepared.source_tree = run.source_tree();
  prepared.toolchain = run.toolchain();
  return prepared;
}

job::Plan plan_repro(const ReproInput& input, const Prepared& prepared, uint64_t seed) {
  job::PlanInput plan_input;
  plan_input.spec = prepared.spec;
  plan_input.source = prepared.source;
  plan_input.history = input.history;
  plan_input.seed = seed;
  for (const BuildTarget& target : prepared.targets)
    plan_input.cells.push_back(
        {target.variant, target.config, target.key, job::CellKey::State::kCached});
  size_t tests = 0;
  std::vector<std::string> all;
  for (const PhaseList& list : prepared.lists) {
    tests += list.tests.size();
    all.insert(all.end(), list.tests.begin(), list.tests.end());
  }
  plan_input.tests_per_cell = static_cast<int>(tests);
  job::Plan plan = job::make_plan(plan_input);
  if (all.empty()) return plan;
  // The first boot of each side is a functional one; the others are the confirmation that a
  // difference would get, made whether or not the first boots differ.
  const auto finding = find_finding(input);
  const int more = finding ? boots_of(input, *finding) - 1 : 0;
  job::PlanSessions total{"confirmation", 0,
                          job::typical_seconds(input.history, "session-confirmation")};
  for (const std::string& config : prepared.spec.configs)
    for (job::PlannedSession& session :
         job::confirmation_sessions(plan, config, more, 1, all, seed)) {
      plan.sessions.push_back(std::move(session));
      ++total.count;
    }
  plan.estimated_seconds += total.count * total.estimated_seconds_each;
  plan.estimated_seconds_low += total.count * total.estimated_seconds_each;
  plan.estimated_seconds_high += total.count * total.estimated_seconds_each;
  plan.totals.push_back(total);
  return plan;
}

Result<v1::ReproReply> describe_repro(const ReproInput& input) {
  KILN_ASSIGN(const v1::Finding finding, find_finding(input));
  v1::ReproReply reply;
  reply.set_run_id(input.report.run().id());
  reply.set_finding(finding.id());
  std::string text = fmt::format(
      "Finding {} of run {} ({}): {}{}\n", finding.id(), input.report.run().id(), finding.class_(),
      finding.test().empty() ? "" : finding.test() + ": ", finding.summary());
  const auto prepared = prepare_repro(input);
  if (!prepared) {
    reply.set_cannot(to_valid_utf8(render(prepared.error())));
    reply.set_text(to_valid_utf8(text));
    return reply;
  }
  const job::Plan plan = plan_repro(input, *prepared, 1);
  const int boots = boots_of(input, finding);
  text += fmt::format(
      "\nWith Kiln:\n  kiln repro {}/{} --boots {}\n  {} boots of the stored kernels in turns, "
      "about "
      "{}; --boots changes how many a side\n",
      input.report.run().id(), finding.id(), boots, plan.sessions.size(),
      human_duration(Millis(static_cast<int64_t>(plan.estimated_seconds * 1000))));
  text += "\nThe kernels:\n" + kernels_in_words(input, *prepared);
  text += fmt::format("  source {}, series \"{}\"\n", prepared->source, prepared->series_title);
  text += "\nBy hand, as root on a machine that runs one of them" +
          (prepared->spec.cmdline.empty() ? std::string()
                                          : " (arguments: " + prepared->spec.cmdline + ")") +
          ":\n" + by_hand(*prepared);
  const int64_t session = finding.counts_size() > 0 && finding.counts(0).session_ids_size() > 0
                              ? finding.counts(0).session_ids(0)
                              : 0;
  if (session > 0)
    text += fmt::format("\nWhat was seen then:\n  kiln log {} {} --dmesg\n",
                        input.report.run().id(), session);
  reply.set_text(to_valid_utf8(text));
  return reply;
}

}  // namespace kiln::scheduler
