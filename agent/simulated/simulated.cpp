#include "agent/simulated/simulated.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr Millis kHangLimit{5000};

/// SplitMix64, after Steele, Lea and Flood (2014): well spread bits from any number.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

uint64_t draw(const SimulatedConfig& config, const std::string& machine, int64_t session_id,
              uint64_t what) {
  uint64_t value = mix(config.seed ^ mix(what));
  for (const char c : machine) value = mix(value ^ static_cast<unsigned char>(c));
  return mix(value ^ static_cast<uint64_t>(session_id));
}

/// False when it was told to stop meanwhile.
bool pass(Millis time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

bool fails_there(const std::string& test, const SessionOrder& order) {
  return test.ends_with("@unless-broken") &&
         order.expected.release.find("broken") != std::string::npos;
}

void add_results(const SessionOrder& order, PlayedTrouble trouble, SessionOutcome* outcome) {
  bool panicked = false;
  for (const TestPhaseOrder& phase : order.phases) {
    for (const std::string& line : split_lines(phase.test_list)) {
      const std::string test(trim(line));
      if (test.empty() || test[0] == '#') continue;
      TestResult result;
      result.test = test;
      result.phase = phase.name;
      result.seconds = 0.01;
      result.outcome = fails_there(test, order) ? "fail" : "pass";
      if (trouble == PlayedTrouble::kPanic && !panicked) {
        panicked = true;
        result.outcome = "crash";
        result.kernel_words = "Kernel panic - not syncing: played\n";
      }
      if (trouble == PlayedTrouble::kGarbage) {
        result.reason = std::string("\xff\xfe\0 garbage \x1b[31m", 14);
        result.kernel_words = result.reason;
      }
      outcome->results.push_back(std::move(result));
    }
  }
}

void add_measurements(const SimulatedConfig& config, const SessionOrder& order,
                      SessionOutcome* outcome) {
  for (const BenchPhaseOrder& bench : order.benches) {
    const auto noise = static_cast<double>(draw(config, order.machine, order.session_id, 3) % 1000);
    outcome->measurements.push_back({bench.name, "simulated/ns", 1000.0 + noise / 100.0, "ns"});
  }
}

void prove(const SessionOrder& order, SessionOutcome* outcome) {
  Identity& identity = outcome->identity;
  identity.release = order.expected.release;
  identity.kernel_build_id = order.expected.kernel_build_id;
  identity.module_build_ids = order.expected.module_build_ids;
  identity.config_digest = order.expected.config_digest;
  identity.boot_id = fmt::format("simulated-{}", order.session_id);
  identity.proved = true;
}

void give_up(const std::string& error_class, const std::string& error, SessionOutcome* outcome) {
  outcome->ending = Ending::kInfrastructure;
  outcome->error_class = error_class;
  outcome->error = error;
}

}  // namespace

PlayedTrouble trouble_of(const SimulatedConfig& config, const std::string& machine,
                         int64_t session_id) {
  if (draw(config, machine, session_id, 1) % 100 >= static_cast<uint64_t>(config.troubles))
    return PlayedTrouble::kNone;
  constexpr std::pair<std::string_view, PlayedTrouble> kAll[] = {
      {"slow-boot", PlayedTrouble::kSlowBoot}, {"panic", PlayedTrouble::kPanic},
      {"hang", PlayedTrouble::kHang},          {"lost", PlayedTrouble::kLost},
      {"garbage", PlayedTrouble::kGarbage},    {"wrong-kernel", PlayedTrouble::kWrongKernel}};
  for (const auto& [word, trouble] : kAll)
    if (config.trouble == word) return trouble;
  return kAll[draw(config, machine, session_id, 2) % std::size(kAll)].second;
}

SessionOutcome simulate(const SimulatedConfig& config, const SessionOrder& order,
                        const Clock& clock, const ProgressSink& progress, std::stop_token stop) {
  SessionOutcome outcome;
  outcome.started = clock.now();
  const auto begun = clock.steady();
  const PlayedTrouble trouble = trouble_of(config, order.machine, order.session_id);
  const auto spread = static_cast<int64_t>(draw(config, order.machine, order.session_id, 4) % 100);
  Millis length = config.mean / 2 + config.mean * spread / 100;
  if (trouble == PlayedTrouble::kSlowBoot) length *= 5;
  if (trouble == PlayedTrouble::kHang) length = std::min(kHangLimit, order.timeout);
  progress({"booting"});
  bool ran = pass(length / 2, stop);
  if (ran) progress({"testing", "played", 1, 2});
  ran = ran && pass(length / 2, stop);
  outcome.elapsed = std::chrono::duration_cast<Millis>(clock.steady() - begun);
  if (!ran) {
    outcome.ending = Ending::kCancelled;
    outcome.error_class = "CANCELLED";
    outcome.error = "cancelled";
    return outcome;
  }
  switch (trouble) {
    case PlayedTrouble::kHang:
      give_up("LOST_SUT", "the machine hung (played)", &outcome);
      return outcome;
    case PlayedTrouble::kLost:
      give_up("INFRA_NET", "the machine vanished (played)", &outcome);
      return outcome;
    case PlayedTrouble::kWrongKernel:
      give_up("WRONG_KERNEL", "another kernel runs there (played)", &outcome);
      return outcome;
    default:
      break;
  }
  prove(order, &outcome);
  add_results(order, trouble, &outcome);
  add_measurements(config, order, &outcome);
  outcome.ending = trouble == PlayedTrouble::kPanic ? Ending::kTestFailed : Ending::kTested;
  return outcome;
}

}  // namespace kiln::agent
