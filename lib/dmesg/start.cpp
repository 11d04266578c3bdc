#include "lib/dmesg/start.h"

#include <re2/re2.h>

#include <array>
#include <cctype>
#include <memory>
#include <span>

namespace kiln::dmesg {
namespace {

struct Rule {
  std::string_view needle;  ///< somewhere in the line
  std::string_view kind;
  bool single_line = false;
  bool detail = false;
  bool whole_line = false;  ///< the telling words stand behind their subject: all is the title
};

/// Rules that share a word. Groups and rules are tried in order and the first that matches wins, so
/// the special stand before the general.
struct Group {
  std::string_view hint;
  std::span<const Rule> rules;
};

constexpr std::array kPanic = {Rule{"Kernel panic - not syncing", "panic"}};
constexpr std::array kBug = {
    Rule{"BUG: KASAN:", "kasan"},
    Rule{"BUG: KFENCE:", "kfence"},
    Rule{"BUG: KCSAN:", "kcsan"},
    Rule{"BUG: soft lockup", "lockup"},
    Rule{"BUG: workqueue lockup", "lockup"},
    Rule{"BUG: spinlock lockup", "lockup"},
    Rule{"BUG: unable to handle", "oops"},
    Rule{"BUG: kernel NULL pointer dereference", "oops"},
    Rule{"kernel BUG at ", "bug"},
    Rule{"BUG: sleeping function called from invalid context", "atomic"},
    Rule{"BUG: scheduling while atomic", "atomic"},
    Rule{"BUG: scheduling in a non-blocking section", "atomic"},
    Rule{"BUG: assuming atomic context", "atomic"},
    Rule{"[ BUG: Invalid wait context ]", "lockdep"},
    Rule{"BUG: key ", "lockdep"},
    Rule{"BUG: MAX_LOCK", "lockdep"},  // its tables are full: _DEP_CHAINS, _DEPTH, ...
    Rule{"BUG: MAX_STACK_TRACE_ENTRIES too low", "lockdep"},
    Rule{"BUG: ", "bug"},
};
constexpr std::array kUbsan = {Rule{"UBSAN: ", "ubsan"}};
constexpr std::array kHardLockup = {
    Rule{"Watchdog detected hard LOCKUP", "lockup", false, false, true}};
constexpr std::array kCorruption = {
    Rule{"list_add corruption", "list-corruption"},
    Rule{"list_del corruption", "list-corruption"},
};
constexpr std::array kUnable = {Rule{"Unable to handle kernel", "oops"}};
constexpr std::array kProtection = {Rule{"general protection fault", "oops"}};
constexpr std::array kWarning = {
    Rule{"WARNING: possible circular locking dependency", "lockdep"},
    Rule{"WARNING: possible recursive locking", "lockdep"},
    Rule{"WARNING: possible irq lock inversion", "lockdep"},
    Rule{"WARNING: inconsistent lock state", "lockdep"},
    Rule{"WARNING: bad unlock balance", "lockdep"},
    Rule{"WARNING: bad contention detected", "lockdep"},
    Rule{"WARNING: Nested lock was not taken", "lockdep"},
    Rule{"WARNING: chain_key collision", "lockdep"},
    Rule{"WARNING: held lock freed", "lockdep"},
    Rule{"WARNING: lock held when returning", "lockdep"},
    Rule{"still has locks held!", "lockdep", false, false, true},
    Rule{"WARNING: suspicious RCU usage", "lockdep"},
    Rule{"-safe -> ", "lockdep", false, false, true},
    Rule{"WARNING: CPU: ", "warning"},
};
constexpr std::array kLocksWarn = {Rule{"DEBUG_LOCKS_WARN_ON(", "lockdep"}};
constexpr std::array kInfo = {
    Rule{"INFO: trying to register non-static key", "lockdep"},
    Rule{"INFO: suspicious RCU usage", "lockdep"},
};
constexpr std::array kStall = {
    Rule{"self-detected stall on CPU", "rcu-stall", false, false, true},
    Rule{"detected stalls on CPUs/tasks", "rcu-stall", false, false, true},
    Rule{"detected expedited stalls on CPUs/tasks", "rcu-stall", false, false, true},
    Rule{"detected stalls on tasks:", "rcu-stall", false, false, true},
};
constexpr std::array kStarved = {Rule{"kthread starved for", "rcu-stall", false, false, true}};
constexpr std::array kOom = {Rule{" invoked oom-killer: ", "oom", false, false, true}};
constexpr std::array kAllocation = {
    Rule{": page allocation failure: order:", "page-alloc", false, false, true}};
constexpr std::array kGpu = {
    Rule{"GPU HANG: ", "gpu-hang", false, false, true},
    Rule{"context reset due to GPU hang", "gpu-hang", false, false, true},
    Rule{"GPU reset begin", "gpu-hang", false, false, true},
    Rule{"recover hung GPU", "gpu-hang", false, false, true},
    Rule{"Resetting GPU for hang", "gpu-hang", false, false, true},
};
constexpr std::array kResetting = {
    Rule{"Resetting chip for ", "gpu-hang", false, false, true},
};
constexpr std::array kError = {Rule{"*ERROR* ", "error", true, false, true}};
constexpr std::array kHardware = {Rule{"[Hardware Error]: ", "hardware", true, false, true}};

constexpr std::array kGroups = {
    Group{"Kernel panic", kPanic},
    Group{"BUG", kBug},
    Group{"UBSAN: ", kUbsan},
    Group{"LOCKUP", kHardLockup},
    Group{"corruption", kCorruption},
    Group{"Unable to handle", kUnable},
    Group{"protection fault", kProtection},
    Group{"WARNING: ", kWarning},
    Group{"DEBUG_LOCKS_WARN_ON", kLocksWarn},
    Group{"INFO: ", kInfo},
    Group{"stall", kStall},
    Group{"starved", kStarved},
    Group{"oom-killer", kOom},
    Group{"allocation failure", kAllocation},
    Group{"*ERROR*", kError},
    Group{"GPU", kGpu},
    Group{"Resetting ", kResetting},
    Group{"[Hardware Error]", kHardware},
};

/// Patterns that need more than words; each with a word that a line must hold to be looked at.
struct Pattern {
  std::string_view hint;
  std::string_view kind;
  bool detail = false;
  bool whole_line = false;
  std::string_view pattern;
};
constexpr std::array kPatterns = {
    Pattern{" blocked for more than ", "hung-task", false, false,
            R"(INFO: task .{1,80} blocked for more than \d+ seconds)"},
    // Newer kernels: `WARNING: drivers/x.c:12 at func+0x1/0x2, CPU#1: name/123`
    Pattern{"WARNING: ", "warning", false, false, R"(WARNING: [^ ]{1,200}:\d+ at )"},
    // `Oops: 0002 [#1] SMP`, `invalid opcode: 0000 [#1]`, `divide error: 0000 [#2] PREEMPT`
    Pattern{" [#", "oops", true, false, R"((Oops: |[a-z][a-z -]{2,40}: )[0-9a-f]{4,16} \[#\d+\])"},
    // SLUB: `BUG kmalloc-64 (Tainted: G    B): Poison overwritten`
    Pattern{"BUG ", "bug", false, false, R"(\bBUG [^ ]{1,64} \((Not tainted|Tainted: [^)]*)\): )"},
    // One engine of a GPU: `Resetting rcs0 for stopped heartbeat on rcs0`
    Pattern{"Resetting ", "gpu-hang", false, true, R"(Resetting [a-z]{2,5}\d+ for )"},
};

/// What find_telling() looks for: each hint above, narrowed where it is also an everyday word.
constexpr std::string_view kTelling =
    R"(Kernel panic|BUG|UBSAN: |hard LOCKUP|corruption|Unable to handle kernel|protection fault)"
    R"(|WARNING: |DEBUG_LOCKS_WARN_ON|INFO: |stall on CPU|stalls on CPU|stalls on tasks|kthread starved|oom-killer)"
    R"(|allocation failure|\*ERROR\*|GPU HANG|GPU hang|GPU reset|hung GPU|GPU for hang|Resetting )"
    R"(|\[Hardware Error\]| \[#|\[IGT\] |Linux version |\[ cut here \])";

struct Compiled {
  Compiled() {
    RE2::Options options;
    options.set_max_mem(32 << 20);
    options.set_encoding(RE2::Options::EncodingLatin1);
    telling = std::make_unique<RE2>(re2::StringPiece(kTelling.data(), kTelling.size()), options);
    for (size_t i = 0; i < kPatterns.size(); ++i)
      patterns[i] = std::make_unique<RE2>(
          re2::StringPiece(kPatterns[i].pattern.data(), kPatterns[i].pattern.size()));
  }
  std::unique_ptr<RE2> telling;
  std::array<std::unique_ptr<RE2>, kPatterns.size()> patterns;
};

const Compiled& compiled() {
  static const Compiled all;
  return all;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// Like text.find(), but not in the middle of a word: `DEBUG: ` holds no `BUG: `.
size_t find_word(std::string_view text, std::string_view needle) {
  size_t at = text.find(needle);
  while (at != std::string_view::npos && at > 0 && is_word(needle[0]) &&
         (is_word(text[at - 1]) || text[at - 1] == '_'))
    at = text.find(needle, at + 1);
  return at;
}

std::optional<Start> find_by_pattern(std::string_view text) {
  const re2::StringPiece input(text.data(), text.size());
  for (size_t i = 0; i < kPatterns.size(); ++i) {
    const Pattern& p = kPatterns[i];
    if (text.find(p.hint) == std::string_view::npos) continue;
    re2::StringPiece match;
    if (!compiled().patterns[i]->Match(input, 0, input.size(), RE2::UNANCHORED, &match, 1))
      continue;
    const auto at = static_cast<size_t>(match.data() - input.data());
    return Start{p.kind, p.whole_line ? 0 : at, false, p.detail};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Start> find_start(std::string_view text) {
  if (text.size() < 8 || text.starts_with("[IGT]") || text.starts_with("Command line:") ||
      text.starts_with("Kernel command line:") || text.find("end Kernel panic") != text.npos)
    return std::nullopt;
  for (const Group& group : kGroups) {
    if (text.find(group.hint) == std::string_view::npos) continue;
    for (const Rule& rule : group.rules) {
      const size_t at = find_word(text, rule.needle);
      if (at == std::string_view::npos) continue;
      // `traps: prog[12] general protection fault ip:...` is a program's fault, not the kernel's.
      if (rule.kind == "oops" && text.find("traps: ") != text.npos) continue;
      return Start{rule.kind, rule.whole_line ? 0 : at, rule.single_line, rule.detail};
    }
  }
  return find_by_pattern(text);
}

size_t find_telling(std::string_view log, size_t from) {
  if (from >= log.size()) return std::string_view::npos;
  re2::StringPiece match;
  if (!compiled().telling->Match(re2::StringPiece(log.data(), log.size()), from, log.size(),
                                 RE2::UNANCHORED, &match, 1))
    return std::string_view::npos;
  return static_cast<size_t>(match.data() - log.data());
}

bool is_cut_here(std::string_view text) {
  return text.find("[ cut here ]") != text.npos;
}

bool is_double_rule(std::string_view text) {
  return text.size() >= 20 && text.find_first_not_of('=') == text.npos;
}

}  // namespace kiln::dmesg
