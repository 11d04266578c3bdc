/// What tools say of each patch.
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/static_words.h"
#include "lib/report/text_parts.h"

namespace kiln::report {
namespace {

/// A mail shows the first of many; the HTML report and JSON have all.
constexpr int kMostLines = 12;

std::string entry(std::string_view label, std::string_view text) {
  return wrapped("    " + padded(label, 11), text);
}

}  // namespace

std::string text_statics(const v1::RunReport& report) {
  if (!report.has_static_side()) return "";
  const v1::StaticSide& side = report.static_side();
  std::string out = "STATIC SIDE";
  if (!side.patches().empty() && !side.config().empty())
    out += fmt::format("  each patch, compiled for {}", clean_line(side.config()));
  out += "\n";
  for (const v1::StaticCoverage& covered : side.patches()) {
    out += wrapped("  ", patch_words(report, covered.patch()) + ": " + covered_words(covered), 4);
    int shown = 0;
    int left = 0;
    const auto show = [&](std::string_view label, const std::string& text) {
      if (shown++ < kMostLines)
        out += entry(label, text);
      else
        ++left;
    };
    for (const v1::StaticCheck& check : side.checks())
      if (check.patch() == covered.patch()) show(check.tool(), check_words(check));
    for (const v1::SymbolGrowth& growth : side.growths())
      if (growth.patch() == covered.patch()) show("grows", growth_words(growth));
    if (shown == 0 && !covered.tools().empty()) out += entry("", "nothing new");
    if (left > 0) out += entry("", fmt::format("and {} more", left));
  }
  for (const std::string& note : side.notes()) out += wrapped("  - ", note);
  return out;
}

}  // namespace kiln::report
