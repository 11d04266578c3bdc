#pragma once
/// One session from its order to its outcome: fetch, power on, boot, prove, test, collect, off.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/test/artifacts.h"
#include "agent/test/dut.h"
#include "agent/test/order.h"
#include "agent/test/test_phase.h"
#include "lib/igt/results.h"

namespace kiln::agent {

struct SessionDeps {
  Machine* machine = nullptr;
  Artifacts* artifacts = nullptr;
  const Clock* clock = nullptr;
  ProgressSink progress{};
  Path folder{};  ///< exists, empty, the session's own; the caller removes it
  std::string nonce{};
  Millis boot_limit{180'000};   ///< of an order that names none
  int boot_tries = 2;           ///< of a kernel that does not come up, before it is its fault
  Millis silence{45'000};       ///< no word from console and tests, no answer: hung
  Millis boot_silence{45'000};  ///< the same while it boots
  std::string test_root = "/usr/libexec/igt-gpu-tools";
};

/// Runs once, on the calling thread. Never fails: whatever happens is an outcome. The machine is
/// off and its disk removed when run() returns.
class Session {
 public:
  Session(SessionDeps deps, SessionOrder order);
  SessionOutcome run(std::stop_token stop);

 private:
  /// How a step ended the session early.
  struct End {
    Ending ending = Ending::kInfrastructure;
    std::string error_class;
    std::string error;
  };
  using Step = tl::expected<void, End>;

  Step go(std::stop_token stop);
  Step fetch(std::stop_token stop);
  Step start(std::stop_token stop);
  Step boot(std::stop_token stop);
  /// Proves the running kernel; with `deploy`, the modules go in on the way.
  Step identify(bool deploy, std::stop_token stop);
  /// One round trip for the modules (when `deploy`) and the probe. Errors: as Dut::run().
  Result<ShellReply> probe(bool deploy, WallTime& told, std::stop_token stop);
  Step run_phase(size_t index, std::stop_token stop);
  Step run_bench(const BenchPhaseOrder& bench, std::stop_token stop);
  Step unpack_bench(const BenchPhaseOrder& bench, std::stop_token stop);
  Step bench_failed(const BenchPhaseOrder& bench, const std::string& what,
                    const Result<ShellReply>& reply);
  void fetch_results(size_t index, const TestPhaseOrder& phase, const PhaseReport& report,
                     const std::string& folder, std::stop_token stop);
  void fetch_coverage(size_t index, const TestPhaseOrder& phase, std::stop_token stop);
  /// A tar, compressed here when the machine could not.
  void store_tar(const std::string& name, const Path& tar);
  void store_output(const igt::TestResult& result);
  Step collect(std::stop_token stop);
  Step stay(std::stop_token stop);
  void store_logs();
  /// False with a note when it is not stored.
  bool store(const std::string& name, const Path& file);
  /// What the machine kept beside its console; its dead kernels' words.
  std::string store_kept_logs(bool last);
  void add_kernel_messages(std::string_view log);

  Status restart(const std::string& why, std::stop_token stop);
  Status check_modules(std::stop_token stop);
  /// Likewise, and a reading of the machine's conditions on the way. Before a bench it waits,
  /// bounded, until other work is done.
  Status look_around(hygiene::When when, std::stop_token stop);
  Status check_loaded(std::string_view output);
  [[nodiscard]] bool modules_known() const;
  /// The end that an error means, with the machine's own trouble as the better explanation.
  End end_of(const Error& error, std::string error_class);
  End machine_end(const Trouble& found);
  bool out_of_time();
  void enter(const std::string& phase);
  void note(const std::string& text);
  [[nodiscard]] std::vector<std::string> module_names() const;

  SessionDeps deps_;
  SessionOrder order_;
  SessionOutcome outcome_;
  std::unique_ptr<Dut> dut_;
  Path image_;
  Path modules_;                  ///< tar.zst
  std::string bench_on_machine_;  ///< digest of what lies in /kiln/bench
  std::optional<End> failure_;    ///< what went wrong while the session could go on
  std::optional<End> restart_end_;
  std::vector<std::string> boot_ids_;
  std::vector<hygiene::Reading> readings_;
  std::vector<std::string> notes_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point phase_started_;
  std::string phase_;
  std::string crash_words_;  ///< of all kernels that died
  int crash_logs_ = 0;
  bool wrong_kernel_ = false;
  int outputs_stored_ = 0;
  int benches_begun_ = 0;
};

}  // namespace kiln::agent
