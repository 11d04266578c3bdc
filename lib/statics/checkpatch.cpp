#include "lib/statics/checkpatch.h"

#include <re2/re2.h>

#include "lib/base/text.h"

namespace kiln::statics {
namespace {

constexpr size_t kMaxLine = 1000;
constexpr size_t kMaxComplaints = 10'000;

std::string_view level_of(std::string_view word) {
  if (word == "ERROR") return "error";
  return word == "WARNING" ? "warning" : "check";
}

}  // namespace

std::vector<Check> read_checkpatch(std::string_view output) {
  static const RE2 kLine(R"re(^([^:]*):(\d+): (ERROR|WARNING|CHECK):([A-Z0-9_]+): (.*)$)re");
  std::vector<Check> out;
  for (const std::string& raw : split_lines(output)) {
    const std::string line = to_valid_utf8(std::string_view(raw).substr(0, kMaxLine));
    std::string level;
    std::string type;
    Check check;
    if (!RE2::FullMatch(line, kLine, &check.file, &check.line, &level, &type, &check.text))
      continue;
    if (out.size() >= kMaxComplaints) break;
    check.tool = kCheckpatch;
    check.level = level_of(level);
    // What it says of the whole patch comes with the place where it stopped reading.
    if (check.file.empty() || type.find("SIGN_OFF") != std::string::npos) {
      check.file.clear();
      check.line = 0;
    }
    check.text += " [" + type + "]";
    out.push_back(std::move(check));
  }
  return out;
}

}  // namespace kiln::statics
