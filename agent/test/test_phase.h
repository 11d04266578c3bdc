#pragma once
/// One igt_runner call on the machine, over as many restarts as it takes.
#include <functional>
#include <string>
#include <vector>

#include "agent/test/dut.h"
#include "agent/test/order.h"

namespace kiln::agent {

/// A test during which the machine had to be restarted.
struct Culprit {
  std::string test;      ///< "" when none was running, or it died before it could be told
  bool running = false;  ///< igt_runner was at work
  std::string what;      ///< "Kernel panic - not syncing: Fatal exception"
  Trouble::Kind kind = Trouble::Kind::kCrash;
  int64_t first_line = 0;  ///< of the console, of the boot that ended so
  int64_t last_line = 0;
  std::string kept{};  ///< what the kernel wrote down of its end, beside the console
};

/// How the phase ended, apart from the results, which are in its folder on the machine.
struct PhaseReport {
  std::vector<Culprit> culprits;
  bool complete = false;  ///< igt_runner came to the end of its list
  std::string left_why;   ///< why not, "" when complete
};

/// What the phase needs of its session.
struct PhaseHost {
  Dut* dut = nullptr;
  /// Powers off, boots the same disk anew and proves the kernel's identity. An Error ends the
  /// session.
  std::function<Status(const std::string& why)> restart;
  /// After a restart: what the dead kernel wrote down, once.
  std::function<std::string()> take_crash_words;
  /// Checks the build ids of modules that are loaded by now.
  std::function<Status()> check_modules;
  /// Whether all of them have been seen and proved.
  std::function<bool()> modules_known;
  /// Restarts that the session may still make.
  std::function<int()> restarts_left;
  /// End of the whole session.
  std::chrono::steady_clock::time_point deadline;
  std::string test_root;
  bool collect_coverage = false;
};

/// Runs setup, igt_runner, igt_resume after each restart, teardown. Used once, by one thread.
class TestPhase {
 public:
  TestPhase(const TestPhaseOrder& order, size_t index, PhaseHost host);
  /// Errors end the session: kInfrastructure (setup failed, QEMU died, ...), kCancelled.
  Result<PhaseReport> run(std::stop_token stop);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  enum class Step { kEnded, kAborted, kTrouble, kTimeUp };
  [[nodiscard]] std::string token(const std::string& what) const;
  Status setup(std::stop_token stop);
  Status begin_coverage(std::stop_token stop);
  Result<bool> has_begun(std::stop_token stop);
  Result<Step> attempt(int number, std::stop_token stop);
  Result<Step> follow(int number, std::stop_token stop);
  /// The runner's exit is known: done, aborted on a monitored error, or no sense in it.
  Step ended(const std::string& exit_text);
  /// Whether the follower should go on waiting.
  bool keep_waiting();
  [[nodiscard]] bool module_check_due() const;
  /// The running test is beyond its time and igt_runner's for ending it.
  [[nodiscard]] bool over_limit() const;
  /// Kills the running test; false when that did not help.
  Result<bool> end_test(int number, std::stop_token stop);
  void take_output(std::string_view bytes);
  void note_culprit(const Trouble& trouble);
  Result<bool> recover(std::stop_token stop);
  void stop_aborting(std::stop_token stop);

  const TestPhaseOrder& order_;
  size_t index_;
  PhaseHost host_;
  std::string folder_;
  PhaseReport report_;

  // While the runner runs.
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point test_started_;
  std::chrono::steady_clock::time_point last_output_;
  std::chrono::steady_clock::time_point last_power_look_;
  std::chrono::steady_clock::time_point last_answer_;
  uint64_t offset_ = 0;  ///< of the runner's output in this attempt
  std::string line_;
  std::string current_;  ///< test that runs
  int done_ = 0;
  int total_ = 0;
  std::chrono::steady_clock::time_point next_module_check_;
  int attempt_ = 0;
  bool test_killed_ = false;  ///< the running one, by us
  int seen_in_attempt_ = 0;   ///< tests that igt_runner started
  std::string last_line_;     ///< of the runner's output, for people
  bool started_ = false;      ///< igt_runner was started once: go on with igt_resume
  bool resumed_ = false;      ///< this attempt does
  bool aborting_ = true;
  bool running_ = false;
};

}  // namespace kiln::agent
