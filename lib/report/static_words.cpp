#include "lib/report/static_words.h"

#include <fmt/format.h>

#include "lib/report/words.h"

namespace kiln::report {

std::string patch_words(const v1::RunReport& report, int patch) {
  const int all = report.series().patches_size();
  std::string out = all > 0 ? fmt::format("{}/{}", patch, all) : std::to_string(patch);
  if (patch >= 1 && patch <= all) out += " " + report.series().patches(patch - 1).subject();
  return out;
}

std::string covered_words(const v1::StaticCoverage& covered) {
  std::string out;
  for (const std::string& tool : covered.tools()) out += (out.empty() ? "" : ", ") + tool;
  if (out.empty()) return "no tool looked at it";
  if (covered.objects() > 0)
    out += fmt::format("; {}, {}", count_words(covered.objects(), "object", "objects"),
                       count_words(covered.older(), "older warning", "older warnings"));
  return out;
}

std::string check_words(const v1::StaticCheck& check) {
  std::string out;
  if (check.tool() == "checkpatch") out = check.level() + ": ";
  if (!check.file().empty()) {
    out += check.file();
    if (check.line() > 0) out += fmt::format(":{}", check.line());
    out += ": ";
  }
  return out + check.text();
}

std::string growth_words(const v1::SymbolGrowth& growth) {
  const std::string& object = growth.object();
  std::string out = fmt::format("{} ({}):", growth.symbol(), object.substr(object.rfind('/') + 1));
  if (growth.stack_after() != growth.stack_before())
    out += fmt::format(" stack {} -> {} bytes,", growth.stack_before(), growth.stack_after());
  out += fmt::format(" size {} -> {} bytes", growth.size_before(), growth.size_after());
  return out;
}

}  // namespace kiln::report
