#include "controller/scheduler/report_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/kernel/output.h"
#include "lib/report/report.h"

namespace kiln::scheduler {
namespace {

void add_series(const Prepared& prepared, v1::Series* series) {
  series->set_title(to_valid_utf8(prepared.series_title));
  series->set_author(to_valid_utf8(prepared.series_author));
  series->set_message_id(to_valid_utf8(prepared.series_message_id));
  series->set_version(prepared.series_version);
  for (const PatchInfo& patch : prepared.patches) {
    v1::Patch* out = series->add_patches();
    out->set_subject(to_valid_utf8(patch.subject));
    out->set_file_name(to_valid_utf8(patch.file_name));
    out->set_patch_id(patch.patch_id);
    out->set_message_id(to_valid_utf8(patch.message_id));
    out->set_insertions(patch.insertions);
    out->set_deletions(patch.deletions);
    for (const std::string& file : patch.files) out->add_files(to_valid_utf8(file));
  }
}

const kernel::BuildRecord* record_of(const ReportInput& input, const std::string& variant,
                                     const std::string& config) {
  for (const BuildTarget& target : input.prepared->targets) {
    if (target.variant != variant || target.config != config) continue;
    const auto found = input.records->find(target.key);
    return found == input.records->end() ? nullptr : &found->second;
  }
  return nullptr;
}

void add_build(const ReportInput& input, const BuildTarget& target, v1::RunReport* report) {
  const kernel::BuildRecord* record = record_of(input, target.variant, target.config);
  if (record == nullptr) return;
  v1::Build* out = report->add_builds();
  out->set_cell(target.variant + "/" + target.config);
  out->set_key(target.key);
  std::string state = record->state;
  for (const job::PlanBuild& planned : input.plan->builds)
    if (planned.key == target.key && planned.state == "cached" && state == "built")
      state = "cached";
  out->set_state(state);
  out->set_elapsed_seconds(static_cast<double>(record->elapsed.count()) / 1000.0);
  out->set_kernel_build_id(record->kernel_build_id);
  for (const auto& [module, id] : record->module_build_ids)
    (*out->mutable_module_build_ids())[module] = id;
  const kernel::BuildRecord* baseline =
      target.variant == "baseline" || job::is_coverage(target.variant)
          ? nullptr
          : record_of(input, "baseline", target.config);
  // As the verdict counts them.
  const std::vector<kernel::Warning> fresh =
      baseline == nullptr ? std::vector<kernel::Warning>()
                          : kernel::new_warnings(baseline->warnings, record->warnings);
  for (const kernel::Warning& warning : record->warnings) {
    v1::CompilerWarning* w = out->add_warnings();
    w->set_file(to_valid_utf8(warning.file));
    w->set_line(warning.line);
    w->set_text(to_valid_utf8(warning.text));
    w->set_is_new(std::find(fresh.begin(), fresh.end(), warning) != fresh.end());
  }
  out->set_error(to_valid_utf8(record->error));
  out->set_incremental(record->incremental);
  out->set_config_digest(record->config_digest);
  out->set_release(record->release);
  out->set_image_digest(record->image_digest);
  out->set_modules_digest(record->modules_digest);
}

void add_cells(const job::Plan& plan, google::protobuf::RepeatedPtrField<v1::Cell>* cells) {
  for (const job::PlanCell& cell : plan.cells) {
    v1::Cell* out = cells->Add();
    out->set_variant(cell.variant);
    out->set_config(cell.config);
    out->set_build_key(cell.build_key);
    out->set_same_as(cell.same_as);
  }
}

}  // namespace

v1::RunReport build_report(const ReportInput& input) {
  v1::RunReport report;
  *report.mutable_run() = input.run;
  report::fill(input.verdict, &report);
  add_series(*input.prepared, report.mutable_series());
  for (const BuildTarget& target : input.prepared->targets) add_build(input, target, &report);
  for (const v1::Session& session : input.sessions) *report.add_sessions() = session;
  add_cells(*input.plan, report.mutable_cells());
  report.add_reproduce("kiln run " + input.run.job_file());
  for (const v1::Session& session : input.sessions) {
    if (report.run().machine().empty()) report.mutable_run()->set_machine(session.machine());
  }
  return report;
}

v1::Plan to_proto(const Prepared& prepared, const job::Plan& plan, const std::string& machine,
                  int tests_per_cell) {
  v1::Plan out;
  out.set_job_name(prepared.spec.name);
  out.set_title(to_valid_utf8(prepared.spec.title));
  out.set_source(prepared.source);
  if (!prepared.patches.empty()) {
    out.set_series(to_valid_utf8(fmt::format("{} patch{}: {}", prepared.patches.size(),
                                             prepared.patches.size() == 1 ? "" : "es",
                                             prepared.series_title)));
  }
  for (const PatchInfo& patch : prepared.patches) out.add_patches(to_valid_utf8(patch.subject));
  add_cells(plan, out.mutable_cells());
  for (const job::PlanBuild& build : plan.builds) {
    v1::PlannedBuild* b = out.add_builds();
    b->set_cell(build.cell);
    b->set_state(build.state);
    b->set_estimated_seconds(build.estimated_seconds);
    b->set_reason(build.reason);
  }
  for (const job::PlanSessions& total : plan.totals) {
    v1::PlannedSessions* s = out.add_sessions();
    s->set_purpose(total.purpose);
    s->set_count(total.count);
    s->set_estimated_seconds_each(total.estimated_seconds_each);
  }
  out.set_estimated_seconds(plan.estimated_seconds);
  out.set_estimated_seconds_low(plan.estimated_seconds_low);
  out.set_estimated_seconds_high(plan.estimated_seconds_high);
  out.set_estimate_basis(plan.estimate_basis);
  out.set_machine(machine);
  out.set_tests_per_cell(tests_per_cell);
  for (const std::string& note : plan.notes) out.add_notes(note);
  return out;
}

}  // namespace kiln::scheduler
