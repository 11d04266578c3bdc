#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/dmesg/line.h"
#include "lib/dmesg/report.h"

namespace kiln::dmesg {
namespace {

/// Ways into an error report, out of a system call, and through the scheduler: they say nothing
/// about whose fault a report is. A trailing * stands for any rest.
constexpr std::array kGeneric = {"dump_stack*",
                                 "show_stack*",
                                 "__warn*",
                                 "warn_slowpath*",
                                 "report_bug*",
                                 "handle_bug",
                                 "fixup_bug",
                                 "exc_*",
                                 "asm_exc_*",
                                 "handle_exception",
                                 "error_code",
                                 "error_entry",
                                 "common_exception*",
                                 "do_error_trap",
                                 "do_trap",
                                 "do_invalid_op",
                                 "die",
                                 "die_addr",
                                 "__die*",
                                 "oops_*",
                                 "page_fault*",
                                 "no_context",
                                 "bad_area*",
                                 "__bad_area*",
                                 "do_user_addr_fault",
                                 "do_kern_addr_fault",
                                 "do_page_fault",
                                 "__do_page_fault",
                                 "panic",
                                 "nmi_panic",
                                 "nmi_*",
                                 "asm_*",
                                 "__might_*",
                                 "___might_*",
                                 "__schedule*",
                                 "schedule*",
                                 "preempt_schedule*",
                                 "io_schedule*",
                                 "print_*",
                                 "kasan_*",
                                 "__kasan_*",
                                 "__asan_*",
                                 "check_memory_region",
                                 "kfence_*",
                                 "ubsan_*",
                                 "__ubsan_*",
                                 "lock_acquire*",
                                 "__lock_acquire*",
                                 "validate_chain",
                                 "check_noncircular",
                                 "check_prev_add",
                                 "mark_lock*",
                                 "watchdog_*",
                                 "__hrtimer_*",
                                 "hrtimer_*",
                                 "rcu_*",
                                 "update_process_times",
                                 "tick_*",
                                 "sysvec_*",
                                 "warn_alloc",
                                 "__alloc_pages*",
                                 "alloc_pages*",
                                 "dump_header",
                                 "oom_kill_process",
                                 "out_of_memory",
                                 "__list_*",
                                 "ret_from_*",
                                 "entry_*",
                                 "do_syscall_*",
                                 "do_int80_*",
                                 "__do_fast_syscall_32",
                                 "do_fast_syscall_32",
                                 "do_SYSENTER_32",
                                 "syscall_*",
                                 "sysenter_*",
                                 "__ia32_sys_*",
                                 "__x64_sys_*",
                                 "__se_sys_*",
                                 "kthread",
                                 "rest_init",
                                 "start_kernel*",
                                 "secondary_startup*",
                                 "startup_*",
                                 "debug_object_*",
                                 "end_report",
                                 "__kunmap_*_warn"};

bool is_generic(std::string_view name) {
  return std::any_of(kGeneric.begin(), kGeneric.end(), [&](std::string_view pattern) {
    if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return name == pattern;
  });
}

/// shmem_pread.isra.0 -> shmem_pread
std::string_view without_suffix(std::string_view name) {
  const size_t dot = name.find('.', 1);
  return dot == std::string_view::npos ? name : name.substr(0, dot);
}

const RE2& frame() {
  static const RE2 pattern(
      R"(^\s*(?:\[<[0-9a-f]+>\]\s*)?(\? )?([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+)");
  return pattern;
}

const RE2& pointer() {
  static const RE2 pattern(
      R"((?:\b[ER]IP: |\bat [^ ]+:\d+ |\bin )(?:[0-9a-f]{4}:)?([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x)");
  return pattern;
}

}  // namespace

std::vector<std::string> own_frames(std::string_view report_text) {
  std::vector<std::string> sure;
  std::vector<std::string> guessed;
  const auto add = [](std::vector<std::string>& list, std::string_view name) {
    name = without_suffix(name);
    if (name.empty() || is_generic(name)) return;
    if (list.empty() || list.back() != name) list.emplace_back(name);
  };
  bool has_pointer = false;
  for (const std::string_view raw : raw_lines(report_text)) {
    const Line line = parse_line(raw);
    std::string name;
    std::string guess;
    if (RE2::PartialMatch(line.text, frame(), &guess, &name)) {
      add(guess.empty() ? sure : guessed, name);
    } else if (!has_pointer && RE2::PartialMatch(line.text, pointer(), &name)) {
      has_pointer = true;
      add(sure, name);
    }
    if (line.text.find("---[ end trace") != std::string::npos) break;
  }
  return sure.empty() ? guessed : sure;
}

}  // namespace kiln::dmesg
