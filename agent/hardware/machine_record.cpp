#include "agent/hardware/machine_record.h"

#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/log/log.h"

namespace kiln::agent {
namespace {

constexpr uint64_t kMaxFile = 64 << 10;

}  // namespace

MachineRecord::MachineRecord(os::Path file, Told told)
    : file_(std::move(file)), told_(std::move(told)) {
  const auto text = os::read_file(file_, kMaxFile);
  if (!text) return;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return;
  const auto word = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  auto held = held_.lock();
  if (const auto state = machine::life_state(word("state")))
    held->state = machine::after_restart(*state);
  held->why = word("why");
  const auto steps = json.find("steps");
  if (steps == json.end() || !steps->is_object()) return;
  for (const auto& [name, numbers] : steps->items()) {
    const auto step = machine::recovery_step(name);
    if (!step || !numbers.is_array() || numbers.size() != 3) continue;
    machine::StepCount& count = held->counts[static_cast<size_t>(*step)];
    uint64_t* to[] = {&count.tried, &count.helped, &count.passed_over};
    for (size_t i = 0; i < 3; ++i)
      if (numbers[i].is_number_unsigned()) *to[i] = numbers[i].get<uint64_t>();
  }
}

/// A disk that is full costs the memory of it, not the session.
void MachineRecord::write(const Held& held) const {
  nlohmann::json steps = nlohmann::json::object();
  for (size_t i = 0; i < machine::kRecoverySteps; ++i) {
    const machine::StepCount& count = held.counts[i];
    if (count.tried + count.passed_over > 0)
      steps[std::string(to_string(static_cast<machine::RecoveryStep>(i)))] = {
          count.tried, count.helped, count.passed_over};
  }
  const nlohmann::json json{{"state", std::string(to_string(held.state))},
                            {"why", to_valid_utf8(held.why)},
                            {"steps", steps}};
  if (const auto written = os::write_atomic(file_, json.dump(1) + "\n"); !written)
    log::line(log::Level::kWarning, "a machine's state is not kept",
              {{"file", file_.string()}, {"why", written.error().message}});
}

std::string MachineRecord::happen(machine::LifeEvent event, const std::string& why) {
  machine::LifeState now{};
  std::string ending;
  {
    auto held = held_.lock();
    const machine::Edge* edge = machine::edge_of(held->state, event);
    if (edge == nullptr) return "";
    held->state = now = edge->to;
    held->why = why;
    ending = edge->ending;
    write(*held);
  }
  if (told_) told_(now, why);
  return ending;
}

void MachineRecord::count(machine::RecoveryStep step, machine::Sighting after) {
  auto held = held_.lock();
  machine::count_step(held->counts, step, after);
  write(*held);
}

void MachineRecord::passed_over(std::span<const machine::RecoveryStep> steps) {
  if (steps.empty()) return;
  auto held = held_.lock();
  machine::count_passed_over(held->counts, steps);
  write(*held);
}

}  // namespace kiln::agent
