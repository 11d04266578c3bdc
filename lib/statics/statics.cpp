#include "lib/statics/statics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "lib/base/text.h"
#include "lib/kernel/output.h"

namespace kiln::statics {
namespace {

using kernel::Warning;

int weight(const Check& check) {
  return check.level == "error" ? 0 : check.level == "warning" ? 1 : 2;
}

/// Those of lines that the patch adds come last, so that the baseline's warnings are taken for
/// those that only moved, and a new one is shown at its own place.
std::vector<Warning> moved_first(std::vector<Warning> warnings, const AddedLines& added) {
  std::stable_partition(warnings.begin(), warnings.end(), [&](const Warning& warning) {
    const auto file = added.find(warning.file);
    return file == added.end() || !file->second.contains(warning.line);
  });
  return warnings;
}

class Comparison {
 public:
  Comparison(int patch, const AddedLines& added, Side* side)
      : added_(added), side_(side), covered_{patch, {}, 0, 0} {}

  void object(const std::string& name, const ObjectState* before, const ObjectState& after) {
    static const ObjectState kNothing;
    if (before == nullptr) before = &kNothing;
    ++covered_.objects;
    compare_warnings(kCompiler, before->warnings, after.warnings);
    compare_warnings(kSparse, before->sparse, after.sparse);
    for (const auto& [symbol, now] : after.symbols) {
      const auto then = before->symbols.find(symbol);
      compare_symbol(name, symbol, then == before->symbols.end() ? Symbol() : then->second, now);
    }
  }

  void end() {
    std::stable_sort(checks_.begin(), checks_.end(), [](const Check& a, const Check& b) {
      return std::tie(a.file, a.line) < std::tie(b.file, b.line);
    });
    for (const char* tool : {kCompiler, kSparse}) keep_checks(tool);
    std::stable_sort(growths_.begin(), growths_.end(), [](const Growth& a, const Growth& b) {
      return std::tuple(a.stack_after, a.size_after - a.size_before) >
             std::tuple(b.stack_after, b.size_after - b.size_before);
    });
    if (growths_.size() > kMostGrowths) {
      side_->notes.push_back(fmt::format("patch {} makes {} symbols larger; the first {} are shown",
                                         covered_.patch, growths_.size(), kMostGrowths));
      growths_.resize(kMostGrowths);
    }
    side_->growths.insert(side_->growths.end(), growths_.begin(), growths_.end());
    side_->patches.push_back(covered_);
  }

 private:
  void compare_warnings(const char* tool, const std::vector<Warning>& before,
                        const std::vector<Warning>& after) {
    const std::vector<Warning> fresh = kernel::new_warnings(before, moved_first(after, added_));
    covered_.older += static_cast<int>(after.size() - fresh.size());
    for (const Warning& warning : fresh) {
      Check check{covered_.patch, tool, "warning", warning.file, warning.line, warning.text};
      // A header says it in each object that includes it.
      if (told_.emplace(tool, warning.file, warning.line, warning.text).second)
        checks_.push_back(std::move(check));
    }
  }

  void compare_symbol(const std::string& object, const std::string& name, const Symbol& then,
                      const Symbol& now) {
    const bool larger = now.size >= then.size + kListedSize;
    const bool deeper = now.stack >= then.stack + kListedStack;
    if (!larger && !deeper) return;
    // One that comes with a patch is no growth, unless it takes much stack.
    Growth growth{covered_.patch, name, object, then.size, now.size, then.stack, now.stack};
    if (then.size == 0 && !is_large(growth)) return;
    growths_.push_back(std::move(growth));
  }

  void keep_checks(const char* tool) {
    size_t kept = 0;
    size_t all = 0;
    for (const Check& check : checks_) {
      if (check.tool != tool) continue;
      ++all;
      if (kept >= kMostChecks) continue;
      ++kept;
      side_->checks.push_back(check);
    }
    if (all > kept)
      side_->notes.push_back(
          fmt::format("patch {} brings {} warnings of {}; the first {} are shown", covered_.patch,
                      all, tool, kept));
  }

  const AddedLines& added_;
  Side* side_;
  Coverage covered_;
  std::set<std::tuple<std::string, std::string, int, std::string>> told_;
  std::vector<Check> checks_;
  std::vector<Growth> growths_;
};

}  // namespace

AddedLines added_lines(const series::Patch& patch) {
  AddedLines out;
  for (const series::FileChange& file : patch.files)
    for (const series::Hunk& hunk : file.hunks)
      for (const series::HunkLine& line : hunk.lines)
        if (line.kind == '+') out[file.path].insert(line.new_line);
  return out;
}

std::string as_mail(const series::Patch& patch) {
  return fmt::format("From: {}\nSubject: [PATCH] {}\n\n{}\n---\n{}", patch.author, patch.subject,
                     patch.body, patch.diff);
}

bool is_large(const Growth& growth) {
  return (growth.stack_after > kLargeFrame && growth.stack_before <= kLargeFrame) ||
         growth.stack_after >= growth.stack_before + kLargeFrameGrowth;
}

void compare(int patch, const State& before, const State& after, const AddedLines& added,
             Side* side) {
  Comparison comparison(patch, added, side);
  for (const auto& [name, now] : after) {
    const auto then = before.find(name);
    if (!now.error.empty()) {
      side->notes.push_back(
          fmt::format("{} does not compile with patch {}: {}", name, patch, now.error));
    } else if (then != before.end() && !then->second.error.empty()) {
      side->notes.push_back(fmt::format(
          "{} does not compile before patch {}: what the patch changes in it is not known", name,
          patch));
    } else {
      comparison.object(name, then == before.end() ? nullptr : &then->second, now);
    }
  }
  comparison.end();
}

void add_checkpatch(int patch, std::vector<Check> said, Side* side) {
  std::stable_sort(said.begin(), said.end(),
                   [](const Check& a, const Check& b) { return weight(a) < weight(b); });
  if (said.size() > kMostChecks) {
    side->notes.push_back(
        fmt::format("checkpatch says {} things of patch {}; the first {} are shown", said.size(),
                    patch, kMostChecks));
    said.resize(kMostChecks);
  }
  for (Check& check : said) {
    check.patch = patch;
    side->checks.push_back(std::move(check));
  }
}

}  // namespace kiln::statics
