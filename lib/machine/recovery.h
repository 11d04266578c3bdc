#pragma once
/// How a machine comes back to its known-good system: the next step up the ladder, from what was
/// seen of the machine, what it can be reached by, and what helped it before. Pure.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::machine {

/// From the mildest to the last one.
enum class RecoveryStep {
  kResume,          ///< wait for it: a network that flapped, a machine that reboots by itself
  kReboot,          ///< tell the system that runs, over SSH
  kSysrq,           ///< BREAK and letters on the console
  kReset,           ///< the BMC's reset: memory stays, and what a crash left in it
  kPowerCycle,      ///< off, a while, on
  kLongPowerCycle,  ///< off for so long that everything is discharged
  kCheckedBoot,     ///< a known-good boot that checks its file system first
};
inline constexpr size_t kRecoverySteps = 7;

/// What a look at the machine found.
enum class Sighting {
  kKnownGood,   ///< its known-good system answers and is well
  kDamaged,     ///< it answers, and its root cannot be written or has noted errors
  kTestKernel,  ///< a session's kernel answers
  kStalled,     ///< SSH takes the connection and then says nothing
  kSilent,      ///< no answer
  kOff,         ///< no answer, and its power is read back as off
  kRefused,     ///< another host key, or ours is not taken
};

/// By what the machine can be reached beside SSH.
struct RecoveryMeans {
  bool console = false;  ///< that can be written to
  bool reset = false;
  bool power = false;
};

/// Of one step on one machine, over all its recoveries.
struct StepCount {
  uint64_t tried = 0;
  uint64_t helped = 0;
  uint64_t passed_over = 0;  ///< since it was tried last
};
using StepCounts = std::array<StepCount, kRecoverySteps>;

/// A step of this recovery and how the machine was found after it.
struct StepDone {
  RecoveryStep step = RecoveryStep::kResume;
  std::string found{};
};

struct RecoveryMove {
  enum class Kind { kHome, kStep, kQuarantine };
  Kind kind = Kind::kQuarantine;
  RecoveryStep step = RecoveryStep::kResume;  ///< of kStep
  std::string why{};                          ///< of kQuarantine: the report for its keeper
  std::vector<RecoveryStep> passed_over{};    ///< possible, and left out since they never help
};

/// `words` say what the last look found. No step comes twice in one recovery and none that is
/// milder than one that has failed, so that it ends after at most kRecoverySteps.
RecoveryMove next_move(const RecoveryMeans& means, const StepCounts& counts, Sighting seen,
                       const std::string& words, std::span<const StepDone> done);

/// Whether the machine is nearer to its known-good system after the step.
bool helped(RecoveryStep step, Sighting after);
void count_step(StepCounts& counts, RecoveryStep step, Sighting after);
void count_passed_over(StepCounts& counts, std::span<const RecoveryStep> steps);

std::string_view to_string(RecoveryStep step);
std::string_view to_string(Sighting sighting);
std::optional<RecoveryStep> recovery_step(std::string_view name);

/// What the answer of look_command() says of the system that gave it; `mark` stands on the command
/// line of no known-good kernel. nullopt: the answer is not whole.
std::optional<Sighting> read_look(std::string_view answer, std::string_view mark);
/// Which boot gave it; "" when it does not say.
std::string look_boot_id(std::string_view answer);
std::string look_command();

}  // namespace kiln::machine
