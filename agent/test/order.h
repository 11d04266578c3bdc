#pragma once
/// What a session is told to do and what came of it. Plain data, the agent's own words for the
/// messages of proto/kiln/v1 (agent/link converts).
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/test/identity.h"
#include "lib/base/clock.h"
#include "lib/dmesg/frame.h"
#include "lib/hygiene/conditions.h"

namespace kiln::agent {

struct TestPhaseOrder {
  std::string name{};
  std::vector<std::string> setup{};  ///< shell commands as root, before
  std::string test_list{};           ///< text for igt_runner --test-list
  Millis per_test{60'000};
  Millis timeout{600'000};
  std::vector<std::string> teardown{};
};

struct BenchPhaseOrder {
  std::string name{};
  std::vector<std::string> setup{};
  std::string files_digest{};  ///< tar.zst unpacked at /kiln/bench
  std::string command{};
  Millis timeout{120'000};
};

struct SessionOrder {
  int64_t session_id = 0;
  uint64_t lease_epoch = 0;
  std::string machine{};
  std::string cell{};
  std::string image_digest{};
  std::string modules_digest{};  ///< "" = none
  std::string cmdline{};
  ExpectedIdentity expected{};
  std::vector<TestPhaseOrder> phases{};
  std::vector<BenchPhaseOrder> benches{};
  uint64_t memory_bytes = 2ULL << 30;
  int cpus = 2;
  bool count_instructions = false;
  Millis timeout{3'600'000};
  Millis boot_limit{0};  ///< from power-on to login; 0 = the agent's own
  int max_restarts = 5;
  bool stay = false;              ///< for a person: proved, then up until cancelled or out of time
  bool collect_coverage = false;  ///< the kernel counts its lines: by test, one artifact a phase
};

enum class Ending { kTested, kTestFailed, kInfrastructure, kCancelled };
std::string_view to_string(Ending ending);

struct TestResult {
  std::string test{};  ///< igt@binary@subtest[@dynamic]
  std::string outcome{};
  double seconds = 0;
  std::string phase{};
  std::string reason{};
  std::string kernel_words{};  ///< raw bytes
};

struct MeasuredValue {
  std::string bench{};
  std::string metric{};
  double value = 0;
  std::string unit{};
};

struct KernelMessage {
  std::string kind{};
  std::string title{};
  std::string signature{};
  std::string text{};  ///< raw bytes
  std::string test{};
  std::string subsystem{};
  std::vector<dmesg::Frame> frames{};
  bool late = false;
  int times = 0;
};

struct PhaseDuration {
  std::string name{};
  Millis elapsed{0};
};

struct SessionOutcome {
  Ending ending = Ending::kInfrastructure;
  std::string error{};        ///< for people, "" = none
  std::string error_class{};  ///< lab.md's words: "BOOT_FAIL", "INFRA_POWER", ...
  WallTime started{};
  Millis elapsed{0};
  Identity identity{};
  hygiene::Conditions conditions{};  ///< under which it measured
  std::vector<PhaseDuration> phases{};
  int restarts = 0;
  std::vector<TestResult> results{};
  std::vector<MeasuredValue> measurements{};
  std::vector<KernelMessage> kernel{};
  std::map<std::string, std::string> artifacts{};  ///< name -> digest
};

/// What a session tells while it runs.
struct SessionProgress {
  std::string phase{};  ///< "power-on" "booting" "identifying" "testing" ...
  std::string text{};
  int done = 0;
  int total = 0;
  std::string console_line{};
};
using ProgressSink = std::function<void(const SessionProgress&)>;

}  // namespace kiln::agent
