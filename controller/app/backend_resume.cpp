/// Runs that this controller, or the one before it, did not bring to their end.
#include <fmt/format.h>

#include "controller/app/backend.h"
#include "controller/app/bundle.h"
#include "lib/base/text.h"

namespace kiln::controller {

Status Backend::go_on(AskAgain repro_again) {
  repro_again_ = std::move(repro_again);
  KILN_ASSIGN(const auto runs, parts_.store.running());
  const std::lock_guard lock(mutex_);
  for (const db::RunRow& row : runs) {
    KILN_TRY(open_story(row.id));
    add_driver_locked(row.id, [this, row](const std::stop_token& stop) { go_on_with(row, stop); });
  }
  return {};
}

/// On a driver's thread. A run whose job cannot be had any more ends without a verdict.
void Backend::go_on_with(const db::RunRow& row, const std::stop_token& stop) {
  auto input = input_of_unfinished(row, stop);
  if (input) {
    drive(!row.repro_of.empty(), std::move(*input), stop);
    return;
  }
  if (leaving_.stop_requested()) return;
  v1::RunReport report;
  report.mutable_run()->set_id(row.id);
  report.mutable_run()->set_error(
      to_valid_utf8("the run could not go on: " + render(input.error())));
  report.mutable_verdict()->set_result("infrastructure");
  report.mutable_verdict()->set_exit_code(3);
  report.mutable_verdict()->set_headline("No verdict: the run could not go on.");
  (void)parts_.store.finish_run(row.id, "failed", report);
  v1::RunEvent event;
  event.set_kind("finished");
  event.set_text("failed");
  parts_.hub.publish(row.id, std::move(event));
}

Result<scheduler::Prepared> Backend::prepare_again(const db::RunRow& row, bool unchanged,
                                                   const std::stop_token& stop) {
  const os::Path root = row.bundle.empty() ? os::Path() : parts_.bundles / row.bundle / "root";
  scheduler::JobSource source{row.job_file};
  if (!row.bundle.empty()) {
    KILN_ASSIGN(source, bundled_job(root));
  }
  // What a night's search looks through stands in no file.
  KILN_ASSIGN(const auto stored, parts_.store.job(row.id));
  if (stored) source.commits = scheduler::commits_of(stored->spec);
  if (source.commits)
    for (const job::StoredList& list : stored->lists)
      source.tests.insert(source.tests.end(), list.tests.begin(), list.tests.end());
  KILN_ASSIGN(scheduler::Prepared prepared, parts_.preparer->prepare(source, nullptr, stop));
  if (unchanged && prepared.job_digest != row.job_digest)
    return fail(ErrorKind::kBadInput, row.job_file + " or a file of it has changed since");
  if (!row.bundle.empty()) prepared.spec.file = row.job_file;
  return prepared;
}

Result<scheduler::DriverInput> Backend::input_of_unfinished(const db::RunRow& row,
                                                            const std::stop_token& stop) {
  if (!row.checks_machine.empty())
    return fail(ErrorKind::kInfrastructure, "the lab checks " + row.checks_machine + " anew");
  RunAsk ask;
  if (row.repro_of.empty()) {
    KILN_ASSIGN(ask.prepared, prepare_again(row, true, stop));
  } else {
    KILN_ASSIGN(ask, repro_again_(row));
  }
  ask.row = row;
  bool resumed = true;
  return open_run(std::move(ask), &resumed);
}

}  // namespace kiln::controller
