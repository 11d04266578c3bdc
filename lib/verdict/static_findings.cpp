#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/kernel/output.h"
#include "lib/verdict/findings.h"
#include "lib/verdict/outcome.h"

namespace kiln::verdict {
namespace {

constexpr size_t kMostEvidence = 20;
constexpr const char* kStack = "stack";

std::string patch_name(const Input& input, int patch) {
  const size_t all = input.patch_subjects.size();
  if (patch < 1 || static_cast<size_t>(patch) > all) return "";
  return fmt::format("{}/{} {}", patch, all, input.patch_subjects[patch - 1]);
}

std::string words_of(const statics::Check& check) {
  return kernel::to_text({check.file, check.line, check.text});
}

std::string words_of(const statics::Growth& growth) {
  return fmt::format("{} in {} takes {} bytes of stack ({} before)", growth.symbol, growth.object,
                     growth.stack_after, growth.stack_before);
}

/// File and text of the warnings that the builds brought: their findings say them.
std::set<std::pair<std::string, std::string>> said_by_builds(const Input& input) {
  std::set<std::pair<std::string, std::string>> out;
  for (const BuildRow& row : input.builds)
    for (const kernel::Warning& warning : row.record.warnings)
      out.emplace(warning.file, warning.text);
  return out;
}

/// "2 new sparse warnings, first ..."
std::string summary_of(const std::string& tool, const std::vector<std::string>& words) {
  const int count = static_cast<int>(words.size());
  std::string what;
  if (tool == statics::kCheckpatch)
    what = count_of(count, "error of checkpatch", "errors of checkpatch");
  else if (tool == kStack)
    what = count_of(count, "large stack frame", "large stack frames");
  else
    what = count_of(count, "new warning of ", "new warnings of ") + tool;
  return fmt::format("{}{}: {}", what, count > 1 ? ", first" : "", words.front());
}

Judged to_judged(const Input& input, int patch, const std::string& tool,
                 const std::vector<std::string>& words) {
  Judged out;
  out.tool = tool;
  out.finding.cls = "warning";
  out.finding.patch = patch_name(input, patch);
  out.finding.summary = summary_of(tool, words);
  out.finding.evidence = words;
  if (words.size() > kMostEvidence) {
    out.finding.evidence.resize(kMostEvidence);
    out.finding.evidence.push_back(fmt::format("and {} more", words.size() - kMostEvidence));
  }
  return out;
}

}  // namespace

std::vector<Judged> static_findings(const Input& input) {
  const auto said = said_by_builds(input);
  std::vector<Judged> out;
  for (const statics::Coverage& covered : input.statics.patches) {
    for (const char* tool : {statics::kCompiler, statics::kSparse, statics::kCheckpatch}) {
      std::vector<std::string> words;
      for (const statics::Check& check : input.statics.checks) {
        if (check.patch != covered.patch || check.tool != tool) continue;
        // checkpatch's lesser words are opinions; they stand in the report.
        if (tool == statics::kCheckpatch && check.level != "error") continue;
        if (tool == statics::kCompiler && said.contains({check.file, check.text})) continue;
        words.push_back(words_of(check));
      }
      if (!words.empty()) out.push_back(to_judged(input, covered.patch, tool, words));
    }
    std::vector<std::string> frames;
    for (const statics::Growth& growth : input.statics.growths)
      if (growth.patch == covered.patch && statics::is_large(growth))
        frames.push_back(words_of(growth));
    if (!frames.empty()) out.push_back(to_judged(input, covered.patch, kStack, frames));
  }
  return out;
}

}  // namespace kiln::verdict
