#include "lib/dmesg/stack.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.h"
#include "lib/dmesg/generic.h"
#include "lib/dmesg/line.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kMaxEntries = 24;

/// Symbol, offset, size and module of `name+0x1/0x2 [module buildid]`.
#define KILN_ENTRY \
  R"re(([A-Za-z_][\w.]*)\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})(?: \[([\w-]{1,64})[^\]]*\])?)re"

const RE2& trace_line() {
  static const RE2 pattern(R"(^\s*(?:\[<[0-9a-f]+>\]\s*)?(\? )?)" KILN_ENTRY);
  return pattern;
}

const RE2& pointer_line() {
  static const RE2 pattern(R"re((?:\b([ER]IP|PC|pc): ?:? ?|\bat [^ ]+:\d+ (?:at )?|\bin |, at: ))re"
                           R"re((?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]+>\] ?)?)re" KILN_ENTRY);
  return pattern;
}

/// `BUG: KCSAN: data-race in foo / bar` names two without offsets.
const RE2& race_line() {
  static const RE2 pattern(R"(BUG: KCSAN: [\w-]+ in ([A-Za-z_][\w.]*) / )");
  return pattern;
}

#undef KILN_ENTRY

uint64_t hex(std::string_view digits) {
  uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

/// Reads a report's lines and keeps the stack that counts.
class StackReader {
 public:
  explicit StackReader(std::string_view kind) : kind_(kind) {}

  /// False when the rest of the report is of no interest.
  bool take(const Line& line) {
    const std::string_view text = line.text;
    if (text.find("---[ end trace") != text.npos || ends_here(text)) return false;
    follow_context(text);
    std::string guess;
    std::string symbol;
    std::string offset;
    std::string size;
    std::string module;
    if (RE2::PartialMatch(line.text, trace_line(), &guess, &symbol, &offset, &size, &module)) {
      StackEntry entry{symbol, hex(offset), hex(size), module, false};
      // The interrupted instruction stands in the trace as well.
      entry.exact = std::any_of(exact_.begin(), exact_.end(), [&](const StackEntry& e) {
        return e.symbol == entry.symbol && e.offset == entry.offset;
      });
      printed_ = printed_ || guess.empty();
      add(guess.empty() ? sure_ : guessed_, std::move(entry));
    } else if (!is_held_lock(text) && RE2::PartialMatch(line.text, pointer_line(), &guess, &symbol,
                                                        &offset, &size, &module)) {
      StackEntry entry{symbol, hex(offset), hex(size), module, true};
      exact_.push_back(entry);
      if (exact_.size() > kMaxEntries) exact_.erase(exact_.begin());
      if (!has_pointer_) add(sure_, std::move(entry));
      has_pointer_ = true;
    } else if (kind_ == "kcsan" && RE2::PartialMatch(line.text, race_line(), &symbol)) {
      has_pointer_ = true;
    }
    return sure_.size() < 4 * kMaxEntries && guessed_.size() < 4 * kMaxEntries;
  }

  std::vector<StackEntry> result() {
    std::vector<StackEntry>& all = sure_.empty() ? guessed_ : sure_;
    if (all.size() > kMaxEntries) all.resize(kMaxEntries);
    return std::move(all);
  }

 private:
  /// ` #0: c123 (&lock){+.+.}-{3:3}, at: foo+0x1/0x2`: where a lock was taken.
  static bool is_held_lock(std::string_view text) { return trim(text).starts_with('#'); }

  /// What follows are other stacks: where memory came from, of a thread that starved.
  [[nodiscard]] bool ends_here(std::string_view text) const {
    if (kind_ == "kasan" || kind_ == "kfence")
      return text.starts_with("Allocated by") || text.starts_with("Freed by") ||
             text.starts_with("The buggy address") || text.find("allocated by") != text.npos;
    if (kind_ == "rcu-stall") return text.find("RCU grace-period kthread stack dump") != text.npos;
    return kind_ == "hung-task" && text.starts_with("Showing all locks");
  }

  void follow_context(std::string_view text) {
    const std::string_view word = trim(text);
    // The stacks above this line are where the locks were taken first.
    if (kind_ == "lockdep" && word == "stack backtrace:") {
      sure_.resize(has_pointer_ && !sure_.empty() && sure_.front().exact ? 1 : 0);
      guessed_.clear();
    }
    // Below is what the interrupt interrupted; but a watchdog's interrupt, which has nothing but
    // guesses, is there because of it.
    if ((word == "</IRQ>" || word == "</SOFTIRQ>") && !sure_.empty() && printed_) closed_ = true;
    if (word == "<IRQ>" || word == "<SOFTIRQ>") printed_ = false;
    if (word == "Call Trace:" || word == "<NMI>") closed_ = printed_ = false;
  }

  void add(std::vector<StackEntry>& list, StackEntry entry) const {
    if (closed_) return;
    const std::string_view name = without_suffix(entry.symbol);
    if (name.empty() || is_generic(name)) return;
    if (!list.empty() && without_suffix(list.back().symbol) == name) return;
    list.push_back(std::move(entry));
  }

  std::string_view kind_;
  std::vector<StackEntry> sure_;
  std::vector<StackEntry> guessed_;
  std::vector<StackEntry> exact_;
  bool has_pointer_ = false;
  bool closed_ = false;
  bool printed_ = false;  ///< an entry that is no guess, since the trace or its interrupt began
};

}  // namespace

std::string_view without_suffix(std::string_view symbol) {
  const size_t dot = symbol.find('.', 1);
  return dot == std::string_view::npos ? symbol : symbol.substr(0, dot);
}

std::vector<StackEntry> own_stack(std::string_view kind, std::string_view report_text) {
  StackReader reader(kind);
  std::vector<Line> lines;
  size_t begin = 0;
  bool more = true;
  while (more && begin < report_text.size()) {
    const size_t end = std::min(report_text.find('\n', begin), report_text.size());
    take_apart(report_text.substr(begin, end - begin), lines);
    for (const Line& line : lines) {
      more = reader.take(line);
      if (!more) break;
    }
    begin = end + 1;
  }
  return reader.result();
}

std::vector<Frame> to_frames(const std::vector<StackEntry>& stack) {
  std::vector<Frame> frames;
  frames.reserve(stack.size());
  for (const StackEntry& entry : stack)
    frames.push_back({std::string(without_suffix(entry.symbol)), entry.module, "", 0, false});
  return frames;
}

}  // namespace kiln::dmesg
