#pragma once
/// Where a real machine is in its life, and what brought it back before: on disk before the work
/// begins, so that an agent that is killed anywhere wakes up knowing the worst.
#include <functional>
#include <string>

#include "lib/base/sync.h"
#include "lib/machine/life.h"
#include "lib/machine/recovery.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Safe for concurrent use.
class MachineRecord {
 public:
  /// Called after each change of the state, on the thread that made it.
  using Told = std::function<void(machine::LifeState state, const std::string& why)>;

  /// Reads `file`; none, or a damaged one, is a machine that nobody has heard of yet.
  MachineRecord(os::Path file, Told told);

  [[nodiscard]] machine::LifeState state() const { return held_.lock()->state; }
  /// Of the last change; of a quarantine the report for the keeper.
  [[nodiscard]] std::string why() const { return held_.lock()->why; }
  /// Follows the table; an event that means nothing in this state changes nothing. The class of the
  /// session that ends by it, "" for none.
  std::string happen(machine::LifeEvent event, const std::string& why = "");
  [[nodiscard]] machine::StepCounts counts() const { return held_.lock()->counts; }
  void count(machine::RecoveryStep step, machine::Sighting after);
  void passed_over(std::span<const machine::RecoveryStep> steps);

 private:
  struct Held {
    machine::LifeState state = machine::LifeState::kOffline;
    std::string why{};
    machine::StepCounts counts{};
  };
  void write(const Held& held) const;

  os::Path file_;
  Told told_;
  mutable Sync<Held> held_;
};

}  // namespace kiln::agent
