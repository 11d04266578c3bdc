#include "bench/years/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kiln::bench {
namespace {

constexpr const char* kFamilies[] = {"bdw", "skl", "kbl", "cfl", "tgl"};
constexpr std::array<const char*, 6> kFrames = {
    "kunmap_local_indexed", "shmem_pread", "i915_gem_pread_ioctl",
    "drm_ioctl_kernel",     "drm_ioctl",   "ksys_ioctl"};

void set_time(int64_t ms, google::protobuf::Timestamp* out) {
  out->set_seconds(ms / 1000);
}

std::string in_boots(int bad, int boots) {
  return fmt::format("{} of {} boot{}", bad, boots, boots == 1 ? "" : "s");
}

std::string summary_of(const Trouble& trouble) {
  if (trouble.cls == "coverage-lost") return "pass without the series, skip with it";
  const auto count = [&](int variant) {
    return static_cast<int>(trouble.bad[2 * variant]) +
           static_cast<int>(trouble.bad[2 * variant + 1]);
  };
  return fmt::format("fail in {} with the series, in {} without it", in_boots(count(1), 2),
                     in_boots(count(0), 2));
}

}  // namespace

std::string job_name(int job) {
  return job == 0 ? "kmap-local-page" : fmt::format("drm-night-{:02}", job);
}

std::string machine_name(int machine) {
  constexpr int kCount = static_cast<int>(std::size(kFamilies));
  return fmt::format("{}-{}", kFamilies[machine % kCount], machine / kCount + 1);
}

std::string machine_words(int machine) {
  return machine_name(machine) + " (cpu i7-7700, igt 1.28, memory 8 GiB)";
}

std::string cell_name(int cell) {
  return fmt::format("{}/{}", kVariants[variant_of(cell)], kConfigs[config_of(cell)]);
}

bool needs_a_person(const std::string& cls) {
  return cls == "regression" || cls == "flaky" || cls == "coverage-lost";
}

v1::KernelReport kernel_report(const std::string& test) {
  v1::KernelReport report;
  report.set_kind("bug");
  report.set_title("BUG: unable to handle page fault for address: f7a01000");
  report.set_signature("bug:kunmap_local_indexed+shmem_pread");
  report.set_test(test);
  report.set_subsystem("i915");
  report.set_times(1);
  std::string text = "<1> [41.4] " + report.title() + "\n";
  for (const char* name : kFrames) {
    v1::Frame* frame = report.add_frames();
    frame->set_function(name);
    frame->set_module("i915");
    frame->set_file("drivers/gpu/drm/i915/gem/i915_gem_shmem.c");
    frame->set_line(412);
    text += fmt::format("<4> [41.4]  {}+0x9a/0x110 [i915]\n", name);
  }
  report.set_text(text);
  return report;
}

v1::Finding finding_of(const Nights& nights, const Trouble& trouble, int number,
                       const RunFacts& run) {
  const std::string& test = nights.tests()[static_cast<size_t>(trouble.test)];
  v1::Finding finding;
  finding.set_id(fmt::format("f{}", number));
  finding.set_class_(trouble.cls);
  finding.set_test(test);
  finding.set_summary(summary_of(trouble));
  for (int cell = 0; cell < kCells; ++cell) {
    v1::CellCounts* counts = finding.add_counts();
    counts->set_variant(kVariants[variant_of(cell)]);
    counts->set_config(kConfigs[config_of(cell)]);
    (*counts->mutable_outcomes())[nights.outcome(trouble.test, cell)] = 1;
    counts->add_session_ids(run.first_session + cell);
    if (trouble.bad[cell])
      finding.add_evidence(fmt::format("session {}: console line 1204", run.first_session + cell));
  }
  if (trouble.cls == "regression") {
    finding.set_patch("2/3 drm/i915: Replace kmap() with kmap_local_page()");
    finding.set_confidence(0.992);
    finding.set_interaction(trouble.bad[3] ? "" : "only with HIGHMEM and the series");
    if (trouble.test % 2 == 0) *finding.add_kernel() = kernel_report(test);
  }
  if (trouble.cls == "known") finding.set_known("filter 1: fails since 6.1.150");
  finding.set_explain(fmt::format("The test {} gives {}.", test, finding.summary()));
  finding.set_reproduce(fmt::format("kiln repro {}/{}", run.id, finding.id()));
  return finding;
}

v1::RunReport report_of(const v1::RunReport& sample, const RunFacts& run,
                        const std::vector<v1::Finding>& findings) {
  v1::RunReport report = sample;
  report.clear_sessions();
  report.clear_findings();
  report.clear_lost();
  report.clear_cells();
  v1::Run& about = *report.mutable_run();
  about.set_id(run.id);
  about.set_job_name(run.job);
  about.set_title(run.title);
  about.set_job_file("/srv/kiln/jobs/" + run.job + ".yaml");
  about.set_state("done");
  about.set_machine(run.machine);
  about.set_source_tree(run.tree);
  about.set_elapsed_seconds(static_cast<double>(run.finished_ms - run.started_ms) / 1000);
  set_time(run.started_ms, about.mutable_started());
  set_time(run.finished_ms, about.mutable_finished());
  v1::Verdict& verdict = *report.mutable_verdict();
  verdict.Clear();
  for (const v1::Finding& finding : findings) {
    *report.add_findings() = finding;
    const std::string& cls = finding.class_();
    if (cls == "regression") verdict.set_regressions(verdict.regressions() + 1);
    if (cls == "flaky") verdict.set_flaky(verdict.flaky() + 1);
    if (cls == "known") verdict.set_known(verdict.known() + 1);
    if (cls == "coverage-lost") verdict.set_lost(verdict.lost() + 1);
  }
  const bool bad = verdict.regressions() + verdict.lost() > 0;
  verdict.set_result(bad ? "regression" : "no-regression");
  verdict.set_exit_code(bad ? 1 : 0);
  verdict.set_headline(bad ? fmt::format("Do not apply yet: {} regressions.", verdict.regressions())
                           : fmt::format("No regression: all {} results are there.", run.results));
  verdict.set_results_planned(run.results);
  verdict.set_results_got(run.results);
  report.clear_builds();
  for (int cell = 0; cell < kCells; ++cell) {
    v1::Cell* place = report.add_cells();
    place->set_variant(kVariants[variant_of(cell)]);
    place->set_config(kConfigs[config_of(cell)]);
    v1::Build* build = report.add_builds();
    build->set_cell(cell_name(cell));
    build->set_key(fmt::format("{:016x}{:04x}", run.started_ms, cell));
    build->set_state("cached");
    build->set_release("6.1.192-kiln");
  }
  return report;
}

}  // namespace kiln::bench
