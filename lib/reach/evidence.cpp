#include <algorithm>
#include <array>

#include "lib/reach/reach.h"

namespace kiln::reach {
namespace {

struct Word {
  Mark mark;
  std::string_view word;
};
constexpr std::array<Word, 6> kWords{{{Mark::kNone, ""},
                                      {Mark::kNotCompiled, "not-compiled"},
                                      {Mark::kNoCode, "no-code"},
                                      {Mark::kUnknown, "unknown"},
                                      {Mark::kNotExecuted, "not-executed"},
                                      {Mark::kExecuted, "executed"}}};

}  // namespace

std::string_view to_string(Mark mark) {
  for (const Word& each : kWords)
    if (each.mark == mark) return each.word;
  return "";
}

bool from_string(std::string_view word, Mark* mark) {
  for (const Word& each : kWords) {
    if (each.word != word) continue;
    *mark = each.mark;
    return true;
  }
  return false;
}

bool is_c(std::string_view path) {
  return path.ends_with(".c") || path.ends_with(".h");
}

uint32_t CellEvidence::test(const std::string& name) {
  const auto found = std::find(tests.begin(), tests.end(), name);
  if (found != tests.end()) return static_cast<uint32_t>(found - tests.begin());
  tests.push_back(name);
  return static_cast<uint32_t>(tests.size() - 1);
}

void CellEvidence::know(const std::vector<FileCounts>& counts) {
  for (const FileCounts& one : counts) {
    FileEvidence& file = files[one.path];
    file.functions.insert(one.functions.begin(), one.functions.end());
    for (const auto& [line, count] : one.lines) file.code.insert(line);
  }
}

void CellEvidence::add(uint32_t test, const std::vector<FileCounts>& counts) {
  know(counts);
  for (const FileCounts& one : counts) {
    FileEvidence& file = files[one.path];
    // Each object has its own copy of a header's function, and each counts for itself.
    for (const auto& [line, count] : one.lines)
      if (count > 0) file.by_test[test][line] += count;
  }
}

int Reach::count(Mark mark) const {
  int total = 0;
  for (const MarkedFile& file : files)
    total += static_cast<int>(
        std::count_if(file.lines.begin(), file.lines.end(),
                      [mark](const MarkedLine& line) { return line.mark == mark; }));
  return total;
}

}  // namespace kiln::reach
