#include "controller/results/session_rows.h"

#include "controller/results/timestamps.h"
#include "lib/base/text.h"

namespace kiln::results {
namespace {

verdict::KernelReport to_row(const v1::KernelReport& report) {
  verdict::KernelReport row;
  row.kind = report.kind();
  row.title = report.title();
  row.signature = report.signature();
  row.text = report.text();
  row.test = report.test();
  row.subsystem = report.subsystem();
  for (const v1::Frame& f : report.frames())
    row.frames.push_back({f.function(), f.module(), f.file(), f.line(), f.inlined()});
  row.late = report.late();
  row.times = report.times();
  return row;
}

void fill(const verdict::KernelReport& row, v1::KernelReport* report) {
  report->set_kind(row.kind);
  report->set_title(to_valid_utf8(row.title));
  report->set_signature(to_valid_utf8(row.signature));
  report->set_text(row.text);
  report->set_test(to_valid_utf8(row.test));
  report->set_subsystem(to_valid_utf8(row.subsystem));
  for (const dmesg::Frame& frame : row.frames) {
    v1::Frame* f = report->add_frames();
    f->set_function(to_valid_utf8(frame.function));
    f->set_module(to_valid_utf8(frame.module));
    f->set_file(to_valid_utf8(frame.file));
    f->set_line(frame.line);
    f->set_inlined(frame.inlined);
  }
  report->set_late(row.late);
  report->set_times(row.times);
}

hygiene::Conditions to_row(const v1::Conditions& message) {
  hygiene::Conditions row;
  row.settings = {message.governor(), message.turbo(), message.clocksource()};
  if (message.has_throttled()) row.throttled = message.throttled();
  if (message.has_celsius()) row.celsius = message.celsius();
  if (message.has_other_load()) row.other_load = message.other_load();
  if (message.has_stolen_percent()) row.stolen_percent = message.stolen_percent();
  return row;
}

void fill(const hygiene::Conditions& row, v1::Conditions* message) {
  message->set_governor(to_valid_utf8(row.settings.governor));
  message->set_turbo(to_valid_utf8(row.settings.turbo));
  message->set_clocksource(to_valid_utf8(row.settings.clocksource));
  if (row.throttled) message->set_throttled(*row.throttled);
  if (row.celsius) message->set_celsius(*row.celsius);
  if (row.other_load) message->set_other_load(*row.other_load);
  if (row.stolen_percent) message->set_stolen_percent(*row.stolen_percent);
}

}  // namespace

db::StoredSession to_row(const v1::Session& session) {
  db::StoredSession row;
  row.id = session.id();
  row.state = "done";
  row.ending = session.ending();
  row.error = session.error();
  row.error_class = session.error_class();
  row.elapsed_seconds = session.elapsed_seconds();
  row.restarts = session.restarts();
  const v1::Identity& id = session.identity();
  row.identity.release = id.release();
  row.identity.kernel_build_id = id.kernel_build_id();
  row.identity.boot_id = id.boot_id();
  row.identity.config_digest = id.config_digest();
  row.identity.cmdline = id.cmdline();
  row.identity.module_build_ids = {id.module_build_ids().begin(), id.module_build_ids().end()};
  row.identity.high_total_kib = id.high_total_kib();
  row.identity.mem_total_kib = id.mem_total_kib();
  row.identity.disk_free_kib = id.disk_free_kib();
  row.identity.taint = id.taint();
  row.identity.proved = id.proved();
  row.identity.clock_offset_seconds = id.clock_offset_seconds();
  if (session.has_conditions()) row.conditions = to_row(session.conditions());
  for (const v1::PhaseTime& phase : session.phases())
    row.phases.push_back({phase.name(), phase.seconds()});
  row.artifacts = {session.artifacts().begin(), session.artifacts().end()};
  for (const v1::Result& r : session.results())
    row.results.push_back(
        {r.test(), r.phase(), r.outcome(), r.seconds(), r.reason(), r.kernel_words()});
  for (const v1::Measurement& m : session.measurements())
    row.measurements.push_back({m.bench(), m.metric(), m.value(), m.unit()});
  for (const v1::KernelReport& report : session.kernel()) row.kernel.push_back(to_row(report));
  return row;
}

v1::Session to_session(const db::StoredSession& row) {
  v1::Session out;
  out.set_id(row.id);
  out.set_purpose(row.purpose);
  out.set_variant(row.variant);
  out.set_config(row.config);
  out.set_machine(row.machine);
  out.set_ending(row.ending);
  out.set_error(to_valid_utf8(row.error));
  out.set_error_class(to_valid_utf8(row.error_class));
  set_timestamp(row.started, out.mutable_started());
  out.set_elapsed_seconds(row.elapsed_seconds);
  out.set_attempt(row.attempt);
  out.set_restarts(row.restarts);
  out.set_pair(row.pair);
  out.set_patched_first(row.patched_first);
  v1::Identity* id = out.mutable_identity();
  id->set_release(row.identity.release);
  id->set_kernel_build_id(row.identity.kernel_build_id);
  id->set_boot_id(row.identity.boot_id);
  id->set_config_digest(row.identity.config_digest);
  id->set_cmdline(to_valid_utf8(row.identity.cmdline));
  for (const auto& [module, build_id] : row.identity.module_build_ids)
    (*id->mutable_module_build_ids())[module] = build_id;
  id->set_high_total_kib(row.identity.high_total_kib);
  id->set_mem_total_kib(row.identity.mem_total_kib);
  id->set_disk_free_kib(row.identity.disk_free_kib);
  id->set_taint(row.identity.taint);
  id->set_proved(row.identity.proved);
  id->set_clock_offset_seconds(row.identity.clock_offset_seconds);
  if (row.conditions != hygiene::Conditions()) fill(row.conditions, out.mutable_conditions());
  for (const db::PhaseTimeRow& phase : row.phases) {
    v1::PhaseTime* p = out.add_phases();
    p->set_name(phase.name);
    p->set_seconds(phase.seconds);
  }
  for (const auto& [name, digest] : row.artifacts) (*out.mutable_artifacts())[name] = digest;
  for (const verdict::ResultRow& result : row.results) {
    v1::Result* r = out.add_results();
    r->set_test(to_valid_utf8(result.test));
    r->set_outcome(result.outcome);
    r->set_seconds(result.seconds);
    r->set_phase(result.phase);
    r->set_reason(to_valid_utf8(result.reason));
    r->set_kernel_words(result.kernel_words);
  }
  for (const verdict::MeasurementRow& measurement : row.measurements) {
    v1::Measurement* m = out.add_measurements();
    m->set_bench(measurement.bench);
    m->set_metric(measurement.metric);
    m->set_value(measurement.value);
    m->set_unit(measurement.unit);
  }
  for (const verdict::KernelReport& report : row.kernel) fill(report, out.add_kernel());
  return out;
}

}  // namespace kiln::results
