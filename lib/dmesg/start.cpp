#include "lib/dmesg/start.h"

#include <re2/re2.h>

#include <array>
#include <cctype>
#include <initializer_list>

#include "lib/base/text.h"

namespace kiln::dmesg {
namespace {

struct Rule {
  std::string_view needle;  ///< somewhere in the line
  std::string_view kind;
  bool single_line = false;
  bool detail = false;
};

/// In order: the first that matches wins, so the special stand before the general.
constexpr std::array kRules = {
    Rule{"Kernel panic - not syncing", "panic"},
    Rule{"BUG: KASAN:", "kasan"},
    Rule{"BUG: KFENCE:", "kfence"},
    Rule{"BUG: KCSAN:", "kcsan"},
    Rule{"UBSAN: ", "ubsan"},
    Rule{"BUG: soft lockup", "lockup"},
    Rule{"Watchdog detected hard LOCKUP", "lockup"},
    Rule{"BUG: workqueue lockup", "lockup"},
    Rule{"list_add corruption", "list-corruption"},
    Rule{"list_del corruption", "list-corruption"},
    Rule{"BUG: unable to handle", "oops"},
    Rule{"BUG: kernel NULL pointer dereference", "oops"},
    Rule{"Unable to handle kernel", "oops"},
    Rule{"kernel BUG at ", "bug"},
    Rule{"BUG: sleeping function called from invalid context", "bug"},
    Rule{"BUG: scheduling while atomic", "bug"},
    Rule{"BUG: ", "bug"},
    Rule{"general protection fault", "oops"},
    Rule{"WARNING: possible circular locking dependency", "lockdep"},
    Rule{"WARNING: possible recursive locking", "lockdep"},
    Rule{"WARNING: possible irq lock inversion", "lockdep"},
    Rule{"WARNING: inconsistent lock state", "lockdep"},
    Rule{"WARNING: bad unlock balance", "lockdep"},
    Rule{"WARNING: held lock freed", "lockdep"},
    Rule{"WARNING: lock held when returning", "lockdep"},
    Rule{"WARNING: suspicious RCU usage", "lockdep"},
    Rule{"-safe -> ", "lockdep"},
    Rule{"DEBUG_LOCKS_WARN_ON(", "lockdep"},
    Rule{"WARNING: CPU: ", "warning"},
    Rule{"self-detected stall on CPU", "rcu-stall"},
    Rule{"detected stalls on CPUs/tasks", "rcu-stall"},
    Rule{"detected expedited stalls on CPUs/tasks", "rcu-stall"},
    Rule{"kthread starved for", "rcu-stall"},
    Rule{" invoked oom-killer: ", "oom"},
    Rule{": page allocation failure: order:", "page-alloc"},
    Rule{"GPU HANG: ", "gpu-hang", true},
    Rule{"Resetting chip for ", "gpu-hang", true},
    Rule{"*ERROR* ", "error", true},
    Rule{"[Hardware Error]: ", "hardware", true},
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

/// `Oops: 0002 [#1] SMP`, `invalid opcode: 0000 [#1]`, `divide error: 0000 [#2] PREEMPT`
const RE2& oops_line() {
  static const RE2 pattern(R"((Oops: |[a-z][a-z -]{2,40}: )[0-9a-f]{4,16} \[#\d+\])");
  return pattern;
}

const RE2& hung_task_line() {
  static const RE2 pattern(R"(INFO: task .{1,80} blocked for more than \d+ seconds)");
  return pattern;
}

/// A newer `WARNING: drivers/x.c:12 at func+0x1/0x2, CPU#1: name/123`
const RE2& new_warning_line() {
  static const RE2 pattern(R"(WARNING: [^ ]{1,200}:\d+ at )");
  return pattern;
}

/// Like text.find(), but not in the middle of a word: `DEBUG: ` holds no `BUG: `.
size_t find_word(std::string_view text, std::string_view needle) {
  size_t at = text.find(needle);
  while (at != std::string_view::npos && at > 0 &&
         std::isalnum(static_cast<unsigned char>(needle[0])) &&
         (std::isalnum(static_cast<unsigned char>(text[at - 1])) || text[at - 1] == '_'))
    at = text.find(needle, at + 1);
  return at;
}

const RE2& frame_line() {
  static const RE2 pattern(
      R"(^\s*(\[<[0-9a-f]+>\]\s*)?(\? )?[A-Za-z_.][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)");
  return pattern;
}

const RE2& register_pattern() {
  static const RE2 pattern(
      R"(^(EIP|RIP|RSP|EFLAGS|EAX|ESI|RAX|RDX|RBP|R\d\d|DS|FS|CS|CR0|CR2|DR0|DR3|DR6|PKRU|CR3): )");
  return pattern;
}

std::optional<Start> find_by_pattern(std::string_view text) {
  re2::StringPiece match;
  const re2::StringPiece input(text.data(), text.size());
  // The cheap look comes first: most lines of a log hold none of these words.
  const auto matches = [&](std::string_view hint, const RE2& pattern) {
    return text.find(hint) != std::string_view::npos &&
           pattern.Match(input, 0, input.size(), RE2::UNANCHORED, &match, 1);
  };
  const auto position = [&] { return static_cast<size_t>(match.data() - input.data()); };
  if (matches(" blocked for more than ", hung_task_line())) return Start{"hung-task", position()};
  if (matches("WARNING: ", new_warning_line())) return Start{"warning", position()};
  if (matches(" [#", oops_line())) return Start{"oops", position(), false, true};
  return std::nullopt;
}

}  // namespace

std::optional<Start> find_start(std::string_view text) {
  if (text.size() < 8 || text.starts_with("[IGT]") || text.starts_with("Command line:") ||
      text.starts_with("Kernel command line:") || text.find("end Kernel panic") != text.npos)
    return std::nullopt;
  for (const Rule& rule : kRules) {
    const size_t at = find_word(text, rule.needle);
    if (at == std::string_view::npos) continue;
    // `traps: prog[12] general protection fault ip:...` is a program's fault, not the kernel's.
    if (rule.kind == "oops" && text.find("traps: ") != text.npos) continue;
    // Where the telling words stand behind the subject, the whole line is the title.
    const bool from_front = rule.kind == "rcu-stall" || rule.kind == "oom" ||
                            rule.kind == "page-alloc" || rule.single_line ||
                            rule.needle.starts_with("-safe") || rule.needle.starts_with("Watchdog");
    return Start{rule.kind, from_front ? 0 : at, rule.single_line, rule.detail};
  }
  return find_by_pattern(text);
}

bool is_cut_here(std::string_view text) {
  return text.find("[ cut here ]") != text.npos;
}

bool is_end(std::string_view kind, std::string_view text) {
  if (text.find("---[ end ") != text.npos) return true;
  if (kind == "oom") return text.find("Out of memory: Killed process") != text.npos;
  if (kind == "kasan" || kind == "kfence" || kind == "kcsan" || kind == "ubsan")
    return text.starts_with("==================") || text.starts_with("------------------");
  return false;
}

bool is_register_line(std::string_view text) {
  const re2::StringPiece input(text.data(), text.size());
  return RE2::PartialMatch(input, register_pattern()) || text.starts_with("Code: ");
}

bool is_body(std::string_view text) {
  if (text.empty()) return false;
  const re2::StringPiece input(text.data(), text.size());
  if (RE2::PartialMatch(input, frame_line()) || is_register_line(text)) return true;
  return starts_with_any(trim(text), {"CPU: ",
                                      "CPU#",
                                      "Hardware name:",
                                      "Call Trace:",
                                      "<TASK>",
                                      "</TASK>",
                                      "<IRQ>",
                                      "</IRQ>",
                                      "<NMI>",
                                      "</NMI>",
                                      "<SOFTIRQ>",
                                      "</SOFTIRQ>",
                                      "Modules linked in:",
                                      "Stack:",
                                      "Workqueue:",
                                      "Tainted:",
                                      "irq event stamp",
                                      "hardirqs last",
                                      "softirqs last",
                                      "Last potentially",
                                      "in_atomic(): ",
                                      "preempt_count: ",
                                      "RCU nest depth:",
                                      "INFO: lockdep is turned off",
                                      "Preemption disabled at",
                                      "Kernel Offset:",
                                      "Rebooting in ",
                                      "---[ ",
                                      "Oops: ",
                                      "*pde",
                                      "*pdpt",
                                      "PGD ",
                                      "#PF: ",
                                      "note: ",
                                      "Fixing recursive fault",
                                      "Kernel stack",
                                      "NMI backtrace for cpu",
                                      "Sending NMI from CPU",
                                      "task:",
                                      "rcu: ",
                                      "Mem-Info:",
                                      "Node ",
                                      "active_anon:",
                                      "DMA ",
                                      "DMA32 ",
                                      "Normal ",
                                      "HighMem ",
                                      "lowmem_reserve",
                                      "Swap cache",
                                      "Free swap",
                                      "Total swap",
                                      "pages RAM",
                                      "pages HighMem",
                                      "pages reserved",
                                      "[ pid ]",
                                      "oom-kill:",
                                      "Out of memory:",
                                      "Call trace:",
                                      "Exception stack",
                                      "page:",
                                      "raw: ",
                                      "flags: ",
                                      "page dumped because",
                                      "Unloaded tainted modules",
                                      "-> #",
                                      "other info that might",
                                      "stack backtrace:",
                                      "which lock already depends",
                                      "the existing dependency chain",
                                      "Possible unsafe locking scenario",
                                      "but task is already holding",
                                      "is trying to acquire",
                                      "locks held by",
                                      "lock held by",
                                      "#0: ",
                                      "#1: ",
                                      "#2: ",
                                      "#3: ",
                                      "DEADLOCK",
                                      "Allocated by",
                                      "Freed by",
                                      "The buggy address",
                                      "Memory state around",
                                      "Read of size",
                                      "Write of size",
                                      "BUG: Bad page",
                                      "Dumping ftrace",
                                      "Mem abort",
                                      "invalid opcode:",
                                      "(t=",
                                      "(detected by",
                                      "\"echo 0 > /proc",
                                      "Not tainted",
                                      "This architecture does not",
                                      "last sysfs file",
                                      "======",
                                      "------"});
}

}  // namespace kiln::dmesg
