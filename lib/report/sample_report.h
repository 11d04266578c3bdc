#pragma once
/// An invented run, judged by lib/verdict and filled into the message, for tests of the renderers.
/// Not part of the library.
#include <string>

#include "lib/report/report.h"
#include "lib/verdict/test_rows.h"

namespace kiln::report::testing {

using verdict::testing::kHigh;
using verdict::testing::kLow;

inline void add_run(v1::RunReport* report) {
  v1::Run* run = report->mutable_run();
  run->set_id(412);
  run->set_job_name("kmap-local-page");
  run->set_title("drm/i915: replace kmap() with kmap_local_page()");
  run->set_job_file("jobs/kmap-local-page.yaml");
  run->set_state("done");
  run->mutable_started()->set_seconds(1'795'554'900);
  run->set_elapsed_seconds(2473);
  run->set_source("linux-source-6.1 6.1.192-1");
  run->set_source_tree("3f9c1e0b7a64d2f1c0ffee0123456789abcdef01");
  run->set_kiln_version("0.1.0");
  run->set_toolchain("gcc 12.2.0, binutils 2.40");
  run->set_machine("qemu-1: QEMU 7.2 TCG, mock GPU");
  run->set_igt_version("2.5");
  run->set_seed(20261124);
  v1::Series* series = report->mutable_series();
  series->set_title("[PATCH v2 0/3] drm/i915: Replace kmap() with kmap_local_page()");
  series->set_author("A Developer <dev@example.org>");
  series->set_message_id("20230417103851.5015-1-dev@example.org");
  for (const auto& [subject, plus, minus] :
       {std::tuple{"drm/i915: Replace kmap() with kmap_local_page()", 4, 4},
        {"drm/i915/gt: Replace kmap() with kmap_local_page()", 6, 9},
        {"drm/i915/gem: Replace kmap() with kmap_local_page()", 6, 8}}) {
    v1::Patch* patch = series->add_patches();
    patch->set_subject(subject);
    patch->set_insertions(plus);
    patch->set_deletions(minus);
  }
  report->add_reproduce("kiln run jobs/kmap-local-page.yaml");
}

inline void add_builds(v1::RunReport* report) {
  int n = 0;
  for (const char* config : {kHigh, kLow})
    for (const char* variant : {"baseline", "patched"}) {
      v1::Cell* cell = report->add_cells();
      cell->set_variant(variant);
      cell->set_config(config);
      v1::Build* build = report->add_builds();
      const bool patched = std::string(variant) == "patched";
      build->set_cell(std::string(variant) + "/" + config);
      build->set_state(patched ? "built" : "cached");
      build->set_incremental(patched);
      build->set_elapsed_seconds(patched ? 7.25 : 391.5);
      build->set_kernel_build_id("9f8e7d6c5b4a39281706f5e4d3c2b1a00f1e2d3c");
      (*build->mutable_module_build_ids())["i915"] =
          patched ? "11aa22bb33cc44dd55ee66ff77008811992233aa" : "c0ffee0000c0ffee0000c0ffee0000";
      build->set_release("6.1.192-kiln");
      if (patched && n == 1) {
        v1::CompilerWarning* warning = build->add_warnings();
        warning->set_file("drivers/gpu/drm/i915/i915_gem.c");
        warning->set_line(214);
        warning->set_text("unused variable 'vaddr' [-Wunused-variable]");
        warning->set_is_new(true);
      }
      ++n;
    }
}

/// The proto sessions of the rows, with an identity each.
inline void add_sessions(const verdict::Input& input, v1::RunReport* report) {
  for (const verdict::SessionRow& row : input.sessions) {
    v1::Session* session = report->add_sessions();
    session->set_id(row.id);
    session->set_purpose(row.purpose);
    session->set_variant(row.variant);
    session->set_config(row.config);
    session->set_machine("qemu-1");
    session->set_ending(row.ending);
    session->set_error(proto_string(row.error));
    session->set_elapsed_seconds(64 + static_cast<double>(row.id));
    session->set_pair(row.pair);
    session->set_patched_first(row.patched_first);
    v1::Identity* identity = session->mutable_identity();
    identity->set_release("6.1.192-kiln");
    identity->set_kernel_build_id("9f8e7d6c5b4a39281706f5e4d3c2b1a00f1e2d3c");
    (*identity->mutable_module_build_ids())["i915"] =
        row.variant == "patched" ? "11aa22bb33cc44dd55ee66ff77008811992233aa"
                                 : "c0ffee0000c0ffee0000c0ffee0000";
    identity->set_boot_id("7b1c2d3e-0000-4000-8000-00000000000" + std::to_string(row.id % 10));
    identity->set_high_total_kib(row.config == kHigh ? 1'187'848 : 0);
    identity->set_proved(row.ending != "infrastructure");
    for (const verdict::ResultRow& result : row.results) {
      v1::Result* out = session->add_results();
      out->set_test(proto_string(result.test));
      out->set_outcome(proto_string(result.outcome));
      out->set_seconds(result.seconds);
      out->set_reason(proto_string(result.reason));
      out->set_kernel_words(result.kernel_words);
    }
    for (const verdict::MeasurementRow& value : row.measurements) {
      v1::Measurement* out = session->add_measurements();
      out->set_bench(value.bench);
      out->set_metric(value.metric);
      out->set_value(value.value);
      out->set_unit(value.unit);
    }
  }
}

inline void add_performance(verdict::testing::Rows* rows) {
  job::MetricSpec flushes;
  flushes.metric = "*/tlb_flushes";
  flushes.kind = job::MetricSpec::Kind::kCounter;
  flushes.left_arm = "kmap";
  flushes.right_arm = "kmap_local";
  job::MetricSpec pread;
  pread.metric = "i915/*/ns_per_page";
  rows->input.job.metrics = {flushes, pread};
  const double noise[] = {0.93, 1.21, 1.02, 0.88, 1.13, 0.97};
  for (const char* config : {kHigh, kLow}) {
    for (int pair = 1; pair <= 6; ++pair)
      for (const char* variant : {"baseline", "patched"}) {
        const bool patched = std::string(variant) == "patched";
        const bool high = config == kHigh;
        rows->measure("performance", variant, config, pair, "kmap/4t/tlb_flushes",
                      high ? 40 + pair % 3 : 0, "flushes");
        rows->measure("performance", variant, config, pair, "kmap_local/4t/tlb_flushes", 0,
                      "flushes");
        rows->measure("performance", variant, config, pair, "i915/pread/ns_per_page",
                      2050 * noise[(pair + (patched ? 2 : 0)) % 6] * (patched ? 0.97 : 1),
                      "ns/page");
      }
    for (const char* variant : {"baseline", "patched"})
      rows->measure(
          "instructions", variant, config, 1, "i915/pread/ns_per_page",
          (config == kHigh ? 3122 : 2410) * (std::string(variant) == "patched" ? 0.962 : 1),
          "ns/page");
  }
}

inline void add_claims(verdict::testing::Rows* rows) {
  job::ClaimSpec faster;
  faster.text = "kmap_local_page() is faster than kmap() in kernels with HIGHMEM enabled";
  faster.rule = job::ClaimSpec::Rule::kComparison;
  faster.metric = "i915/pread/ns_per_page";
  faster.config = kHigh;
  faster.session = "instructions";
  faster.expect = "faster";
  job::ClaimSpec flushes;
  flushes.text = "kmap() requires global TLB invalidation when the pool wraps";
  flushes.rule = job::ClaimSpec::Rule::kMetric;
  flushes.metric = "kmap/4t/tlb_flushes";
  flushes.config = kHigh;
  flushes.relation = ">";
  job::ClaimSpec preempt;
  preempt.text = "The tasks can be preempted and the addresses are still valid";
  preempt.why = "no bench here preempts a holder of a mapping";
  rows->input.job.claims = {faster, flushes, preempt};
  rows->input.job.not_reached = {{"drivers/gpu/drm/i915/gt/intel_ggtt_fencing.c:741",
                                  "bit-17 swizzling of a page on its way out", "gen2 to gen7"}};
}

inline v1::RunReport finish(const verdict::Input& input) {
  v1::RunReport report;
  add_run(&report);
  fill(verdict::judge(input), &report);
  add_builds(&report);
  add_sessions(input, &report);
  return report;
}

/// Nothing regressed; counters and instruction counts decide, wall clock informs.
inline v1::RunReport clean_report() {
  verdict::testing::Rows rows;
  rows.functional();
  rows.input.config_wants_highmem = {{kHigh, true}, {kLow, false}};
  add_performance(&rows);
  add_claims(&rows);
  return finish(rows.input);
}

/// A real machine whose wall clock decides: after two looks one config is decided and the other
/// not.
inline v1::RunReport hardware_report() {
  verdict::testing::Rows rows;
  rows.functional();
  job::MetricSpec pread;
  pread.metric = "i915/*/ns_per_page";
  rows.input.job.metrics = {pread};
  rows.input.job.pairs = 6;
  rows.input.job.max_pairs = 24;
  rows.input.config_wants_highmem = {{kHigh, true}, {kLow, false}};
  const double wiggle[] = {0.5, -1, 1, -0.5, 0.8, -0.8, 0.1, -0.3, 0.4, -0.9, 0.7, -0.2};
  for (int pair = 1; pair <= 12; ++pair)
    for (const char* config : {kHigh, kLow}) {
      const bool high = config == kHigh;
      const double level = 2050 + 13 * (pair % 4);
      const double factor = 1 + (high ? -0.152 : 0.01) + 0.05 * wiggle[pair - 1];
      rows.measure("performance", "baseline", config, pair, "i915/pread/ns_per_page", level,
                   "ns/page", false);
      rows.measure("performance", "patched", config, pair, "i915/pread/ns_per_page", level * factor,
                   "ns/page", false);
    }
  rows.input.canaries = {{"i915/pread/ns_per_page", {}}};
  for (int pair = 1; pair <= 30; ++pair)
    for (const double boot : {1.0, 1 + 0.02 * wiggle[pair % 12]})
      rows.input.canaries[0].boots.push_back({pair, 1, 2000 * boot});
  for (verdict::SessionRow& row : rows.input.sessions) row.machine = "lab-4";
  return finish(rows.input);
}

/// An oops with HIGHMEM and the series only, a test that fails anyway, a flaky one, lost results, a
/// new warning, an excluded pair.
inline v1::RunReport broken_report() {
  verdict::testing::Rows rows;
  rows.input.planned_tests.insert(
      rows.input.planned_tests.end(),
      {"igt@sw_sync@timeline", "igt@vgem_basic@mmap", "igt@prime_vgem@sync"});
  rows.functional();
  for (verdict::SessionRow& row : rows.input.sessions)
    for (const char* test : {"igt@sw_sync@timeline", "igt@vgem_basic@mmap", "igt@prime_vgem@sync"})
      row.results.push_back({test, "no-gpu", "pass", 1, "", ""});
  const std::string oops =
      "<1>[   41.402113] BUG: unable to handle page fault for address: ffb2e000\n"
      "<1>[   41.402120] #PF: supervisor read access in kernel mode\n"
      "<4>[   41.402131] CPU: 1 PID: 402 Comm: gem_pread Not tainted 6.1.192-kiln #1\n"
      "<4>[   41.402140] EIP: shmem_pread+0x4c/0x120 [i915]\n"
      "<4>[   41.402171] Call Trace:\n"
      "<4>[   41.402180]  i915_gem_shmem_pread+0x12b/0x250 [i915]\n"
      "<4>[   41.402190]  i915_gem_pread_ioctl+0x1c2/0x3f0 [i915]\n"
      "<4>[   41.402201]  drm_ioctl+0x20e/0x420 [drm]\n";
  const std::vector<std::string> crashing{"igt@gem_pread@basic", "igt@gem_pwrite@basic"};
  for (const std::string& test : crashing)
    rows.set("patched", kHigh, test, "crash", "killed by SIGSEGV");
  std::vector<std::string> again = crashing;
  again.emplace_back("igt@sw_sync@timeline");
  rows.set("patched", kHigh, "igt@sw_sync@timeline", "fail", "sync timed out");
  rows.confirm(kHigh, again, "pass", "crash");
  int patched_boot = 0;
  for (verdict::SessionRow& row : rows.input.sessions) {
    if (row.variant != "patched" || row.config != kHigh) {
      for (verdict::ResultRow& result : row.results)  // flaky on both sides
        if (row.purpose == "confirmation" && result.test == "igt@sw_sync@timeline" && row.id == 5)
          result.outcome = "fail";
      continue;
    }
    for (verdict::ResultRow& result : row.results) {
      if (result.test == "igt@sw_sync@timeline" && patched_boot > 0) result.outcome = "pass";
      if (result.outcome != "crash") continue;
      row.kernel.push_back({"oops", "BUG: unable to handle page fault for address",
                            "oops:shmem_pread", oops, result.test});
    }
    ++patched_boot;
  }
  for (const char* variant : {"baseline", "patched"}) {
    rows.set(variant, kHigh, "igt@vgem_basic@mmap", "fail", "mmap: Cannot allocate memory");
    rows.set(variant, kLow, "igt@prime_vgem@sync", "missing");
    rows.find("functional", variant, kLow).error = "machine silent for 60 s";
  }
  rows.build("baseline", kHigh, "built")
      .build("patched", kHigh, "built", "",
             {{"drivers/gpu/drm/i915/i915_gem.c", 214,
               "unused variable 'vaddr' [-Wunused-variable]"}});
  add_performance(&rows);
  for (verdict::SessionRow& row : rows.input.sessions) {
    if (row.purpose != "performance" || row.pair != 4 || row.variant != "patched") continue;
    row.ending = "infrastructure";
    row.error = "QEMU was killed";
  }
  add_claims(&rows);
  return finish(rows.input);
}

/// Whatever a kernel, a test or a patch may print: markup, control bytes, no UTF-8.
inline v1::RunReport hostile_report() {
  const std::string evil = "</td><script>alert('x')</script>\x1b[31m\xff\xc2\x9b\"'&\n";
  verdict::testing::Rows rows;
  rows.input.planned_tests = {"igt@" + evil};
  for (const char* config : {kHigh, kLow})
    for (const char* variant : {"baseline", "patched"}) {
      verdict::SessionRow& row = rows.session("functional", variant, config);
      row.results = {{"igt@" + evil, "", evil, 1, evil, ""}};
      row.kernel.push_back({evil, evil, evil, evil + std::string(1, '\0') + evil, "igt@" + evil});
      row.error = evil;
    }
  rows.input.job.not_reached = {{evil, evil, evil}};
  job::ClaimSpec claim;
  claim.text = claim.why = evil;
  rows.input.job.claims = {claim};
  v1::RunReport report = finish(rows.input);
  report.mutable_run()->set_title(proto_string(evil));
  report.mutable_series()->set_title(proto_string(evil));
  report.mutable_run()->set_error(proto_string(evil));
  report.add_reproduce(proto_string(evil));
  return report;
}

}  // namespace kiln::report::testing
