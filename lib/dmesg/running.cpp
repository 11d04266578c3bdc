#include "lib/dmesg/running.h"

#include <algorithm>
#include <cctype>

#include "lib/base/text.h"

namespace kiln::dmesg {
namespace {

constexpr double kLateSeconds = 2.0;
constexpr size_t kMaxNameBytes = 256;

std::string lower(std::string_view text) {
  std::string out(trim(text.substr(0, kMaxNameBytes)));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

void RunningTest::feed(std::string_view text, std::optional<double> time) {
  constexpr std::string_view kMark = "[IGT] ";
  if (text.starts_with("Linux version ")) {
    *this = RunningTest();
    return;
  }
  const size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return;
  text.remove_prefix(mark + kMark.size());
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos || colon == 0) return;
  const std::string binary = lower(text.substr(0, colon));
  if (binary.find(' ') != std::string::npos) return;
  const std::string_view what = text.substr(colon + 2);
  constexpr std::string_view kSubtest = "starting subtest ";
  constexpr std::string_view kDynamic = "starting dynamic subtest ";
  if (what.starts_with("executing")) {
    *this = RunningTest();
    binary_ = binary;
  } else if (what.starts_with(kSubtest)) {
    *this = RunningTest();
    binary_ = binary;
    subtest_ = lower(what.substr(kSubtest.size()));
  } else if (what.starts_with(kDynamic)) {
    dynamic_ = lower(what.substr(kDynamic.size()));
  } else if (what.starts_with("exiting, ret=")) {
    exited_ = true;
    exit_time_ = time;
  }
}

std::string RunningTest::at(std::optional<double> time) const {
  if (binary_.empty()) return "";
  if (exited_ && !(time && exit_time_ && *time - *exit_time_ <= kLateSeconds)) return "";
  std::string name = "igt@" + binary_;
  if (!subtest_.empty()) name += "@" + subtest_;
  if (!subtest_.empty() && !dynamic_.empty()) name += "@" + dynamic_;
  return name;
}

}  // namespace kiln::dmesg
