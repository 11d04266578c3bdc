#include "lib/job/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "lib/base/number.h"

namespace kiln::job {
namespace {

/// Seconds that a step takes, with a spread; from history when there is any.
struct Estimate {
  double low = 0;
  double typical = 0;
  double high = 0;
  size_t samples = 0;
};

struct Guess {
  const char* kind;
  double seconds;
};
/// First guesses: 2 cores, TCG (docs/performance.md); replaced by what this computer took.
constexpr std::array<Guess, 10> kGuesses{{{"build-full", 600},
                                          {"build-incremental", 20},
                                          {"session-functional", 120},
                                          {"session-confirmation", 60},
                                          {"session-bisection", 60},
                                          {"session-coverage", 180},
                                          {"session-performance", 12},
                                          {"session-canary", 12},
                                          {"session-instructions", 12},
                                          {"image", 150}}};

Estimate estimate(const History& history, const std::string& kind) {
  if (const auto found = history.find(kind); found != history.end() && !found->second.empty()) {
    std::vector<double> values = found->second;
    std::sort(values.begin(), values.end());
    return {values.front(), values[values.size() / 2], values.back(), values.size()};
  }
  const double guess = first_guess_seconds(kind);
  return {guess * 0.6, guess, guess * 1.8, 0};
}

/// splitmix64: the order of pairs is part of the stored run, so the generator may never change.
uint64_t next_random(uint64_t* state) {
  *state += 0x9E3779B97F4A7C15ULL;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::string cell_name(const std::string& variant, const std::string& config) {
  return variant + "/" + config;
}

bool is_prefix(const std::string& variant) {
  return variant.starts_with("prefix-");
}

const PlanCell* find_cell(const Plan& plan, const std::string& variant, const std::string& config) {
  for (const PlanCell& cell : plan.cells)
    if (cell.variant == variant && cell.config == config) return &cell;
  return nullptr;
}

void add_cells(const PlanInput& input, Plan* plan) {
  for (const CellKey& key : input.cells) {
    if (is_prefix(key.variant) || is_coverage(key.variant)) continue;
    PlanCell cell{key.variant, key.config, key.key, ""};
    for (const PlanCell& other : plan->cells) {
      if (other.build_key != key.key || !other.same_as.empty()) continue;
      cell.same_as = cell_name(other.variant, other.config);
      plan->notes.push_back(fmt::format("{} and {} are the same kernel: built and run once",
                                        cell.same_as, cell_name(key.variant, key.config)));
      break;
    }
    plan->cells.push_back(std::move(cell));
  }
}

const CellKey* find_key(const PlanInput& input, const std::string& variant,
                        const std::string& config) {
  for (const CellKey& key : input.cells)
    if (key.variant == variant && key.config == config) return &key;
  return nullptr;
}

/// The cell whose objects a cell's build starts from; nullptr = none.
const CellKey* base_of(const PlanInput& input, const CellKey& key) {
  if (key.variant == "baseline" || key.variant == kCoverageBase) return nullptr;
  const CellKey* base =
      find_key(input, key.variant == kCoverage ? kCoverageBase : "baseline", key.config);
  return base == nullptr || base->key == key.key ? nullptr : base;
}

/// A base that nothing will start from is not built.
bool is_needed(const PlanInput& input, const CellKey& key) {
  if (key.variant != kCoverageBase) return true;
  const CellKey* counting = find_key(input, kCoverage, key.config);
  return counting != nullptr && counting->state != CellKey::State::kCached;
}

void add_builds(const PlanInput& input, Plan* plan) {
  std::set<std::string> planned;
  for (const CellKey& key : input.cells) {
    if (!is_needed(input, key) || !planned.insert(key.key).second) continue;
    PlanBuild build;
    build.cell = cell_name(key.variant, key.config);
    build.key = key.key;
    const CellKey* base = base_of(input, key);
    if (base != nullptr) build.after_key = base->key;
    switch (key.state) {
      case CellKey::State::kCached:
        build.state = "cached";
        build.reason = "same source, .config and toolchain as a build in store";
        break;
      case CellKey::State::kIncremental:
        build.state = "incremental";
        build.reason = "starts from the objects of " +
                       (base == nullptr ? "another build" : cell_name(base->variant, key.config));
        build.estimated_seconds = estimate(input.history, "build-incremental").typical;
        break;
      case CellKey::State::kFull:
        build.state = "full";
        build.reason = "no objects to start from";
        build.estimated_seconds = estimate(input.history, "build-full").typical;
        break;
    }
    plan->builds.push_back(std::move(build));
  }
}

void add_session(const Plan& plan, PlannedSession session, std::vector<PlannedSession>* out) {
  const PlanCell* cell = find_cell(plan, session.variant, session.config);
  if (cell == nullptr) return;
  session.build_key = cell->build_key;
  out->push_back(std::move(session));
}

/// Configs whose two cells are kernels of their own and not the same as another config's.
std::vector<std::string> configs_to_run(const Plan& plan, const JobSpec& spec,
                                        const std::string& variant) {
  std::vector<std::string> out;
  for (const std::string& config : spec.configs) {
    const PlanCell* cell = find_cell(plan, variant, config);
    if (cell != nullptr && cell->same_as.empty()) out.push_back(config);
  }
  return out;
}

void add_functional(const JobSpec& spec, Plan* plan) {
  if (spec.tests.empty()) return;
  for (const std::string& config : spec.configs) {
    for (const char* variant : {"baseline", "patched"}) {
      const PlanCell* cell = find_cell(*plan, variant, config);
      if (cell == nullptr || !cell->same_as.empty()) continue;
      PlannedSession session;
      session.key = fmt::format("functional/{}/{}", variant, config);
      session.purpose = "functional";
      session.variant = variant;
      session.config = config;
      add_session(*plan, std::move(session), &plan->sessions);
    }
  }
}

/// One boot of each config's kernel that counts.
void add_coverage(const PlanInput& input, Plan* plan) {
  if (input.spec.tests.empty()) return;
  std::set<std::string> planned;
  for (const CellKey& key : input.cells) {
    if (key.variant != kCoverage || !planned.insert(key.key).second) continue;
    PlannedSession session;
    session.key = fmt::format("coverage/{}", key.config);
    session.purpose = kCoverage;
    session.variant = kCoverage;
    session.config = key.config;
    session.build_key = key.key;
    plan->sessions.push_back(std::move(session));
  }
}

/// One pair of boots, back to back, in random order (statistics.md 2).
void add_pair(const std::string& purpose, const std::string& config, int pair, bool patched_first,
              const Plan& plan, std::vector<PlannedSession>* out) {
  std::array<const char*, 2> order{"baseline", "patched"};
  if (patched_first) std::swap(order[0], order[1]);
  for (const char* variant : order) {
    PlannedSession session;
    session.key = fmt::format("{}/{}/pair{}/{}", purpose, config, pair, variant);
    session.purpose = purpose;
    session.variant = variant;
    session.config = config;
    session.pair = pair;
    session.patched_first = patched_first;
    add_session(plan, std::move(session), out);
  }
}

/// A/A: the baseline twice, back to back.
void add_canaries(const JobSpec& spec, const std::string& config, Plan* plan) {
  for (int pair = 1; pair <= spec.canaries; ++pair) {
    for (int boot = 1; boot <= 2; ++boot) {
      PlannedSession session;
      session.key = fmt::format("canary/{}/pair{}/{}", config, pair, boot);
      session.purpose = "canary";
      session.variant = "baseline";
      session.config = config;
      session.pair = pair;
      add_session(*plan, std::move(session), &plan->sessions);
    }
  }
}

void add_measuring(const PlanInput& input, Plan* plan) {
  const JobSpec& spec = input.spec;
  const auto wants = [&](auto member) {
    return std::any_of(spec.benches.begin(), spec.benches.end(),
                       [&](const BenchSpec& bench) { return bench.*member; });
  };
  uint64_t random = input.seed;
  const std::vector<std::string> configs = configs_to_run(*plan, spec, "patched");
  if (wants(&BenchSpec::wall_clock)) {
    for (int pair = 1; pair <= spec.pairs; ++pair)
      for (const std::string& config : configs)
        add_pair("performance", config, pair, (next_random(&random) & 1U) != 0, *plan,
                 &plan->sessions);
    if (spec.pairs > 0 && !configs.empty()) add_canaries(spec, configs.front(), plan);
    if (spec.max_pairs > spec.pairs && !configs.empty())
      plan->notes.push_back(
          fmt::format("{} pairs of boots a config, and up to {} where a comparison that decides is "
                      "still open then",
                      spec.pairs, spec.max_pairs));
  }
  if (wants(&BenchSpec::instructions)) {
    if (!input.machine_counts_instructions) {
      plan->notes.emplace_back("this machine cannot count instructions: those boots are left out");
      return;
    }
    for (int pair = 1; pair <= spec.instruction_boots; ++pair)
      for (const std::string& config : configs)
        add_pair("instructions", config, pair, (next_random(&random) & 1U) != 0, *plan,
                 &plan->sessions);
  }
}

void add_totals(const PlanInput& input, Plan* plan) {
  size_t samples = 0;
  const auto take = [&](const std::string& kind, int count) {
    const Estimate e = estimate(input.history, kind);
    plan->estimated_seconds += e.typical * count;
    plan->estimated_seconds_low += e.low * count;
    plan->estimated_seconds_high += e.high * count;
    if (count > 0 && e.samples > 0) samples = std::max(samples, e.samples);
    return e.typical;
  };
  for (const char* state : {"full", "incremental"}) {
    const auto count = std::count_if(plan->builds.begin(), plan->builds.end(),
                                     [&](const PlanBuild& b) { return b.state == state; });
    take(std::string("build-") + state, static_cast<int>(count));
  }
  for (const char* purpose : {"functional", kCoverage, "performance", "canary", "instructions"}) {
    const auto count = std::count_if(plan->sessions.begin(), plan->sessions.end(),
                                     [&](const PlannedSession& s) { return s.purpose == purpose; });
    if (count == 0) continue;
    const double each = take(std::string("session-") + purpose, static_cast<int>(count));
    plan->totals.push_back({purpose, static_cast<int>(count), each});
  }
  plan->estimate_basis =
      samples == 0
          ? "first guess, no history yet"
          : fmt::format("from up to {} earlier steps of each kind on this computer", samples);
}

}  // namespace

std::string prefix_variant(int patches) {
  return fmt::format("prefix-{}", patches);
}

std::string without_variant(int patch) {
  return fmt::format("without-{}", patch);
}

int patch_left_out(std::string_view variant) {
  constexpr std::string_view kWithout = "without-";
  if (!variant.starts_with(kWithout)) return 0;
  variant.remove_prefix(kWithout.size());
  const auto number = take_number(variant);
  return number && *number <= std::numeric_limits<int>::max() ? static_cast<int>(*number) : 0;
}

double first_guess_seconds(const std::string& kind) {
  for (const Guess& guess : kGuesses)
    if (kind == guess.kind) return guess.seconds;
  return 0;
}

double typical_seconds(const History& history, const std::string& kind) {
  return estimate(history, kind).typical;
}

Plan make_plan(const PlanInput& input) {
  Plan plan;
  add_cells(input, &plan);
  add_builds(input, &plan);
  add_functional(input.spec, &plan);
  add_coverage(input, &plan);
  add_measuring(input, &plan);
  add_totals(input, &plan);
  return plan;
}

std::vector<PlannedSession> further_pair(const Plan& plan, const std::string& config, int pair,
                                         uint64_t seed) {
  // FNV-1a: like the generator, it may never change.
  uint64_t random = 0xCBF29CE484222325ULL;
  for (const char c : config) random = (random ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  random ^= seed + static_cast<uint64_t>(pair) * 0x9E3779B97F4A7C15ULL;
  std::vector<PlannedSession> out;
  add_pair("performance", config, pair, (next_random(&random) & 1U) != 0, plan, &out);
  return out;
}

PlannedSession bisection_session(const std::string& config, const std::string& variant,
                                 const std::string& build_key, int round,
                                 std::vector<std::string> tests) {
  PlannedSession session;
  session.key = fmt::format("bisection/{}/round{}/{}", config, round, variant);
  session.purpose = "bisection";
  session.variant = variant;
  session.config = config;
  session.build_key = build_key;
  session.only_tests = std::move(tests);
  return session;
}

std::vector<PlannedSession> confirmation_sessions(const Plan& plan, const std::string& config,
                                                  int n, int round,
                                                  const std::vector<std::string>& tests,
                                                  uint64_t seed) {
  std::vector<PlannedSession> out;
  uint64_t random = seed ^ static_cast<uint64_t>(round) * 0x9E3779B97F4A7C15ULL;
  for (int i = 1; i <= n; ++i) {
    const size_t before = out.size();
    add_pair("confirmation", config, i, (next_random(&random) & 1U) != 0, plan, &out);
    for (size_t k = before; k < out.size(); ++k) {
      out[k].key = fmt::format("confirmation/{}/round{}/{}/{}", config, round, i, out[k].variant);
      out[k].pair = 0;
      out[k].only_tests = tests;
    }
  }
  return out;
}

}  // namespace kiln::job
