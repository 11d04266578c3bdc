#include "agent/link/convert.h"

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr double kMaxSeconds = 7 * 86'400;
constexpr Millis kMinBoot{5'000};
constexpr Millis kMaxBoot{3'600'000};

Millis millis(double seconds) {
  // Also turns NaN into 0.
  if (!(seconds > 0)) return Millis(0);
  return Millis(static_cast<int64_t>(std::min(seconds, kMaxSeconds) * 1000.0));
}

double seconds(Millis time) {
  return static_cast<double>(time.count()) / 1000.0;
}

void set_time(google::protobuf::Timestamp* out, WallTime time) {
  const int64_t ms = time.time_since_epoch().count();
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

template <typename Strings>
std::vector<std::string> strings(const Strings& in) {
  return {in.begin(), in.end()};
}

void fill(v1::Identity* out, const Identity& id) {
  out->set_release(to_valid_utf8(id.release));
  out->set_kernel_build_id(id.kernel_build_id);
  for (const auto& [name, build_id] : id.module_build_ids)
    (*out->mutable_module_build_ids())[to_valid_utf8(name)] = build_id;
  out->set_boot_id(to_valid_utf8(id.boot_id));
  out->set_config_digest(to_valid_utf8(id.config_digest));
  out->set_high_total_kib(id.high_total_kib);
  out->set_cmdline(to_valid_utf8(id.cmdline));
  out->set_taint(id.taint);
  out->set_mem_total_kib(id.mem_total_kib);
  out->set_proved(id.proved);
  out->set_clock_offset_seconds(id.clock_offset_seconds);
  out->set_disk_free_kib(id.disk_free_kib);
}

void fill(v1::Conditions* out, const hygiene::Conditions& seen) {
  out->set_governor(seen.settings.governor);
  out->set_turbo(seen.settings.turbo);
  out->set_clocksource(seen.settings.clocksource);
  if (seen.throttled) out->set_throttled(*seen.throttled);
  if (seen.celsius) out->set_celsius(*seen.celsius);
  if (seen.other_load) out->set_other_load(*seen.other_load);
  if (seen.stolen_percent) out->set_stolen_percent(*seen.stolen_percent);
}

void shorten(v1::Session* session, size_t limit) {
  for (v1::Result& result : *session->mutable_results())
    if (result.kernel_words().size() > limit) result.mutable_kernel_words()->resize(limit);
  for (v1::KernelReport& report : *session->mutable_kernel())
    if (report.text().size() > limit) report.mutable_text()->resize(limit);
}

}  // namespace

SessionOrder from_proto(const v1::SessionOrder& in) {
  SessionOrder out;
  out.session_id = in.session_id();
  out.lease_epoch = in.lease_epoch();
  out.machine = in.machine();
  out.cell = in.cell();
  out.image_digest = in.image_digest();
  out.modules_digest = in.modules_digest();
  out.cmdline = in.cmdline();
  out.expected.release = in.expected().release();
  out.expected.kernel_build_id = in.expected().kernel_build_id();
  out.expected.module_build_ids = {in.expected().module_build_ids().begin(),
                                   in.expected().module_build_ids().end()};
  out.expected.config_digest = in.expected().config_digest();
  out.expected.wants_highmem = in.expected().wants_highmem();
  for (const v1::TestPhase& phase : in.phases()) {
    TestPhaseOrder p{phase.name(), strings(phase.setup()),   phase.test_list(), {},
                     {},           strings(phase.teardown())};
    p.per_test = phase.per_test_seconds() > 0 ? millis(phase.per_test_seconds()) : Millis(60'000);
    p.timeout = phase.timeout_seconds() > 0 ? millis(phase.timeout_seconds()) : Millis(600'000);
    out.phases.push_back(std::move(p));
  }
  for (const v1::BenchPhase& bench : in.benches()) {
    BenchPhaseOrder b{
        bench.name(), strings(bench.setup()), bench.files_digest(), bench.command(), {}};
    b.timeout = bench.timeout_seconds() > 0 ? millis(bench.timeout_seconds()) : Millis(120'000);
    out.benches.push_back(std::move(b));
  }
  if (in.setup().memory_bytes() > 0) out.memory_bytes = in.setup().memory_bytes();
  if (in.setup().cpus() > 0) out.cpus = in.setup().cpus();
  out.count_instructions = in.setup().count_instructions();
  if (in.timeout_seconds() > 0) out.timeout = millis(in.timeout_seconds());
  if (in.boot_seconds() > 0)
    out.boot_limit = std::clamp(millis(in.boot_seconds()), kMinBoot, kMaxBoot);
  out.max_restarts = in.max_restarts();
  out.stay = in.stay();
  out.collect_coverage = in.collect_coverage();
  return out;
}

v1::SessionDone to_proto(const SessionOrder& order, const SessionOutcome& outcome) {
  v1::SessionDone done;
  done.set_lease_epoch(order.lease_epoch);
  done.set_error_class(outcome.error_class);
  v1::Session* session = done.mutable_session();
  session->set_id(order.session_id);
  session->set_machine(to_valid_utf8(order.machine));
  session->set_ending(std::string(to_string(outcome.ending)));
  session->set_error(to_valid_utf8(outcome.error));
  set_time(session->mutable_started(), outcome.started);
  session->set_elapsed_seconds(seconds(outcome.elapsed));
  fill(session->mutable_identity(), outcome.identity);
  if (outcome.conditions != hygiene::Conditions())
    fill(session->mutable_conditions(), outcome.conditions);
  for (const PhaseDuration& phase : outcome.phases) {
    v1::PhaseTime* out = session->add_phases();
    out->set_name(to_valid_utf8(phase.name));
    out->set_seconds(seconds(phase.elapsed));
  }
  session->set_restarts(outcome.restarts);
  for (const auto& [name, digest] : outcome.artifacts)
    (*session->mutable_artifacts())[to_valid_utf8(name)] = digest;
  for (const TestResult& result : outcome.results) {
    v1::Result* out = session->add_results();
    out->set_test(to_valid_utf8(result.test));
    out->set_outcome(to_valid_utf8(result.outcome));
    out->set_seconds(result.seconds);
    out->set_phase(to_valid_utf8(result.phase));
    out->set_reason(to_valid_utf8(result.reason));
    out->set_kernel_words(result.kernel_words);
  }
  for (const MeasuredValue& value : outcome.measurements) {
    v1::Measurement* out = session->add_measurements();
    out->set_bench(to_valid_utf8(value.bench));
    out->set_metric(value.metric);
    out->set_value(value.value);
    out->set_unit(value.unit);
  }
  for (const KernelMessage& report : outcome.kernel) {
    v1::KernelReport* out = session->add_kernel();
    out->set_kind(to_valid_utf8(report.kind));
    out->set_title(to_valid_utf8(report.title));
    out->set_signature(to_valid_utf8(report.signature));
    out->set_text(report.text);
    out->set_test(to_valid_utf8(report.test));
    out->set_subsystem(to_valid_utf8(report.subsystem));
    for (const dmesg::Frame& frame : report.frames) {
      v1::Frame* f = out->add_frames();
      f->set_function(to_valid_utf8(frame.function));
      f->set_module(to_valid_utf8(frame.module));
    }
    out->set_late(report.late);
    out->set_times(report.times);
  }
  for (size_t limit = 16 << 10; done.ByteSizeLong() > kMaxDoneBytes && limit >= 64; limit /= 4)
    shorten(session, limit);
  return done;
}

v1::SessionEvent to_proto(int64_t session_id, uint64_t lease_epoch, WallTime time,
                          const SessionProgress& progress) {
  v1::SessionEvent out;
  out.set_session_id(session_id);
  out.set_lease_epoch(lease_epoch);
  set_time(out.mutable_time(), time);
  out.set_phase(progress.phase);
  out.set_text(to_valid_utf8(progress.text));
  out.set_done(progress.done);
  out.set_total(progress.total);
  out.set_console_line(to_valid_utf8(progress.console_line));
  return out;
}

v1::MachineInfo to_proto(const MachineFacts& facts) {
  v1::MachineInfo out;
  out.set_name(facts.name);
  for (const std::string& tag : facts.tags) out.add_tags(tag);
  for (const auto& [key, value] : facts.facts) (*out.mutable_facts())[key] = to_valid_utf8(value);
  out.set_emulated(facts.emulated);
  out.set_preparing(facts.preparing);
  out.set_broken(to_valid_utf8(facts.broken));
  return out;
}

}  // namespace kiln::agent
