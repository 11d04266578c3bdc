#pragma once
/// When a step on a machine is done again whose connection broke. Pure.
namespace kiln::agent {

/// How a step ended that did not end well.
struct Tried {
  int times = 1;           ///< with this one
  bool broke = false;      ///< its connection: what the machine itself refused, it refuses again
  bool restarted = false;  ///< another boot answers: nothing of the step may be there
  bool stopped = false;
};

constexpr bool is_tried_again(const Tried& tried, int most) {
  return tried.broke && !tried.restarted && !tried.stopped && tried.times < most;
}

/// What tells one boot of a machine from another.
inline constexpr const char* kBootIdCommand = "cat /proc/sys/kernel/random/boot_id";

}  // namespace kiln::agent
