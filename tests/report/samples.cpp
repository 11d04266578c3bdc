/// kiln_report_samples SAMPLE FORMAT: an invented report in one of Kiln's formats, on stdout.
#include <iostream>
#include <map>

#include "lib/report/formats.h"
#include "lib/report/report.h"
#include "lib/report/sample_report.h"

namespace kiln::report {
namespace {

v1::RunReport sample(const std::string& name) {
  v1::RunReport report = name == "hostile"  ? testing::hostile_report()
                         : name == "broken" ? testing::broken_report()
                                            : testing::clean_report();
  if (name == "foreign")
    report.mutable_series()->set_title(
        "[PATCH v2 0/3] drm/i915: Größe und Überlauf der =?Zuordnung?= korrigieren, 圖形記憶體映射 "
        "an "
        "mehr als einer Stelle ersetzen");
  return report;
}

int print(const std::string& name, const std::string& format) {
  const v1::RunReport report = sample(name);
  if (format == "title") {
    std::cout << report.series().title();
  } else if (format == "text") {
    std::cout << to_text(report);
  } else if (format == "junit") {
    std::cout << to_junit(report);
  } else if (format == "csv") {
    std::cout << to_csv(report);
  } else if (format == "kcidb") {
    const auto json = to_kcidb(report);
    if (!json) return 1;
    std::cout << *json;
  } else {
    return 2;
  }
  return std::cout.flush() ? 0 : 1;
}

}  // namespace
}  // namespace kiln::report

int main(int argc, char** argv) {
  return argc == 3 ? kiln::report::print(argv[1], argv[2]) : 2;
}
