#pragma once
/// A job as its YAML file states it, defaults filled in, paths made absolute. Plain data.
/// The fields and their defaults are documented in docs/job-file.md.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::job {

/// Where the kernel's source comes from.
struct SourceSpec {
  enum class Kind { kPackage, kGit, kTarball };
  Kind kind = Kind::kPackage;
  std::string package = "linux-source-6.1";  ///< Debian source package: /usr/src/NAME.tar.xz
  std::string git;                           ///< URL or path
  std::string ref;                           ///< branch, tag or commit, for git
  std::string tarball;                       ///< path
};

/// Patches in order: a folder of *.patch files, an mbox file, or a git range of a repository; or
/// commits of a repository as they are, along first parents, so that one of many can be looked for.
struct SeriesSpec {
  enum class Kind { kNone, kFolder, kMbox, kGitRange, kCommits };
  Kind kind = Kind::kNone;
  std::string path;   ///< folder, mbox, or repository
  std::string range;  ///< "base..tip" for kGitRange and kCommits
};

/// What the job asks of a test machine.
struct MachineSpec {
  std::vector<std::string> tags{"qemu"};
  uint64_t memory_bytes = 2ULL << 30;
  int cpus = 2;
};

/// One igt_runner call in a session.
struct TestPhase {
  std::string name;
  std::string list_file;           ///< absolute path of an igt_runner test list
  std::vector<std::string> setup;  ///< shell commands as root on the machine, before
  std::vector<std::string> teardown;
  Millis per_test{60'000};
  Millis timeout{600'000};
};

/// One benchmark: a command that prints `kiln-metric NAME VALUE UNIT` lines.
struct BenchSpec {
  std::string name;
  std::vector<std::string> setup;
  std::string command;
  Millis timeout{120'000};
  bool wall_clock = true;     ///< run in the paired performance sessions
  bool instructions = false;  ///< run in the instruction-counting sessions (emulated machines)
};

/// How to compare one metric (glob over metric names).
struct MetricSpec {
  std::string metric;  ///< glob: "i915/*/ns_per_page"
  enum class Kind { kCounter, kInstructions, kWallClock };
  Kind kind =
      Kind::kWallClock;  ///< of the normal boots; in instruction boots ns become instructions
  bool lower_is_better = true;
  double margin_percent = 2.0;    ///< of equivalence
  double smallest_percent = 1.0;  ///< smallest effect of interest
  double smallest_count = 0;      ///< of counters: differences up to it are a boot\'s noise
  /// Compare two arms inside one boot instead of baseline with patched:
  /// "kmap" and "kmap_local" compare kmap/X with kmap_local/X. Empty: variants.
  std::string left_arm;
  std::string right_arm;
};

/// A sentence of the cover letter and the rule that decides it.
struct ClaimSpec {
  std::string text;
  /// kMetric: `metric` in `config` stands in `relation` to `value` (or to `other` metric).
  /// kComparison: the comparison of `metric` in `config` has the answer `expect`.
  /// kTests: all `tests` (globs) pass on patched in every config (or `config`).
  /// kNone: not decidable by measurement here; `why` says so.
  enum class Rule { kNone, kMetric, kComparison, kTests };
  Rule rule = Rule::kNone;
  std::string metric;
  std::string other;
  std::string config;    ///< "" = every config
  std::string relation;  ///< "<" "<=" "==" ">=" ">" "!="
  double value = 0;
  std::string expect;  ///< "faster" "slower" "equivalent"
  std::vector<std::string> tests;
  std::string why;
  std::string session = "performance";  ///< or "instructions": which boots' values count
};

/// Call site that needs a test or hardware: shown under NOT TESTED when nothing here reaches it.
struct NotReachedSpec {
  std::string file;
  std::string what;
  std::string needs;
};

struct JobSpec {
  std::string file;  ///< absolute path of the job file
  std::string name;  ///< [a-z0-9-]+
  std::string title;
  SourceSpec source;
  SeriesSpec series;
  std::string helpers;               ///< folder of patches for both variants, "" = none
  std::string bench_files;           ///< folder with out-of-tree module and programs, "" = none
  std::vector<std::string> configs;  ///< names in kernel-configs/
  std::string config_dir;            ///< absolute path of kernel-configs/
  MachineSpec machine;
  std::string cmdline;  ///< kernel arguments for every boot, "i915.st_random_seed=1"
  std::vector<std::string> modules_checked{"i915"};  ///< whose build ids must match when loaded
  std::vector<TestPhase> tests;
  std::vector<BenchSpec> benches;
  std::vector<MetricSpec> metrics;
  std::vector<ClaimSpec> claims;
  std::vector<NotReachedSpec> not_reached;
  bool coverage = false;      ///< measure which lines of the series run
  bool static_checks = true;  ///< ask the tools that read each patch without running it
  int confirmations = 39;     ///< at most so many more sessions on each side for a suspicion
  int pairs = 6;              ///< performance pairs a config, from one look to the next
  int max_pairs = 0;          ///< at most so many where it is undecided; 0 = `pairs`: one look
  int canaries = 1;           ///< pairs of baseline against itself a run, in the first config
  int instruction_boots = 1;  ///< pairs of instruction-counting boots a config
  uint64_t seed = 0;          ///< of the random order; 0 = drawn at the start and stored
  Millis time_budget{4 * 3600'000};
  Millis boot_timeout{180'000};
  Millis build_timeout{3600'000};
  uint64_t build_memory_bytes = 6ULL << 30;
};

}  // namespace kiln::job
