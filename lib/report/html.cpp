#include "lib/report/html_parts.h"
#include "lib/report/report.h"

namespace kiln::report {

std::string to_html(const v1::RunReport& report) {
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Kiln</title><pre>" +
         escape(to_text(report)) + "</pre></html>\n";
}

}  // namespace kiln::report
