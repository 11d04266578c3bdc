/// What tools say of each patch.
#include <fmt/format.h>

#include "lib/report/html_parts.h"
#include "lib/report/static_words.h"

namespace kiln::report {
namespace {

std::string mark_of(const v1::StaticCheck& check) {
  return check.level() == "check" ? chip({"·", "", Role::kPlain})
                                  : chip({"△", "", Role::kAttention});
}

std::string row(const std::string& mark, std::string_view tool, const std::string& place,
                const std::string& text) {
  return fmt::format(
      "<tr><td data-l=\"tool\">{}{}</td><td data-l=\"where\" class=\"mono\">{}</td>"
      "<td data-l=\"says\">{}</td></tr>",
      mark, escape(tool), escape(place), escape(text));
}

std::string check_row(const v1::StaticCheck& check) {
  std::string place = check.file();
  if (check.line() > 0) place += fmt::format(":{}", check.line());
  const bool rated = check.tool() == "checkpatch";
  return row(mark_of(check), check.tool(), place,
             (rated ? check.level() + ": " : "") + check.text());
}

std::string growth_row(const v1::SymbolGrowth& growth) {
  return row(chip({"+", "", Role::kQuiet}), "grows", growth.object(), growth_words(growth));
}

}  // namespace

std::string html_statics(const v1::RunReport& report) {
  if (!report.has_static_side()) return "";
  const v1::StaticSide& side = report.static_side();
  std::string body;
  for (const v1::StaticCoverage& covered : side.patches()) {
    body +=
        fmt::format("<h3>{}</h3><p class=\"note\">{}</p>",
                    escape(patch_words(report, covered.patch())), escape(covered_words(covered)));
    std::string rows;
    for (const v1::StaticCheck& check : side.checks())
      if (check.patch() == covered.patch()) rows += check_row(check);
    for (const v1::SymbolGrowth& growth : side.growths())
      if (growth.patch() == covered.patch()) rows += growth_row(growth);
    if (!rows.empty())
      body +=
          "<table class=\"cards\"><thead><tr><th>tool</th><th>where</th><th>says</th></tr>"
          "</thead><tbody>" +
          rows + "</tbody></table>";
    else if (!covered.tools().empty())
      body += "<p>Nothing new.</p>";
  }
  std::string notes;
  for (const std::string& note : side.notes()) notes += "<li>" + escape(note) + "</li>";
  if (!notes.empty()) body += "<p class=\"note\">Not looked at</p><ul>" + notes + "</ul>";
  return section("static-side", "Static side",
                 side.config().empty() ? "" : "each patch, compiled for " + side.config(), body);
}

}  // namespace kiln::report
