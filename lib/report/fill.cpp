#include <cmath>

#include "lib/base/text.h"
#include "lib/hygiene/conditions.h"
#include "lib/report/reach_fields.h"
#include "lib/report/report.h"
#include "lib/report/static_fields.h"

namespace kiln::report {
namespace {

void fill_verdict(const verdict::Output& from, v1::Verdict* to) {
  to->Clear();
  to->set_result(from.result);
  to->set_exit_code(from.exit_code);
  to->set_headline(proto_string(from.headline));
  for (const std::string& reason : from.reasons) to->add_reasons(proto_string(reason));
  to->set_results_planned(from.results_planned);
  to->set_results_got(from.results_got);
  to->set_regressions(from.regressions);
  to->set_fixes(from.fixes);
  to->set_warnings(from.warnings);
  to->set_flaky(from.flaky);
  to->set_known(from.known);
  to->set_lost(static_cast<int>(from.lost.size()));
}

void fill_kernel_report(const verdict::KernelReport& from, v1::KernelReport* to) {
  to->set_kind(proto_string(from.kind));
  to->set_title(proto_string(from.title));
  to->set_signature(proto_string(from.signature));
  to->set_text(from.text);
  to->set_test(proto_string(from.test));
  to->set_subsystem(proto_string(from.subsystem));
  for (const dmesg::Frame& frame : from.frames) {
    v1::Frame* out = to->add_frames();
    out->set_function(proto_string(frame.function));
    out->set_module(proto_string(frame.module));
    out->set_file(proto_string(frame.file));
    out->set_line(frame.line);
    out->set_inlined(frame.inlined);
  }
  to->set_seen(proto_string(from.seen));
  to->set_late(from.late);
  to->set_times(from.times);
}

void fill_finding(const verdict::Finding& from, v1::Finding* to) {
  to->set_id(from.id);
  to->set_class_(from.cls);
  to->set_test(proto_string(from.test));
  for (const std::string& test : from.also) to->add_also(proto_string(test));
  to->set_summary(proto_string(from.summary));
  for (const verdict::CellCounts& counts : from.counts) {
    v1::CellCounts* out = to->add_counts();
    out->set_variant(proto_string(counts.variant));
    out->set_config(proto_string(counts.config));
    for (const auto& [outcome, n] : counts.outcomes)
      (*out->mutable_outcomes())[proto_string(outcome)] += n;
    for (const int64_t id : counts.session_ids) out->add_session_ids(id);
  }
  to->set_interaction(proto_string(from.interaction));
  to->set_known(proto_string(from.known));
  to->set_explain(proto_string(from.explain));
  for (const verdict::KernelReport& report : from.kernel)
    fill_kernel_report(report, to->add_kernel());
  to->set_patch(proto_string(from.patch));
  for (const std::string& line : from.evidence) to->add_evidence(proto_string(line));
  to->set_confidence(from.confidence);
  to->set_prior(proto_string(from.prior));
  for (const verdict::BisectionStep& step : from.bisection) {
    v1::BisectionStep* out = to->add_bisection();
    out->set_variant(proto_string(step.variant));
    out->set_config(proto_string(step.config));
    out->set_bad(step.bad);
    out->set_runs(step.runs);
    for (const int64_t id : step.session_ids) out->add_session_ids(id);
  }
}

/// JSON knows no infinity that every reader takes: what cannot be said is 0.
double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

void fill_comparison(const verdict::Comparison& from, v1::Comparison* to) {
  to->set_metric(proto_string(from.metric));
  to->set_unit(proto_string(from.unit));
  to->set_config(proto_string(from.config));
  to->set_kind(from.kind);
  to->set_left(proto_string(from.left));
  to->set_right(proto_string(from.right));
  to->set_answer(from.answer);
  to->set_change_percent(finite(from.change_percent));
  to->set_ci_low_percent(finite(from.ci_low_percent));
  to->set_ci_high_percent(finite(from.ci_high_percent));
  to->set_ci90_low_percent(finite(from.ci90_low_percent));
  to->set_ci90_high_percent(finite(from.ci90_high_percent));
  to->set_p_value(finite(from.p_value));
  to->set_p_adjusted(finite(from.p_adjusted));
  to->set_p_signflip(finite(from.p_signflip));
  to->set_margin_percent(finite(from.margin_percent));
  to->set_detectable_percent(finite(from.detectable_percent));
  to->set_more_pairs(from.more_pairs);
  to->set_looks_taken(from.looks_taken);
  to->set_looks_at_most(from.looks_at_most);
  to->set_pairs_at_most(from.pairs_at_most);
  to->set_p_repeated(finite(from.p_repeated));
  to->set_note(proto_string(from.note));
  to->set_left_typical(finite(from.left_typical));
  to->set_right_typical(finite(from.right_typical));
  to->set_decides(from.decides);
  for (const verdict::PairValue& pair : from.pairs) {
    v1::PairValue* out = to->add_pairs();
    out->set_left(finite(pair.left));
    out->set_right(finite(pair.right));
    out->set_order(pair.order);
    out->set_excluded(proto_string(pair.excluded));
    out->set_pair(pair.pair);
  }
}

void fill_side(const verdict::MetricInteraction::Side& from, v1::InteractionSide* to) {
  to->set_config(proto_string(from.config));
  to->set_left_typical(finite(from.left_typical));
  to->set_right_typical(finite(from.right_typical));
  to->set_change_percent(finite(from.change_percent));
  to->set_ci_low_percent(finite(from.ci_low_percent));
  to->set_ci_high_percent(finite(from.ci_high_percent));
}

void fill_interaction(const verdict::MetricInteraction& from, v1::Interaction* to) {
  to->set_metric(proto_string(from.metric));
  to->set_unit(proto_string(from.unit));
  to->set_kind(from.kind);
  to->set_left(proto_string(from.left));
  to->set_right(proto_string(from.right));
  fill_side(from.on, to->mutable_on());
  fill_side(from.off, to->mutable_off());
  to->set_answer(from.answer);
  to->set_has_percent(from.has_percent);
  to->set_difference_percent(finite(from.difference_percent));
  to->set_ci_low_percent(finite(from.ci_low_percent));
  to->set_ci_high_percent(finite(from.ci_high_percent));
  to->set_p_value(finite(from.p_value));
  to->set_p_adjusted(finite(from.p_adjusted));
  to->set_exact(from.exact);
  to->set_matched(from.matched);
  to->set_decides(from.decides);
}

void fill_noise(const verdict::Noise& from, v1::Noise* to) {
  to->set_machine(proto_string(from.machine));
  to->set_family(proto_string(from.family));
  to->set_metrics(from.metrics);
  to->set_pairs(from.pairs);
  to->set_sd_percent(finite(from.sd_percent));
  to->set_sd_low_percent(finite(from.sd_low_percent));
  to->set_sd_high_percent(finite(from.sd_high_percent));
  to->set_experiments(from.experiments);
  to->set_alarms(from.alarms);
  to->set_rate_low(finite(from.rate_low));
  to->set_rate_high(finite(from.rate_high));
  for (const std::string& metric : from.not_believed) to->add_not_believed(proto_string(metric));
}

void fill_hygiene(const verdict::Hygiene& from, v1::Hygiene* to) {
  to->set_machine(proto_string(from.machine));
  to->set_usual(proto_string(hygiene::words_of(from.usual)));
  to->set_celsius(finite(from.celsius));
  to->set_boots(from.boots);
  for (const verdict::UnfitBoot& boot : from.unfit) {
    v1::UnfitBoot* out = to->add_unfit();
    out->set_session_id(boot.session_id);
    out->set_purpose(proto_string(boot.purpose));
    out->set_variant(proto_string(boot.variant));
    out->set_config(proto_string(boot.config));
    out->set_pair(boot.pair);
    out->set_why(proto_string(boot.why));
  }
}

}  // namespace

void fill_filter(const known::Filter& from, v1::KnownFilter* to) {
  const auto set_time = [](WallTime time, google::protobuf::Timestamp* out) {
    const int64_t ms = time.time_since_epoch().count();
    out->set_seconds(ms / 1000);
    out->set_nanos(static_cast<int>(ms % 1000 * 1'000'000));
  };
  to->Clear();
  to->set_id(from.id);
  to->set_machine(proto_string(from.machine));
  to->set_tag(proto_string(from.tag));
  to->set_config(proto_string(from.config));
  to->set_test(proto_string(from.test));
  for (const std::string& outcome : from.outcomes) to->add_outcomes(proto_string(outcome));
  to->set_signature(proto_string(from.signature));
  to->set_text(proto_string(from.text));
  to->set_author(proto_string(from.author));
  to->set_reason(proto_string(from.reason));
  to->set_link(proto_string(from.link));
  set_time(from.created, to->mutable_created());
  if (from.expires) set_time(*from.expires, to->mutable_expires());
  to->set_removed(from.removed);
}

known::Filter to_filter(const v1::KnownFilter& message) {
  const auto time_of = [](const google::protobuf::Timestamp& time) {
    return WallTime(Millis(time.seconds() * 1000 + time.nanos() / 1'000'000));
  };
  known::Filter filter;
  filter.id = message.id();
  filter.machine = message.machine();
  filter.tag = message.tag();
  filter.config = message.config();
  filter.test = message.test();
  filter.outcomes.assign(message.outcomes().begin(), message.outcomes().end());
  filter.signature = message.signature();
  filter.text = message.text();
  filter.author = message.author();
  filter.reason = message.reason();
  filter.link = message.link();
  filter.created = time_of(message.created());
  if (message.has_expires()) filter.expires = time_of(message.expires());
  filter.removed = message.removed();
  return filter;
}

std::string proto_string(std::string_view bytes) {
  std::string out = to_valid_utf8(bytes);
  std::erase(out, '\0');
  return out;
}

void fill(const verdict::Output& output, v1::RunReport* report) {
  fill_verdict(output, report->mutable_verdict());
  report->clear_findings();
  for (const verdict::Finding& finding : output.findings)
    fill_finding(finding, report->add_findings());
  report->clear_known_filters();
  for (const known::Filter& filter : output.known_filters)
    fill_filter(filter, report->add_known_filters());
  report->clear_interactions();
  for (const verdict::MetricInteraction& interaction : output.interactions)
    fill_interaction(interaction, report->add_interactions());
  report->clear_noise();
  for (const verdict::Noise& noise : output.noise) fill_noise(noise, report->add_noise());
  report->clear_hygiene();
  for (const verdict::Hygiene& one : output.hygiene) fill_hygiene(one, report->add_hygiene());
  report->clear_comparisons();
  for (const verdict::Comparison& comparison : output.comparisons)
    fill_comparison(comparison, report->add_comparisons());
  report->clear_claims();
  for (const verdict::Claim& claim : output.claims) {
    v1::Claim* out = report->add_claims();
    out->set_text(proto_string(claim.text));
    out->set_answer(claim.answer);
    out->set_figure(proto_string(claim.figure));
    out->set_why(proto_string(claim.why));
  }
  report->clear_not_tested();
  for (const verdict::NotTested& place : output.not_tested) {
    v1::NotTested* out = report->add_not_tested();
    out->set_file(proto_string(place.file));
    out->set_line(place.line);
    out->set_what(proto_string(place.what));
    out->set_needs(proto_string(place.needs));
  }
  fill_reach(output.reach, report);
  fill_statics(output.statics, report);
  report->clear_lost();
  for (const verdict::Lost& lost : output.lost) {
    v1::LostResult* out = report->add_lost();
    out->set_test(proto_string(lost.test));
    out->set_variant(proto_string(lost.variant));
    out->set_config(proto_string(lost.config));
    out->set_why(proto_string(lost.why));
  }
  report->clear_outcome_counts();
  for (const verdict::CellCounts& counts : output.outcome_counts) {
    v1::OutcomeCount* out = report->add_outcome_counts();
    out->set_variant(proto_string(counts.variant));
    out->set_config(proto_string(counts.config));
    for (const auto& [outcome, n] : counts.outcomes)
      (*out->mutable_outcomes())[proto_string(outcome)] += n;
  }
}

}  // namespace kiln::report
