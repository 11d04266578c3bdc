#include "bench/years/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/job/stored.h"
#include "lib/os/files.h"

namespace kiln::bench {
namespace {

constexpr int64_t kDay = 24LL * 3600 * 1000;
constexpr int64_t kMinute = 60'000;
constexpr int kMeasuredJobs = 3;  // that have boots for performance
constexpr int kPairs = 3;
constexpr int kMetrics = 6;
constexpr int kEvents = 40;
constexpr int kFilters = 20;
constexpr int kFailWords = 120;

std::string metric_name(int metric) {
  return metric < 3 ? fmt::format("kmap/ns_per_map_{}", metric)
                    : fmt::format("i915/pread/ns_per_page_{}", metric);
}

std::string build_key(const RunFacts& run, int cell) {
  return fmt::format("{:016x}{:04x}", run.started_ms, cell);
}

std::string stored_job(const Nights& nights, int number) {
  job::StoredJob job;
  job.spec.name = job_name(number);
  job.spec.title = "drm-tip";
  job.spec.file = "/srv/kiln/jobs/" + job.spec.name + ".yaml";
  job.spec.configs = {kConfigs[0], kConfigs[1]};
  job.spec.tests.resize(1);
  job.spec.tests[0].name = "gem";
  std::string text;
  for (const std::string& test : nights.tests()) text += test + "\n";
  job.lists = {{"gem", text, nights.tests()}};
  job.config_highmem = {{kConfigs[0], true}, {kConfigs[1], false}};
  job.series.title = "drm/i915: Replace kmap()";
  job.series.patches = {{"drm/i915: Replace kmap()", "0001.patch", "p1", "", 1, 1, {"a.c"}}};
  return job::to_json(job);
}

}  // namespace

Rows::Rows(SQLite::Database& db, const Size& size, v1::RunReport sample, Blobs blobs,
           int64_t until_ms)
    : db_(db),
      size_(size),
      sample_(std::move(sample)),
      blobs_(std::move(blobs)),
      until_ms_(until_ms),
      nights_(size),
      run_(db,
           "INSERT INTO runs (id, job_digest, job_name, title, job_file, state, started_ms,"
           " finished_ms, elapsed_seconds, source, source_tree, kiln_version, toolchain, machine,"
           " igt_version, error, seed, stored_job, user, priority) VALUES (?, ?, ?, ?, '', 'done',"
           " ?, ?, ?, 'linux 6.1.192', ?, '0.1.0', 'gcc 12.2.0', ?, '1.28', '', 1, ?, 'local',"
           " 'nightly')"),
      cell_(db,
            "INSERT INTO run_cells (run_id, position, variant, config, build_key, same_as)"
            " VALUES (?, ?, ?, ?, ?, '')"),
      build_(db,
             "INSERT INTO builds (key, state, release, kernel_build_id, config_digest,"
             " image_digest, modules_digest, vmlinux_digest, bench_digest, log_digest, error,"
             " incremental, elapsed_ms, recorded_ms) VALUES (?, 'built', '6.1.192-kiln', ?, ?,"
             " '', '', '', '', '', '', 0, 90000, ?)"),
      run_build_(db,
                 "INSERT INTO run_builds (run_id, variant, config, build_key, from_cache)"
                 " VALUES (?, ?, ?, ?, 0)"),
      session_row_(
          db,
          "INSERT INTO sessions (id, run_id, key, attempt, purpose, variant, config, pair,"
          " patched_first, build_key, machine, emulated, state, ending, error_class, error,"
          " started_ms, elapsed_seconds, restarts, release, kernel_build_id, boot_id,"
          " config_digest, high_total_kib, mem_total_kib, disk_free_kib, cmdline, taint, proved,"
          " clock_offset_seconds) VALUES (?, ?, ?, 1, ?, ?, ?, ?, 0, ?, ?, 0, 'done', 'tested',"
          " '', '', ?, 240, 0, '6.1.192-kiln', ?, ?, '', 7340032, 8388608, 9000000,"
          " 'console=ttyS0 i915.st_random_seed=1', 0, 1, 0.01)"),
      artifact_(db, "INSERT INTO artifacts (session_id, name, digest) VALUES (?, ?, ?)"),
      phase_(db,
             "INSERT INTO session_phases (session_id, position, name, seconds)"
             " VALUES (?, ?, ?, ?)"),
      result_(db,
              "INSERT INTO results (session_id, position, test, phase, outcome, seconds, reason,"
              " kernel_words) VALUES (?, ?, ?, 'gem', ?, ?, ?, x'')"),
      measurement_(db,
                   "INSERT INTO measurements (session_id, position, bench, metric, value, unit)"
                   " VALUES (?, ?, 'kmap', ?, ?, 'ns')"),
      kernel_(db,
              "INSERT INTO kernel_reports (session_id, position, kind, title, signature, text,"
              " test, subsystem, times) VALUES (?, 0, ?, ?, ?, CAST(? AS BLOB), ?, 'i915', 1)"),
      frame_(db,
             "INSERT INTO kernel_frames (session_id, report_position, position, function, module,"
             " file, line, inlined) VALUES (?, 0, ?, ?, ?, ?, ?, 0)"),
      event_(db,
             "INSERT INTO events (run_id, seq, time_ms, kind, text, cell, session_id, state, done,"
             " total, elapsed_seconds, remaining_seconds) VALUES (?, ?, ?, ?, ?, ?, 0, '', ?, ?, ?,"
             " 0)"),
      verdict_row_(db,
                   "INSERT INTO verdicts (id, run_id, result, exit_code, headline,"
                   " results_planned, results_got, regressions, fixes, warnings, flaky, lost,"
                   " known, judged_ms, rules, cause, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0,"
                   " ?, ?, ?, ?, 1, 'run', CAST(? AS BLOB))"),
      finding_(
          db,
          "INSERT INTO findings (verdict_id, position, name, class, bare_class, test,"
          " subject, known, only_patched, summary, detail, run_id, job) VALUES (?, ?, ?, ?, ?, ?,"
          " ?, ?, ?, ?, CAST(? AS BLOB), ?, ?)"),
      occurrence_(db,
                  "INSERT INTO occurrences (verdict_id, position, finding, session_id, test,"
                  " config, outcome, row, report, known) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)"),
      hit_(db,
           "INSERT INTO known_hits (filter_id, run_id, occurrences, findings) VALUES (1, ?, ?, ?)"),
      firing_(db,
              "INSERT INTO firings (schedule_id, key, planned_ms, by_hand, state, decided_ms,"
              " run_id, count, reason) VALUES (?, ?, ?, 0, 'ended', ?, ?, 1, '')") {}

void Rows::write(const std::function<void(int)>& done) {
  write_lab();
  while (nights_.number() + 1 < nights_.runs()) {
    nights_.next();
    write_run();
    done(nights_.number() + 1);
  }
  decide_old();
}

/// What does not grow with the nights.
void Rows::write_lab() {
  Into machine(db_,
               "INSERT INTO machines (name, agent, intent, intent_why, health, health_why,"
               " errors_in_a_row, changed_ms) VALUES (?, ?, 'in-service', '', 'good', '', 0, ?)");
  for (int i = 0; i < size_.machines; ++i)
    machine.add(machine_name(i), fmt::format("rack-{}", i / 10 + 1), until_ms_);
  Into schedule(db_,
                "INSERT INTO schedules (id, name, cron, zone, job_file, jitter_ms, missed,"
                " max_late_ms, overlap, unchanged, since_ms, added_ms, added_by, paused_ms) VALUES"
                " (?, ?, '30 2 * * *', 'Europe/Helsinki', ?, 0, 'run-once', 0, 'skip', 'run', ?, ?,"
                " 'anna', ?)");
  Into job(db_, "INSERT INTO jobs (digest, document) VALUES (?, ?)");
  for (int i = 0; i < size_.jobs; ++i) {
    // Paused: a look at this folder must not begin to run jobs that are not there.
    schedule.add(i + 1, job_name(i), "/srv/kiln/jobs/" + job_name(i) + ".yaml", until_ms_,
                 until_ms_, until_ms_);
    const std::string document = stored_job(nights_, i);
    job.add(os::sha256_hex(document), document);
  }
  Into filter(db_,
              "INSERT INTO known_filters (id, machine, tag, config, test, outcomes, signature,"
              " text, author, reason, link, created_ms, expires_ms) VALUES (?, '', '', '', ?,"
              " 'fail', '', '', 'anna', ?, '', ?, NULL)");
  for (int i = 1; i <= kFilters; ++i)
    filter.add(i, i == 1 ? std::string("igt@*@case-?61") : fmt::format("igt@gone_{}@*", i),
               i == 1 ? "fails since 6.1.150" : "of a test that is gone",
               until_ms_ - kDay * (size_.nights + i));
}

RunFacts Rows::facts() {
  RunFacts run;
  run.id = nights_.number() + 1;
  run.first_session = session_ + 1;
  run.started_ms = until_ms_ - kDay * (size_.nights - 1 - nights_.night()) -
                   20 * kMinute * (size_.jobs - nights_.job());
  run.finished_ms = run.started_ms + 18 * kMinute;
  run.job = job_name(nights_.job());
  run.title = fmt::format("drm-tip, night {}", nights_.night() + 1);
  run.machine = machine_words(nights_.number() % size_.machines);
  run.tree = fmt::format("{:040x}", nights_.night() + 0xabc000);
  run.results = size_.tests * kCells;
  return run;
}

void Rows::write_run() {
  const RunFacts run = facts();
  const std::string document = stored_job(nights_, nights_.job());
  run_.add(run.id, fmt::format("{}-{}", run.job, run.tree), run.job, run.title, run.started_ms,
           run.finished_ms, 18.0 * 60, run.tree, run.machine, os::sha256_hex(document));
  write_builds(run);
  write_functional(run);
  if (nights_.job() < kMeasuredJobs) write_performance(run);
  write_events(run);
  write_verdict(run);
  firing_.add(nights_.job() + 1, fmt::format("night-{}", nights_.night()), run.started_ms,
              run.finished_ms, run.id);
}

void Rows::write_builds(const RunFacts& run) {
  for (int cell = 0; cell < kCells; ++cell) {
    const std::string key = build_key(run, cell);
    build_.add(key, key, blobs_.config[config_of(cell)], run.started_ms);
    cell_.add(run.id, cell, kVariants[variant_of(cell)], kConfigs[config_of(cell)], key);
    run_build_.add(run.id, kVariants[variant_of(cell)], kConfigs[config_of(cell)], key);
  }
}

void Rows::write_session(const RunFacts& run, const std::string& key, const char* purpose, int cell,
                         int pair) {
  const std::string build = build_key(run, cell);
  const int64_t id = ++session_;
  session_row_.add(id, run.id, key, purpose, kVariants[variant_of(cell)], kConfigs[config_of(cell)],
                   pair, build, run.machine.substr(0, run.machine.find(' ')),
                   run.started_ms + kMinute * cell, build, fmt::format("boot-{}", id));
  for (const char* name : {"console", "dmesg"}) artifact_.add(id, name, blobs_.console);
  constexpr const char* kPhases[] = {"power", "boot", "prove", "test", "fetch"};
  for (int i = 0; i < static_cast<int>(std::size(kPhases)); ++i)
    phase_.add(id, i, kPhases[i], 12.5 * (i + 1));
}

void Rows::write_functional(const RunFacts& run) {
  for (int cell = 0; cell < kCells; ++cell) {
    write_session(run, "functional/" + cell_name(cell), "functional", cell, 0);
    write_results(session_, cell);
  }
}

void Rows::write_results(int64_t session, int cell) {
  static const std::string fail_words(kFailWords, 'x');
  for (int test = 0; test < size_.tests; ++test) {
    const std::string outcome = nights_.outcome(test, cell);
    result_.add(session, test, nights_.tests()[static_cast<size_t>(test)], outcome,
                0.01 * (test % 90),
                outcome == "fail"   ? "Failed assertion: " + fail_words
                : outcome == "skip" ? "no such hardware"
                                    : std::string());
    ++results_;
  }
  for (const Trouble& trouble : nights_.troubles()) {
    if (trouble.cls != "regression" || trouble.test % 2 != 0 || !trouble.bad[cell]) continue;
    const auto report = kernel_report(nights_.tests()[static_cast<size_t>(trouble.test)]);
    kernel_.add(session, report.kind(), report.title(), report.signature(), report.text(),
                report.test());
    int at = 0;
    for (const v1::Frame& frame : report.frames())
      frame_.add(session, at++, frame.function(), frame.module(), frame.file(), frame.line());
    break;  // the first one taints the kernel
  }
}

void Rows::write_performance(const RunFacts& run) {
  for (int pair = 1; pair <= kPairs; ++pair)
    for (int cell = 0; cell < kCells; ++cell) {
      write_session(run, fmt::format("performance/{}/{}", cell_name(cell), pair), "performance",
                    cell, pair);
      for (int metric = 0; metric < kMetrics; ++metric)
        measurement_.add(session_, metric, metric_name(metric),
                         nights_.measure(metric, cell, pair));
    }
}

void Rows::write_events(const RunFacts& run) {
  for (int i = 1; i <= kEvents; ++i) {
    const bool last = i == kEvents;
    event_.add(run.id, i, run.started_ms + i * kMinute / 3, last ? "finished" : "session",
               last ? std::string("done") : fmt::format("step {} of {}", i, kEvents),
               cell_name(i % kCells), i, kEvents, 27.0 * i);
  }
}

void Rows::write_verdict(const RunFacts& run) {
  std::vector<v1::Finding> findings;
  for (const Trouble& trouble : nights_.troubles())
    findings.push_back(finding_of(nights_, trouble, static_cast<int>(findings.size()) + 1, run));
  const v1::RunReport report = report_of(sample_, run, findings);
  const v1::Verdict& v = report.verdict();
  const int64_t id = ++verdict_;
  verdict_row_.add(id, run.id, v.result(), v.exit_code(), v.headline(), v.results_planned(),
                   v.results_got(), v.regressions(), v.flaky(), v.lost(), v.known(),
                   run.finished_ms, report.SerializeAsString());
  int position = 0;
  int seen = 0;
  for (size_t i = 0; i < findings.size(); ++i) {
    v1::Finding finding = findings[i];
    const Trouble& trouble = nights_.troubles()[i];
    for (v1::KernelReport& kernel : *finding.mutable_kernel()) {
      kernel.clear_text();
      kernel.clear_frames();
    }
    const bool known = trouble.cls == "known";
    finding_.add(id, position++, finding.id(), trouble.cls, known ? "not-the-series" : trouble.cls,
                 finding.test(), "test " + finding.test(), known ? "1" : "",
                 trouble.cls == "regression" ? 1 : 0, finding.summary(),
                 finding.SerializeAsString(), run.id, run.job);
    for (int cell = 0; cell < kCells; ++cell)
      if (trouble.bad[cell])
        occurrence_.add(id, seen++, finding.id(), run.first_session + cell, finding.test(),
                        kConfigs[config_of(cell)], "fail", trouble.test, known ? "1" : "");
  }
  write_known_hits(run);
}

void Rows::write_known_hits(const RunFacts& run) {
  const auto& all = nights_.troubles();
  const auto hits = std::count_if(all.begin(), all.end(),
                                  [](const Trouble& each) { return each.cls == "known"; });
  if (hits > 0) hit_.add(run.id, static_cast<int>(hits) * kCells, static_cast<int>(hits));
}

/// All but the newest `open` ones were looked at on their mornings: one decision a run.
void Rows::decide_old() {
  db_.exec(
      "CREATE TEMP TABLE waits AS SELECT verdict_id, position, run_id, name, subject FROM findings"
      " WHERE class IN ('regression', 'flaky', 'coverage-lost') ORDER BY run_id DESC, position");
  db_.exec(fmt::format("DELETE FROM waits WHERE rowid <= {}", size_.open));
  db_.exec(
      "INSERT INTO decisions (id, time_ms, who, action, reason, owner)"
      " SELECT r.id, r.finished_ms + 18000000, 'anna', 'dismiss', 'looked at', '' FROM runs r"
      " WHERE r.id IN (SELECT run_id FROM waits) ORDER BY r.id");
  db_.exec(
      "INSERT INTO decided_findings (run_id, subject, decision_id, finding)"
      " SELECT run_id, subject, run_id, name FROM waits");
  db_.exec(
      "UPDATE findings SET hidden_until_ms = 9223372036854775807"
      " WHERE (verdict_id, position) IN (SELECT verdict_id, position FROM waits)");
  db_.exec("DROP TABLE waits");
}

}  // namespace kiln::bench
