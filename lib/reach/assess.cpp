#include "lib/reach/assess.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::reach {
namespace {

constexpr size_t kMaxMacros = 64;  ///< that lead from a macro to its uses
constexpr size_t kMaxMacroUses = 5000;

const FileEvidence* evidence_of(const CellEvidence& cell, const std::string& path) {
  const auto found = cell.files.find(path);
  return found == cell.files.end() ? nullptr : &found->second;
}

Assessment plain(Mark mark, std::string why = "") {
  Assessment out;
  out.mark = mark;
  out.why = std::move(why);
  return out;
}

/// By the counts of the lines of [first, last] that have one.
Assessment by_counts(const CellEvidence& cell, const FileEvidence& file, int first, int last) {
  Assessment out = plain(Mark::kNotExecuted);
  for (const auto& [test, counts] : file.by_test) {
    uint64_t total = 0;
    for (auto at = counts.lower_bound(first); at != counts.end() && at->first <= last; ++at)
      total += at->second;
    if (total == 0) continue;
    out.mark = Mark::kExecuted;
    out.tests[cell.tests[test]] = {total, test};
  }
  if (out.mark == Mark::kExecuted) out.cells.push_back(cell.config);
  return out;
}

/// The first line of [first, last] that has a count; 0 = none.
int first_counted(const FileEvidence& file, int first, int last) {
  const auto at = file.code.lower_bound(first);
  return at != file.code.end() && *at <= last ? *at : 0;
}

const SourceFunction* function_around(const Source& source, int line) {
  for (const SourceFunction& function : source.functions)
    if (line >= function.first && line <= function.last) return &function;
  return nullptr;
}

/// Whether the compiler made code of the function around the line, be it inlined.
bool is_built(const FileEvidence& file, const Source& source, int line) {
  for (const FunctionSpan& span : file.functions)
    if (line >= span.first && line <= span.last) return true;
  const SourceFunction* function = function_around(source, line);
  return function == nullptr || first_counted(file, function->first, function->last) > 0;
}

}  // namespace

void Assessment::merge(const Assessment& other) {
  if (other.mark > mark) {
    *this = other;
    return;
  }
  if (other.mark < mark || mark != Mark::kExecuted) return;
  for (const auto& [name, ran] : other.tests) {
    auto [at, is_new] = tests.emplace(name, ran);
    if (!is_new) at->second.count += ran.count;
  }
  for (const std::string& cell : other.cells)
    if (std::find(cells.begin(), cells.end(), cell) == cells.end()) cells.push_back(cell);
}

Assessor::Assessor(const Input& input) : input_(input) {
  for (const ChangedFile& changed : input.files)
    files_[changed.change.path] = {&changed.new_text, scan_source(changed.new_text)};
  for (const auto& [path, text] : input.users)
    if (!files_.contains(path)) files_[path] = {&text, scan_source(text)};
}

std::string Assessor::function(const std::string& path, int line) const {
  const FunctionSpan* best = nullptr;
  for (const CellEvidence& cell : input_.cells) {
    const FileEvidence* file = evidence_of(cell, path);
    if (file == nullptr) continue;
    for (const FunctionSpan& span : file->functions)
      if (line >= span.first && line <= span.last &&
          (best == nullptr || span.last - span.first < best->last - best->first))
        best = &span;
  }
  if (best != nullptr) return best->name;
  const SourceFunction* function = function_around(source(path), line);
  return function == nullptr ? "" : function->name;
}

bool Assessor::in_any_object(const std::string& path) const {
  return std::any_of(input_.cells.begin(), input_.cells.end(), [&](const CellEvidence& cell) {
    const FileEvidence* file = evidence_of(cell, path);
    return file != nullptr && !file->objects.empty();
  });
}

Assessment Assessor::line(const std::string& path, int line) const {
  const SourceLine& text = source(path).line(line);
  if (text.kind == LineKind::kMacro) {
    const Macro* found = source(path).macro_at(line);
    // An include guard, a switch: nothing stands for a use of it.
    if (found == nullptr || found->words.empty()) return plain(Mark::kNoCode);
    return macro(path, *found);
  }
  Assessment out;
  for (const CellEvidence& cell : input_.cells) out.merge(in_cell(cell, path, line));
  return out;
}

Assessment Assessor::in_cell(const CellEvidence& cell, const std::string& path, int line) const {
  const Source& text = source(path);
  const SourceLine& what = text.line(line);
  if (what.kind <= LineKind::kDirective) return plain(Mark::kNoCode);
  const FileEvidence* file = evidence_of(cell, path);
  if (file == nullptr || file->objects.empty()) {
    return what.kind >= LineKind::kSignature ? plain(Mark::kNotCompiled, std::string(kInNoObject))
                                             : plain(Mark::kNoCode);
  }
  if (file->code.contains(line)) return by_counts(cell, *file, line, line);
  if (what.kind <= LineKind::kDeclaration) return plain(Mark::kNoCode);
  if (const int counted = first_counted(*file, what.first, what.last); counted > 0) {
    Assessment out = by_counts(cell, *file, what.first, what.last);
    out.why = fmt::format("counted with its statement in line {}", counted);
    return out;
  }
  if (!file->compiled.ranges().empty() && !file->compiled.any(what.first, what.last))
    return plain(Mark::kNotCompiled, std::string(kLeftOut));
  if (file->objects_left_out > 0 && !is_built(*file, text, line))
    return plain(
        Mark::kUnknown,
        fmt::format("measured in {} of {} objects that include the file", file->objects.size(),
                    file->objects.size() + static_cast<size_t>(file->objects_left_out)));
  if (!is_built(*file, text, line)) return plain(Mark::kNotCompiled, std::string(kNoFunction));
  return plain(Mark::kUnknown, "the compiler kept no count for it");
}

Assessment Assessor::macro(const std::string& path, const Macro& macro) const {
  const auto known = macros_.find(&macro);
  return known != macros_.end() ? known->second
                                : macros_.emplace(&macro, find_macro(path, macro)).first->second;
}

Assessment Assessor::find_macro(const std::string& path, const Macro& macro) const {
  // The macro's name, and those of macros whose bodies name it.
  std::vector<std::string> names{macro.name};
  for (size_t i = 0; i < names.size() && names.size() < kMaxMacros; ++i)
    for (const auto& [other_path, file] : files_)
      for (const Macro& other : file.source.macros)
        if (std::find(other.words.begin(), other.words.end(), names[i]) != other.words.end() &&
            std::find(names.begin(), names.end(), other.name) == names.end())
          names.push_back(other.name);
  Assessment out;
  size_t uses = 0;
  for (const std::string& name : names) {
    for (const auto& [other_path, file] : files_) {
      for (const int use : lines_with(*file.text, name)) {
        if (++uses > kMaxMacroUses) break;
        Assessment here;
        for (const CellEvidence& cell : input_.cells) here.merge(in_cell(cell, other_path, use));
        if (here.mark <= Mark::kNoCode) continue;
        here.why = other_path == path ? fmt::format("by its use in line {}", use)
                                      : fmt::format("by its use in {}:{}", other_path, use);
        out.merge(here);
      }
    }
  }
  if (out.mark != Mark::kNone) return out;
  return plain(Mark::kUnknown, fmt::format("no code that was measured uses {}", macro.name));
}

Assessment Assessor::removed_before(const std::string& path, int line) const {
  Assessment out;
  for (const CellEvidence& cell : input_.cells) out.merge(removed_in_cell(cell, path, line));
  return out;
}

Assessment Assessor::removed_in_cell(const CellEvidence& cell, const std::string& path,
                                     int line) const {
  const SourceFunction* function = function_around(source(path), line);
  if (function == nullptr || line <= function->first)
    return plain(Mark::kNoCode, "removed outside of functions");
  const FileEvidence* file = evidence_of(cell, path);
  if (file == nullptr || file->objects.empty())
    return plain(Mark::kNotCompiled, std::string(kInNoObject));
  int stands = first_counted(*file, line, function->last);
  if (stands == 0) {
    const auto after = file->code.lower_bound(line);
    if (after != file->code.begin() && *std::prev(after) >= function->first)
      stands = *std::prev(after);
  }
  if (stands == 0) return plain(Mark::kNotCompiled, std::string(kNoFunction));
  Assessment out = by_counts(cell, *file, stands, stands);
  out.why = fmt::format("removed; line {} stands for it", stands);
  return out;
}

}  // namespace kiln::reach
