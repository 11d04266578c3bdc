/// What the lines of a report look like, kind by kind.
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <span>

#include "lib/base/text.h"
#include "lib/dmesg/start.h"

namespace kiln::dmesg {
namespace {

using Words = std::span<const std::string_view>;

/// Of reports of any kind.
constexpr std::array<std::string_view, 55> kAny = {"CPU: ",
                                                   "CPU#",
                                                   "Hardware name:",
                                                   "Call Trace:",
                                                   "Call trace:",
                                                   "<TASK>",
                                                   "</TASK>",
                                                   "<IRQ>",
                                                   "</IRQ>",
                                                   "<NMI>",
                                                   "</NMI>",
                                                   "<SOFTIRQ>",
                                                   "</SOFTIRQ>",
                                                   "Modules linked in:",
                                                   "Unloaded tainted modules",
                                                   "Stack:",
                                                   "Workqueue:",
                                                   "Tainted:",
                                                   "Not tainted",
                                                   "Stopper:",
                                                   "irq event stamp",
                                                   "hardirqs last",
                                                   "softirqs last",
                                                   "in_atomic(): ",
                                                   "preempt_count: ",
                                                   "preempt_count=",
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
                                                   "BAD",
                                                   "#PF: ",
                                                   "note: ",
                                                   "Fixing recursive fault",
                                                   "Kernel stack",
                                                   "Thread overran stack",
                                                   "Exception stack",
                                                   "Mem abort",
                                                   "invalid opcode:",
                                                   "This architecture does not",
                                                   "last sysfs file",
                                                   "Dumping ftrace",
                                                   "page:",
                                                   "head:",
                                                   "raw: ",
                                                   "flags: ",
                                                   "page dumped because",
                                                   "page_owner",
                                                   "KASAN: "};

constexpr std::array<std::string_view, 8> kBackTraces = {
    "NMI backtrace for cpu",  "Sending NMI from CPU", "Sending NMI to", "task:",
    "Showing all locks held", "locks held by",        "lock held by",   "\"echo 0 > /proc",
};

constexpr std::array<std::string_view, 15> kStallWords = {
    "rcu: ",
    "(t=",
    "(detected by",
    "Tasks blocked on level",
    "Unless rcu",
    "RCU grace-period kthread",
    "RCU GP kthread",
    "Stack dump where RCU",
    "Possible timer handling",
    "All QSes seen",
    "Stall ended before",
    "blocking rcu_node",
    "Task dump for CPU",
    "INFO: Stall ended",
    "Offline CPU",
};

constexpr std::array<std::string_view, 42> kMemory = {"Mem-Info:",
                                                      "Node ",
                                                      "active_anon:",
                                                      "active_file:",
                                                      "unevictable:",
                                                      "slab_reclaimable:",
                                                      "mapped:",
                                                      "sec_pagetables:",
                                                      "kernel_misc_reclaimable:",
                                                      "free:",
                                                      "DMA ",
                                                      "DMA: ",
                                                      "DMA32 ",
                                                      "DMA32: ",
                                                      "Normal ",
                                                      "Normal: ",
                                                      "HighMem ",
                                                      "HighMem: ",
                                                      "Movable ",
                                                      "Movable: ",
                                                      "lowmem_reserve",
                                                      "Swap cache",
                                                      "Free swap",
                                                      "Total swap",
                                                      "pages in swap cache",
                                                      "total pagecache pages",
                                                      "COMPACTION is disabled",
                                                      "[  pid  ]",
                                                      "[ pid ]",
                                                      "Tasks state",
                                                      "oom-kill:",
                                                      "Out of memory",
                                                      "Memory cgroup",
                                                      "memory: usage",
                                                      "swap: usage",
                                                      "kmem: usage",
                                                      "cache: ",
                                                      "node ",
                                                      "SLUB: Unable to allocate",
                                                      "Unreclaimable slab info",
                                                      "warn_alloc_show_mem",
                                                      "cpuset="};

constexpr std::array<std::string_view, 40> kLocks = {"-> #",
                                                     "->",
                                                     "...",
                                                     "{",
                                                     "}",
                                                     "CPU0",
                                                     "CPU1",
                                                     "lock(",
                                                     "rlock(",
                                                     "sync(",
                                                     "local_irq_disable",
                                                     "<Interrupt>",
                                                     "Chain exists of",
                                                     "other info that might",
                                                     "stack backtrace:",
                                                     "which lock already depends",
                                                     "the existing dependency chain",
                                                     "the dependencies between",
                                                     "the shortest dependencies",
                                                     "and irq-unsafe lock",
                                                     "Possible unsafe locking scenario",
                                                     "Possible interrupt unsafe",
                                                     "May be due to missing",
                                                     "but task is already holding",
                                                     "but this task is not holding",
                                                     "but this new dependency",
                                                     "but this lock",
                                                     "but there are no",
                                                     "and this task is already",
                                                     "and the lock comparison",
                                                     "which would create a new",
                                                     "to a ",
                                                     "inconsistent {",
                                                     "no locks held by",
                                                     "Held locks",
                                                     "Locks in cached chain",
                                                     "rcu_scheduler_active",
                                                     "RCU used illegally",
                                                     "context-{",
                                                     "turning off the locking"};
/// Somewhere in a lockdep report's line.
constexpr std::array<std::string_view, 16> kLocksInside = {"is trying to acquire",
                                                           "is trying to lock",
                                                           "is trying to release",
                                                           "is trying to contend",
                                                           "is freeing memory",
                                                           "is leaving the kernel",
                                                           "just changed the state",
                                                           "locks held by",
                                                           "lock held by",
                                                           "] takes:",
                                                           "registered at:",
                                                           "irq-unsafe at:",
                                                           "irq-safe at:",
                                                           " *** DEADLOCK ***",
                                                           "}, at: ",
                                                           " at: "};

constexpr std::array<std::string_view, 24> kSanitizers = {
    "Allocated by",      "Freed by",
    "allocated by",      "freed by",
    "Last potentially",  "Second to last potentially",
    "The buggy address", "The buggy",
    "which belongs to",  "Memory state around",
    "Read of size",      "Write of size",
    "Read at addr",      "Write at addr",
    "Free of addr",      "(stack is not available)",
    "This frame has",    "kfence-#",
    "value changed:",    "bits changed:",
    "race at unknown",   "Reported by Kernel",
    "read to ",          "write to "};

/// SLUB's, of an object that is not as it should be.
constexpr std::array<std::string_view, 10> kSlab = {
    "Slab 0x", "Object ",      "Redzone ",  "Padding ",    "Bytes b4 ",
    "FIX ",    "Allocated in", "Freed in ", "INFO: Slab ", "INFO: Object "};

constexpr std::array<std::string_view, 9> kGpuInside = {
    "GPU hang",         "GPU HANG",   "GPU crash dump",         "file a _new_ bug",
    "GPU reset",        "Resetting ", "developers can then re", "How-to-file-i915-bugs",
    "stopped heartbeat"};

bool starts_with_any(std::string_view text, Words words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.starts_with(word); });
}

bool holds_any(std::string_view text, Words words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

bool matches(std::string_view text, const RE2& pattern) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

const RE2& frame_line() {
  static const RE2 pattern(
      R"(^\s*(\[<[0-9a-f]+>\]\s*)?(\? )?([A-Za-z_.][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+|0x[0-9a-f]{8,16}$))");
  return pattern;
}

const RE2& register_pattern() {
  static const RE2 pattern(
      R"(^(EIP|RIP|RSP|EFLAGS|EAX|ESI|RAX|RDX|RBP|R\d\d|DS|FS|CS|CR0|CR2|DR0|DR3|DR6|PKRU|CR3): )");
  return pattern;
}

/// ` ffff88800a5b3f00: fa fb fb fb` and the caret below
const RE2& shadow_line() {
  static const RE2 pattern(R"(^>?\s*[0-9a-f]{8,16}: ([0-9a-f]{2} ?){8,16}$|^\s*\^$)");
  return pattern;
}

/// `[    123]     0   123     1000 ...`, `123 pages RAM`, `4 pages in swap cache`
const RE2& memory_line() {
  static const RE2 pattern(R"(^\[ *\d+\] +\d+ +\d+ |^\d+ (pages|total pagecache)\b|oom_reaper)");
  return pattern;
}

/// `0xffff88810b5a0c40-0xffff88810b5a0c43 @offset=3136. First byte 0x0 instead of 0x6b`
const RE2& slab_place() {
  static const RE2 pattern(R"(^(INFO: )?0x[0-9a-fx-]+ @offset=\d+)");
  return pattern;
}

/// `Unreclaimable slab info:` has a table of `kmalloc-64    12KB     16KB`.
const RE2& slab_row() {
  static const RE2 pattern(R"(^[\w:.-]+ +\d+KB +\d+KB$|^Name +Used +Total$)");
  return pattern;
}

/// ` #0: c1234567 (&lock){+.+.}-{3:3}, at: foo+0x1/0x2`
const RE2& held_lock_line() {
  static const RE2 pattern(R"(^\s*#\d+: )");
  return pattern;
}

bool is_rule(std::string_view text) {
  return text.size() >= 6 &&
         (text.find_first_not_of('=') == text.npos || text.find_first_not_of('-') == text.npos);
}

bool is_sanitizer(std::string_view kind) {
  return kind == "kasan" || kind == "kfence" || kind == "kcsan" || kind == "ubsan";
}

/// Lines that only reports of this kind have; `words` is the text without its indent.
bool is_own_body(std::string_view kind, std::string_view text, std::string_view words) {
  if (kind == "oom" || kind == "page-alloc")
    return starts_with_any(words, kMemory) || matches(words, memory_line()) ||
           matches(words, slab_row());
  if (kind == "lockdep")
    return is_rule(words) || starts_with_any(words, kLocks) || holds_any(text, kLocksInside) ||
           matches(text, held_lock_line());
  if (is_sanitizer(kind))
    return starts_with_any(words, kSanitizers) || matches(text, shadow_line());
  if (kind == "rcu-stall" || kind == "lockup" || kind == "hung-task")
    return starts_with_any(words, kStallWords) || starts_with_any(words, kBackTraces) ||
           holds_any(text, {&kBackTraces[5], 2}) || matches(text, held_lock_line()) ||
           is_rule(words);
  if (kind == "gpu-hang") return holds_any(text, kGpuInside);
  if (kind == "panic") return starts_with_any(words, kBackTraces);
  if (kind == "bug" &&
      (starts_with_any(words, kSlab) || is_rule(words) || matches(words, slab_place())))
    return true;
  // A BUG or WARN names the locks that its task holds.
  return holds_any(text, {&kBackTraces[5], 2}) || matches(text, held_lock_line());
}

}  // namespace

bool has_end_mark(std::string_view kind) {
  return is_sanitizer(kind) || kind == "oops" || kind == "bug" || kind == "warning" ||
         kind == "list-corruption";
}

bool is_end(std::string_view kind, std::string_view text) {
  if (text.find("---[ end ") != text.npos) return true;
  if (kind == "oom") return text.find("ut of memory: Killed process") != text.npos;
  if (is_sanitizer(kind)) return is_double_rule(text);
  return false;
}

bool is_register_line(std::string_view text) {
  return matches(text, register_pattern()) || text.starts_with("Code: ");
}

bool is_body(std::string_view kind, std::string_view text) {
  if (text.empty()) return false;
  if (matches(text, frame_line()) || is_register_line(text)) return true;
  const std::string_view words = trim(text);
  return starts_with_any(words, kAny) || is_own_body(kind, text, words);
}

}  // namespace kiln::dmesg
