#include "lib/machine/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::machine {
namespace {

using Step = RecoveryStep;

/// A step that failed so often and never helped is left out...
constexpr uint64_t kEnough = 5;
/// ...but for one recovery in so many: machines are rewired and get other firmware.
constexpr uint64_t kOnceMore = 20;

constexpr std::array<std::string_view, kRecoverySteps> kStepNames{
    "wait", "reboot", "sysrq", "reset", "power-cycle", "long-power-cycle", "checked-boot"};

bool never_helps(const StepCount& count) {
  return count.tried >= kEnough && count.helped == 0 && count.passed_over < kOnceMore;
}

/// What can be done about such a machine, mildest first.
std::vector<Step> steps_for(Sighting seen, const RecoveryMeans& means) {
  std::vector<Step> out;
  if (seen == Sighting::kDamaged) return {Step::kCheckedBoot};
  if (seen == Sighting::kRefused || seen == Sighting::kKnownGood) return out;
  // One that is off has nobody who could hear a word.
  if (seen != Sighting::kOff) {
    out.push_back(seen == Sighting::kTestKernel ? Step::kReboot : Step::kResume);
    if (means.console) out.push_back(Step::kSysrq);
    if (means.reset) out.push_back(Step::kReset);
  }
  if (means.power) {
    out.push_back(Step::kPowerCycle);
    out.push_back(Step::kLongPowerCycle);
  }
  return out;
}

std::string_view cause(Sighting seen) {
  switch (seen) {
    case Sighting::kDamaged:
      return "its file system stays damaged";
    case Sighting::kTestKernel:
      return "a session's kernel runs again and again: its boot loader does not forget it";
    case Sighting::kStalled:
      return "SSH takes connections and nobody answers";
    case Sighting::kOff:
      return "its power stays off";
    case Sighting::kRefused:
      return "SSH is refused, which no reboot changes";
    case Sighting::kSilent:
    case Sighting::kKnownGood:
      break;
  }
  return "it does not answer";
}

std::string report(const RecoveryMeans& means, Sighting seen, const std::string& words,
                   std::span<const StepDone> done) {
  std::string out{cause(seen)};
  if (!words.empty()) out += ": " + words;
  for (const StepDone& each : done)
    out += fmt::format("; after {}: {}", to_string(each.step), each.found);
  if (!means.power && seen != Sighting::kRefused && seen != Sighting::kDamaged)
    out += "; nothing can switch its power";
  return out;
}

}  // namespace

RecoveryMove next_move(const RecoveryMeans& means, const StepCounts& counts, Sighting seen,
                       const std::string& words, std::span<const StepDone> done) {
  RecoveryMove move;
  if (seen == Sighting::kKnownGood) {
    move.kind = RecoveryMove::Kind::kHome;
    return move;
  }
  std::vector<Step> open = steps_for(seen, means);
  // The checked boot is no rung of its own: what it leads to may still need the others.
  for (const StepDone& each : done)
    std::erase_if(open, [&](Step step) {
      return step == each.step || (step < each.step && each.step != Step::kCheckedBoot);
    });
  for (const Step step : open) {
    // The last one is the only one left: better without hope than not at all.
    if (step != open.back() && never_helps(counts[static_cast<size_t>(step)])) {
      move.passed_over.push_back(step);
      continue;
    }
    move.kind = RecoveryMove::Kind::kStep;
    move.step = step;
    return move;
  }
  move.why = report(means, seen, words, done);
  return move;
}

bool helped(RecoveryStep step, Sighting after) {
  // Waiting is for an answer, whoever gives it; a damaged system is for the checked boot.
  if (after == Sighting::kKnownGood) return true;
  if (after == Sighting::kDamaged) return step != Step::kCheckedBoot;
  return after == Sighting::kTestKernel && step == Step::kResume;
}

void count_step(StepCounts& counts, RecoveryStep step, Sighting after) {
  StepCount& count = counts[static_cast<size_t>(step)];
  ++count.tried;
  if (helped(step, after)) ++count.helped;
  count.passed_over = 0;
}

void count_passed_over(StepCounts& counts, std::span<const RecoveryStep> steps) {
  for (const RecoveryStep step : steps) ++counts[static_cast<size_t>(step)].passed_over;
}

std::string_view to_string(RecoveryStep step) {
  return kStepNames[static_cast<size_t>(step)];
}

std::optional<RecoveryStep> recovery_step(std::string_view name) {
  const auto found = std::find(kStepNames.begin(), kStepNames.end(), name);
  if (found == kStepNames.end()) return std::nullopt;
  return static_cast<RecoveryStep>(found - kStepNames.begin());
}

std::string_view to_string(Sighting sighting) {
  constexpr std::array<std::string_view, 7> kNames{"the known-good system",
                                                   "a known-good system with a damaged root",
                                                   "a session's kernel",
                                                   "SSH that takes connections and does not answer",
                                                   "silence",
                                                   "power off",
                                                   "SSH that refuses"};
  return kNames[static_cast<size_t>(sighting)];
}

std::string look_command() {
  // ext4 goes on writing after an error and only counts it, until a check sets the count to 0.
  return "echo \"cmdline=$(cat /proc/cmdline)\"; "
         "echo \"root=$(awk '$2 == \"/\" {o = $4} END {print o}' /proc/mounts)\"; "
         "d=$(awk '$5 == \"/\" {d = $3} END {print d}' /proc/self/mountinfo); "
         "d=$(readlink \"/sys/dev/block/$d\"); "
         "read -r b </proc/sys/kernel/random/boot_id; echo \"boot_id=$b\"; "
         "echo \"errors=$(cat \"/sys/fs/ext4/${d##*/}/errors_count\" 2>/dev/null)\"; echo end=look";
}

std::string look_boot_id(std::string_view answer) {
  constexpr std::string_view kWord = "boot_id=";
  for (const std::string& line : split_lines(answer))
    if (line.starts_with(kWord)) return line.substr(kWord.size());
  return "";
}

std::optional<Sighting> read_look(std::string_view answer, std::string_view mark) {
  std::optional<std::string> cmdline;
  std::optional<std::string> root;
  std::string errors;  // none is told of another file system
  bool whole = false;
  for (const std::string& line : split_lines(answer)) {
    if (line.starts_with("cmdline=")) cmdline = line.substr(8);
    if (line.starts_with("root=")) root = line.substr(5);
    if (line.starts_with("errors=")) errors = line.substr(7);
    whole = whole || line == "end=look";
  }
  if (!whole || !cmdline || !root || cmdline->empty()) return std::nullopt;
  if (cmdline->find(mark) != std::string::npos) return Sighting::kTestKernel;
  if (*root == "ro" || root->starts_with("ro,")) return Sighting::kDamaged;
  if (!errors.empty() && errors != "0") return Sighting::kDamaged;
  return Sighting::kKnownGood;
}

}  // namespace kiln::machine
