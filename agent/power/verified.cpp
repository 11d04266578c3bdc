#include "agent/power/verified.h"

#include <fmt/format.h>

namespace kiln::agent {
namespace {

constexpr Millis kUnitTick{100};
constexpr int kCommandTries = 2;

}  // namespace

std::string_view to_string(PowerState state) {
  switch (state) {
    case PowerState::kOn:
      return "on";
    case PowerState::kOff:
      return "off";
    case PowerState::kUnknown:
      break;
  }
  return "unknown";
}

std::shared_ptr<std::timed_mutex> PowerUnits::of(const std::string& unit) {
  auto units = units_.lock();
  auto& found = (*units)[unit];
  if (!found) found = std::make_shared<std::timed_mutex>();
  return found;
}

VerifiedPower::VerifiedPower(std::unique_ptr<PowerDriver> driver, VerifiedPowerConfig config,
                             PowerUnits& units, const Clock& clock, Pause pause)
    : driver_(std::move(driver)),
      config_(std::move(config)),
      unit_name_(config_.unit.empty() ? driver_->unit() : config_.unit),
      clock_(clock),
      pause_(std::move(pause)) {
  unit_ = units.of(unit_name_);
}

void VerifiedPower::add_witness(std::unique_ptr<Witness> witness) {
  witnesses_.push_back(std::move(witness));
}

Result<std::unique_lock<std::timed_mutex>> VerifiedPower::take(std::stop_token stop) {
  // Others of the unit may each need their whole time.
  const Millis limit = 4 * config_.settle;
  std::unique_lock lock(*unit_, std::defer_lock);
  for (Millis waited{0}; waited < limit; waited += kUnitTick) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    if (lock.try_lock_for(kUnitTick)) return lock;
  }
  return fail(ErrorKind::kTimeout,
              fmt::format("{} was busy for {}", unit_name_, human_duration(limit)));
}

Result<PowerState> VerifiedPower::read(std::stop_token stop) {
  KILN_ASSIGN(const auto lock, take(stop));
  return driver_->read(stop);
}

Status VerifiedPower::reset(std::stop_token stop) {
  KILN_ASSIGN(const auto lock, take(stop));
  return driver_->reset(stop);
}

PowerRecord VerifiedPower::record() {
  return *record_.lock();
}

/// Polls: gear needs its time, and some says "off" while it is still counting down.
PowerOutcome VerifiedPower::read_until(PowerState wanted, std::stop_token stop) {
  PowerOutcome out;
  const auto deadline = clock_.steady() + config_.settle;
  for (;;) {
    const auto state = driver_->read(stop);
    if (state && *state == wanted) {
      out.state = wanted;
      out.read_back = true;
      return out;
    }
    out.why = state ? fmt::format("the gear says {}", to_string(*state)) : state.error().message;
    out.state = state ? *state : PowerState::kUnknown;
    if (clock_.steady() >= deadline || !pause_(config_.poll, stop)) return out;
  }
}

/// Of a machine that is said to be off, or of which nothing is said.
void VerifiedPower::ask_witnesses(PowerOutcome& outcome, std::stop_token stop) {
  const auto deadline = clock_.steady() + config_.witness_time;
  for (const auto& witness : witnesses_) {
    Sign sign = witness->look();
    // Buffers drain and connections linger for a moment.
    while (sign == Sign::kAlive && clock_.steady() < deadline && pause_(config_.poll, stop))
      sign = witness->look();
    if (sign == Sign::kAlive) {
      outcome.contradicted_by = witness->name();
      return;
    }
    if (sign == Sign::kDead && outcome.confirmed_by.empty()) outcome.confirmed_by = witness->name();
  }
}

PowerOutcome VerifiedPower::switch_locked(bool on, std::stop_token stop) {
  const PowerState wanted = on ? PowerState::kOn : PowerState::kOff;
  for (const auto& witness : witnesses_) witness->before();
  PowerOutcome out;
  std::string refused;
  for (int attempt = 1; attempt <= kCommandTries && !stop.stop_requested(); ++attempt) {
    // A command that is reported as failed may have worked all the same: the read-back decides.
    const Status sent = driver_->set(on, stop);
    refused = sent ? "" : sent.error().message;
    if (!driver_->reads()) {
      out = PowerOutcome();
      if (sent) break;
      continue;
    }
    out = read_until(wanted, stop);
    if (out.is(wanted)) break;
  }
  if (!refused.empty() && !out.is(wanted)) out.why = refused;
  const bool said = out.is(wanted);
  if (!on && (said || (!driver_->reads() && refused.empty()))) ask_witnesses(out, stop);
  if (!out.contradicted_by.empty()) {
    out.state = PowerState::kUnknown;
    out.why = fmt::format(
        "{} {}, but the {} shows that the machine runs: another outlet, or the"
        " gear does not switch",
        unit_name_, said ? "says off" : "was told off", out.contradicted_by);
  } else if (!out.confirmed_by.empty()) {
    out.state = wanted;
    out.why = fmt::format("{}, the {} agrees", said ? "read back" : "the gear cannot tell",
                          out.confirmed_by);
  } else if (said) {
    out.why = "read back";
  } else if (out.why.empty()) {
    out.why =
        fmt::format("{} was told {} and cannot tell whether it is", unit_name_, to_string(wanted));
  }
  auto record = record_.lock();
  ++record->asked;
  if (out.is(wanted)) ++record->came_true;
  if (!out.contradicted_by.empty()) ++record->lied;
  if (!refused.empty() || (driver_->reads() && !said)) ++record->failed;
  return out;
}

Result<PowerOutcome> VerifiedPower::switch_to(bool on, std::stop_token stop) {
  KILN_ASSIGN(const auto lock, take(stop));
  PowerOutcome out = switch_locked(on, stop);
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped while switching power");
  return out;
}

Result<PowerOutcome> VerifiedPower::cycle(std::stop_token stop) {
  KILN_ASSIGN(const auto lock, take(stop));
  const PowerOutcome off = switch_locked(false, stop);
  const bool blind = !driver_->reads() && off.contradicted_by.empty();
  if (!off.is(PowerState::kOff) && !blind) return off;
  if (!pause_(config_.off_time, stop)) return fail(ErrorKind::kCancelled, "stopped while off");
  PowerOutcome on = switch_locked(true, stop);
  if (!on.is(PowerState::kOn)) return on;
  on.confirmed_by = off.confirmed_by;
  return on;
}

}  // namespace kiln::agent
