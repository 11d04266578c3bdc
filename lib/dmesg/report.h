#pragma once
/// Kernel reports (oops, BUG, WARNING, panic, ...) cut whole out of console logs and dmesg. Pure.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dmesg/frame.h"

namespace kiln::dmesg {

/// One report.
struct Report {
  /// "oops" "bug" "atomic" "warning" "panic" "lockup" "rcu-stall" "hung-task" "lockdep" "kasan"
  /// "kfence" "kcsan" "ubsan" "oom" "page-alloc" "list-corruption" "gpu-hang" "hardware" "error"
  std::string kind;
  std::string title;      ///< the first telling line, without stamps
  std::string signature;  ///< the same across boots: no addresses, offsets, pids, CPU numbers
  std::string text;       ///< raw bytes of all its lines; a very long one keeps head and tail
  size_t first_line = 0;  ///< in the log, counted from 1
  size_t last_line = 0;
  std::optional<double> kernel_time;  ///< seconds since boot, when the log has stamps
  std::string test;                   ///< that caused it (igt@binary@subtest), "" = none known
  bool late = false;                  ///< `test` had ended already when the report came
  std::string comm;                   ///< the process that it names, "" = none
  std::string subsystem;              ///< see subsystem_of()
  std::vector<Frame> frames;          ///< see own_stack()
  /// How often a report of this signature came for this test; the first one is kept.
  int times = 1;
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

/// The reports of a log in the order of their first lines, each signature once a test. At most
/// `max_reports`; a log that holds more has its first ones kept, as they are the causes. `test` is
/// told by IGT's marks in the same log. Takes time linear in the log's size and bounded memory,
/// whatever the bytes are.
std::vector<Report> cut_reports(std::string_view log, size_t max_reports = 1000);

Severity severity(const Report& report);

/// The bits of /proc/sys/kernel/tainted after which IGT trusts no further result: machine check,
/// bad page, died (oops), warned.
bool taint_is_fatal(unsigned long long taint);

}  // namespace kiln::dmesg
