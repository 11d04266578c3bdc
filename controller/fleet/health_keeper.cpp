#include "controller/fleet/health_keeper.h"

#include <fmt/format.h>

#include <utility>

namespace kiln::fleet {
namespace {

constexpr Millis kLook{2000};

}  // namespace

void HealthKeeper::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      look();
      auto stopping = stopping_.lock();
      stopping.wait_until(std::chrono::steady_clock::now() + kLook, [&] { return *stopping; });
    }
  });
}

void HealthKeeper::stop() {
  thread_.request_stop();
  {
    auto stopping = stopping_.lock();
    *stopping = true;
    stopping.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::string HealthKeeper::words_of(const std::string& machine) {
  auto words = words_.lock();
  const auto found = words->find(machine);
  return found == words->end() ? "" : found->second;
}

void HealthKeeper::end_check(const std::string& machine, Patient* patient) {
  const auto outcome = parts_.outcome(patient->run);
  if (outcome && !*outcome) return;
  const int64_t run = std::exchange(patient->run, 0);
  const bool passed = outcome && (*outcome)->passed;
  patient->last =
      fmt::format("run {}: {}", run, outcome ? (*outcome)->words : outcome.error().message);
  say(fmt::format("health check of {}, {}", machine, patient->last));
  if (passed) {
    if (const Status restored = parts_.restore(machine); !restored)
      say(fmt::format("{} stays in quarantine: {}", machine, restored.error().message));
    return;
  }
  count_failure(patient);
}

void HealthKeeper::count_failure(Patient* patient) const {
  ++patient->history.failed;
  patient->history.last_failed = parts_.clock.now();
}

void HealthKeeper::begin_check(const std::string& machine, Patient* patient) {
  const auto run = parts_.start(machine);
  if (run) {
    patient->run = *run;
    say(fmt::format("health check of {}: run {}", machine, *run));
    return;
  }
  count_failure(patient);
  if (std::exchange(patient->last, run.error().message) != run.error().message)
    say(fmt::format("health check of {}: {}", machine, run.error().message));
}

void HealthKeeper::look() {
  std::map<std::string, Patient> patients;
  std::map<std::string, std::string> words;
  for (const Quarantined& machine : parts_.machines()) {
    const auto known = patients_.extract(machine.machine);
    Patient patient = known ? std::move(known.mapped()) : Patient();
    patient.history.quarantined = machine.since;
    if (patient.run != 0) {
      end_check(machine.machine, &patient);
    } else if (machine.connected && !machine.held &&
               parts_.clock.now() >= lab::next_check(patient.history, parts_.rules)) {
      begin_check(machine.machine, &patient);
    }
    words[machine.machine] = words_for(patient);
    patients[machine.machine] = std::move(patient);
  }
  // A person was faster.
  for (const auto& [name, patient] : patients_)
    if (patient.run != 0) parts_.cancel(patient.run);
  patients_ = std::move(patients);
  *words_.lock() = std::move(words);
}

std::string HealthKeeper::words_for(const Patient& patient) const {
  if (patient.run != 0) return fmt::format("run {} checks it now", patient.run);
  return fmt::format("next check at {}{}",
                     to_rfc3339(lab::next_check(patient.history, parts_.rules)),
                     patient.last.empty() ? "" : "; the last: " + patient.last);
}

}  // namespace kiln::fleet
