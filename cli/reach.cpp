/// kiln reach: which lines of the series ran, and by which test.
#include "cli/embedded.h"
#include "cli/terminal.h"
#include "lib/report/reach_view.h"
#include "lib/report/report.h"

namespace kiln::cli {
namespace {

Result<int> reach_checked(const Options& options) {
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const v1::RunReport report, get_report(host->lab(), run_id));
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(report::reach_alone(report)));
    print_document(json);
  } else if (options.format == Format::kHtml) {
    print_document(report::reach_to_html(report));
  } else {
    print_document(report::reach_to_text(report, stdout_has_color(options)));
  }
  return kOk;
}

}  // namespace

int reach_command(const Options& options) {
  return finish(options, reach_checked(options));
}

}  // namespace kiln::cli
