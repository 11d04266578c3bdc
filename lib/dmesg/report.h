#pragma once
/// Kernel reports (oops, BUG, WARNING, panic, ...) cut whole out of console logs and dmesg. Pure.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dmesg {

/// One report.
struct Report {
  /// "oops" "bug" "warning" "panic" "lockup" "rcu-stall" "hung-task" "lockdep" "kasan" "kfence"
  /// "kcsan" "ubsan" "oom" "page-alloc" "list-corruption" "gpu-hang" "hardware" "error"
  std::string kind;
  std::string title;      ///< the first telling line, without stamps
  std::string signature;  ///< the same across boots: no addresses, offsets, pids, CPU numbers
  std::string text;       ///< raw bytes of all its lines; a very long one keeps head and tail
  size_t first_line = 0;  ///< in the log, counted from 1
  size_t last_line = 0;
  std::optional<double> kernel_time;  ///< seconds since boot, when the log has stamps
  std::string test;                   ///< that ran then (igt@binary@subtest), "" = none known
  /// Whether `test` had exited already when the report came (within two seconds).
  bool after_test = false;
  bool operator==(const Report&) const = default;
};

/// What a report means for the machine.
enum class Severity {
  kMarksTest,   ///< the machine goes on; only the test's result is touched
  kMayRecover,  ///< nothing moved for a while: a hang, or a host too busy to run its machine. Go on
                ///< waiting within the time limits
  kNeedsReboot,  ///< results after this report cannot be trusted: restart the machine
  kDead,         ///< the machine does nothing any more
};

/// At most `max_reports`; a log that holds more has its first ones kept, as they are the causes.
/// `test` is filled from IGT's marks in the same log.
std::vector<Report> cut_reports(std::string_view log, size_t max_reports = 1000);

Severity severity(const Report& report);

/// The bits of /proc/sys/kernel/tainted after which IGT trusts no further result: machine check,
/// bad page, died (oops), warned.
bool taint_is_fatal(unsigned long long taint);

/// The functions of a report's stack, top first, own ones only: without the ways into the error
/// (dump_stack, __warn, asm_exc_*), without guesses (`? name`), without compiler suffixes.
std::vector<std::string> own_frames(std::string_view report_text);

}  // namespace kiln::dmesg
