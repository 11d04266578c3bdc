#include <gmock/gmock.h>

#include <limits>

#include "lib/db/retention_table.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(DbTest, ARunIsStoredWithItsCells) {
  RunTable runs(*database_);
  const int64_t id = make_run();
  open();
  const auto run = RunTable(*database_).get(id);
  ASSERT_TRUE(run) << render(run.error());
  const RunRow wanted = sample_run();
  EXPECT_EQ(run->job_digest, wanted.job_digest);
  EXPECT_EQ(run->job_name, wanted.job_name);
  EXPECT_EQ(run->title, wanted.title);
  EXPECT_EQ(run->job_file, wanted.job_file);
  EXPECT_EQ(run->state, "running");
  EXPECT_EQ(run->started, wanted.started);
  EXPECT_EQ(run->finished, std::nullopt);
  EXPECT_EQ(run->source, wanted.source);
  EXPECT_EQ(run->source_tree, wanted.source_tree);
  EXPECT_EQ(run->kiln_version, wanted.kiln_version);
  EXPECT_EQ(run->toolchain, wanted.toolchain);
  EXPECT_EQ(run->machine, wanted.machine);
  EXPECT_EQ(run->igt_version, wanted.igt_version);
  EXPECT_EQ(run->seed, wanted.seed);
  EXPECT_EQ(*runs.cells(id), sample_cells());
}

TEST_F(DbTest, CreatingARunTwiceIsOneRun) {
  EXPECT_EQ(make_run(), make_run());
  RunTable runs(*database_);
  EXPECT_EQ(runs.list(10)->size(), 1U);
  RunRow later = sample_run();
  later.started = at(5);
  ASSERT_TRUE(runs.create(later, {}));
  EXPECT_EQ(runs.list(10)->size(), 2U);
}

TEST_F(DbTest, AnUnfinishedRunIsFoundByItsDigest) {
  RunTable runs(*database_);
  const int64_t id = make_run();
  const std::string digest = sample_run().job_digest;
  EXPECT_EQ((*runs.find_unfinished(digest))->id, id);
  EXPECT_EQ(*runs.find_unfinished("other"), std::nullopt);
  EXPECT_EQ(*runs.interrupt_abandoned(), 1);
  EXPECT_EQ(runs.get(id)->state, "interrupted");
  EXPECT_EQ((*runs.find_unfinished(digest))->id, id);
  ASSERT_TRUE(runs.set_state(id, "running", 12.5));
  EXPECT_EQ(runs.get(id)->state, "running");
  EXPECT_EQ(runs.get(id)->elapsed_seconds, 12.5);
  RunRow end = *runs.get(id);
  end.finished = at(100);
  end.state = "failed";  // the disk was full, say: it can go on, too
  ASSERT_TRUE(runs.finish(end, {}));
  EXPECT_EQ((*runs.find_unfinished(digest))->id, id);
  ASSERT_TRUE(runs.set_state(id, "running", 13));
  end.state = "done";
  ASSERT_TRUE(runs.finish(end, {}));
  EXPECT_EQ(*runs.find_unfinished(digest), std::nullopt);
  ASSERT_TRUE(runs.set_state(id, "running", 1));  // too late: it stays done
  EXPECT_EQ(runs.get(id)->state, "done");
}

TEST_F(DbTest, UnknownRunsAreNamed) {
  RunTable runs(*database_);
  EXPECT_EQ(render(runs.get(12).error()), "error: run 12 does not exist");
  EXPECT_EQ(runs.set_state(12, "running", 0).error().kind, ErrorKind::kNotFound);
  RunRow none;
  none.id = 12;
  EXPECT_EQ(runs.update(none).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(runs.finish(none, {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(DbTest, AVerdictCanBeReplacedAndIsListedWithoutItsReport) {
  RunTable runs(*database_);
  RunRow run = sample_run();
  run.id = make_run();
  run.state = "done";
  run.finished = at(200);
  VerdictRow verdict;
  verdict.result = "regression";
  verdict.exit_code = 1;
  verdict.headline = "1 regression";
  verdict.regressions = 1;
  verdict.lost = 2;
  verdict.judged = at(200);
  verdict.report = std::string("\0proto\xff", 7);
  ASSERT_TRUE(runs.finish(run, verdict));
  EXPECT_EQ((*VerdictTable(*database_).newest(run.id))->report, verdict.report);
  verdict.result = "no-regression";
  ASSERT_TRUE(runs.finish(run, verdict));
  const auto list = runs.list(5);
  ASSERT_EQ(list->size(), 1U);
  ASSERT_TRUE((*list)[0].verdict);
  EXPECT_EQ((*list)[0].verdict->result, "no-regression");
  EXPECT_EQ((*list)[0].verdict->lost, 2);
  EXPECT_EQ((*list)[0].verdict->report, "");
  EXPECT_EQ((*list)[0].run.finished, at(200));
  EXPECT_FALSE(VerdictTable(*database_).newest(99)->has_value());
}

TEST_F(DbTest, AMachinesGoodBootsAreTheBaselinesThatRanAllTests) {
  SessionTable sessions(*database_);
  const int64_t run = make_run();
  const auto boot = [&](const std::string& key, const auto& change,
                        const std::string& machine = "qemu-1") {
    StoredSession session = sample_session(run, key);
    session.variant = "baseline";
    session.machine = machine;
    session.id = *sessions.open(session);
    session = sample_end(session);
    session.ending = "tested";
    session.restarts = 0;
    change(session);
    EXPECT_TRUE(sessions.finish(session));
    return session.id;
  };
  const int64_t old = boot("a", [](StoredSession&) {});
  boot("b", [](StoredSession& s) { s.restarts = 1; });
  boot("c", [](StoredSession& s) { s.ending = "infrastructure"; });
  boot("d", [](StoredSession& s) { s.identity.proved = false; });
  boot(
      "e", [](StoredSession&) {}, "qemu-2");
  const int64_t good = boot("f", [](StoredSession&) {});
  EXPECT_THAT(*sessions.good_boots("qemu-1", 5), testing::ElementsAre(good, old));
  EXPECT_THAT(*sessions.good_boots("qemu-1", 1), testing::ElementsAre(good));
  EXPECT_THAT(*sessions.good_boots("qemu-9", 5), testing::IsEmpty());
}

TEST_F(DbTest, TheNewestRunIsNoCheckOfAMachine) {
  RunTable runs(*database_);
  EXPECT_EQ(*runs.newest(), 0);
  const int64_t asked = make_run();
  RunRow check = sample_run();
  check.started = at(500);
  check.checks_machine = "qemu-1";
  const auto id = runs.create(check, {});
  ASSERT_TRUE(id);
  EXPECT_EQ(runs.get(*id)->checks_machine, "qemu-1");
  EXPECT_EQ(*runs.newest(), asked);
}

TEST_F(DbTest, ABuildIsFoundByItsKey) {
  BuildTable builds(*database_);
  const kernel::BuildRecord build = sample_build("k1");
  ASSERT_TRUE(builds.record(build, at(1)));
  ASSERT_TRUE(builds.record(build, at(2)));
  const auto found = builds.find("k1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->release, build.release);
  EXPECT_EQ((*found)->module_build_ids, build.module_build_ids);
  EXPECT_EQ((*found)->warnings, build.warnings);
  EXPECT_EQ((*found)->image_digest, build.image_digest);
  EXPECT_EQ((*found)->coverage_digest, build.coverage_digest);
  EXPECT_EQ((*found)->elapsed, build.elapsed);
  EXPECT_TRUE((*found)->incremental);
  EXPECT_EQ(*builds.find("k9"), std::nullopt);
}

TEST_F(DbTest, AFailedBuildNeverReplacesABuiltOne) {
  BuildTable builds(*database_);
  kernel::BuildRecord failed = sample_build("k1");
  failed.state = "failed";
  failed.error = "a.c:1: boom";
  ASSERT_TRUE(builds.record(failed, at(1)));
  EXPECT_EQ((*builds.find("k1"))->error, "a.c:1: boom");
  ASSERT_TRUE(builds.record(sample_build("k1"), at(2)));
  EXPECT_EQ((*builds.find("k1"))->state, "built");
  ASSERT_TRUE(builds.record(failed, at(3)));
  EXPECT_EQ((*builds.find("k1"))->state, "built");
}

TEST_F(DbTest, ARunsBuildsComeInTheOrderOfItsCells) {
  const int64_t run = make_run();
  BuildTable builds(*database_);
  ASSERT_TRUE(
      builds.record_for_run(run, {"prefix-1", "i386-highmem", false, sample_build("k3")}, at(1)));
  ASSERT_TRUE(
      builds.record_for_run(run, {"patched", "i386-highmem", false, sample_build("k2")}, at(1)));
  ASSERT_TRUE(
      builds.record_for_run(run, {"baseline", "i386-highmem", false, sample_build("k1")}, at(1)));
  // The run goes on and finds its own build: it still counts as built by it.
  ASSERT_TRUE(builds.link(run, "baseline", "i386-highmem", "k1", true));
  const auto rows = builds.of_run(run);
  ASSERT_TRUE(rows) << render(rows.error());
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].variant, "baseline");
  EXPECT_FALSE((*rows)[0].from_cache);
  EXPECT_EQ((*rows)[0].record.key, "k1");
  EXPECT_EQ((*rows)[1].variant, "patched");
  EXPECT_EQ((*rows)[2].variant, "prefix-1");
  EXPECT_FALSE(builds.link(run, "x", "y", "no-such-key", true));
  EXPECT_FALSE(builds.link(77, "x", "y", "k1", true));
}

TEST_F(DbTest, ASessionIsStoredWhole) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "functional/patched/i386-highmem/0");
  s.id = *sessions.open(s);
  EXPECT_EQ(*sessions.open(s), s.id);
  auto running = sessions.get(s.id);
  ASSERT_TRUE(running) << render(running.error());
  EXPECT_EQ(running->state, "running");
  EXPECT_THAT(running->only_tests, ElementsAre("igt@gem_pread@basic", "igt@gem_pwrite@basic"));
  EXPECT_THAT(*sessions.for_verdict(run), IsEmpty());

  const StoredSession end = sample_end(s);
  ASSERT_TRUE(sessions.finish(end));
  open();
  const auto rows = SessionTable(*database_).of_run(run);
  ASSERT_TRUE(rows) << render(rows.error());
  ASSERT_EQ(rows->size(), 1U);
  const StoredSession& got = (*rows)[0];
  EXPECT_EQ(got.state, "done");
  EXPECT_EQ(got.key, end.key);
  EXPECT_EQ(got.pair, 3);
  EXPECT_TRUE(got.patched_first);
  EXPECT_EQ(got.ending, "test-failed");
  EXPECT_EQ(got.error_class, "CRASH");
  EXPECT_EQ(got.elapsed_seconds, 88.5);
  EXPECT_EQ(got.restarts, 1);
  EXPECT_EQ(got.identity.module_build_ids, end.identity.module_build_ids);
  EXPECT_EQ(got.identity.high_total_kib, 1'200'000);
  EXPECT_EQ(got.identity.mem_total_kib, 2'000'000);
  EXPECT_EQ(got.identity.disk_free_kib, 500);
  EXPECT_EQ(got.identity.taint, 512);
  EXPECT_EQ(got.identity.clock_offset_seconds, -0.25);
  EXPECT_EQ(got.identity.cmdline, "console=ttyS0");
  EXPECT_TRUE(got.identity.proved);
  EXPECT_EQ(got.conditions, end.conditions);
  EXPECT_EQ(got.artifacts, end.artifacts);
  ASSERT_EQ(got.phases.size(), 2U);
  EXPECT_EQ(got.phases[1].name, "testing");
  ASSERT_EQ(got.results.size(), 2U);
  EXPECT_EQ(got.results[1].test, "igt@t@1");
  EXPECT_EQ(got.results[1].outcome, "fail");
  EXPECT_EQ(got.results[1].kernel_words, end.results[1].kernel_words);
  ASSERT_EQ(got.measurements.size(), 1U);
  EXPECT_EQ(got.measurements[0].value, 4096);
  ASSERT_EQ(got.kernel.size(), 1U);
  EXPECT_EQ(got.kernel[0].text, "text \x80");
  EXPECT_EQ(got.kernel[0].subsystem, "i915");
  EXPECT_EQ(got.kernel[0].frames, end.kernel[0].frames);
  EXPECT_TRUE(got.kernel[0].late);
  EXPECT_EQ(got.kernel[0].times, 3);
}

TEST_F(DbTest, ADecodedReportReplacesItsFrames) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  ASSERT_TRUE(sessions.finish(sample_end(s, 2)));
  const std::vector<dmesg::Frame> decoded = {
      {"shmem_pread", "i915", "drivers/gpu/drm/i915/i915_gem.c", 233, false}};
  KernelReportTable reports(*database_);
  for (int again = 0; again < 2; ++again) EXPECT_TRUE(reports.set_decoded(s.id, 0, decoded, "drm"));
  open();
  const StoredSession got = *SessionTable(*database_).get(s.id);
  EXPECT_EQ(got.kernel[0].frames, decoded);
  EXPECT_EQ(got.kernel[0].subsystem, "drm");
  EXPECT_EQ(render(KernelReportTable(*database_).set_decoded(s.id, 9, decoded, "drm").error()),
            "error: session " + std::to_string(s.id) + " has no kernel report 9");
}

TEST_F(DbTest, OldReportsAreThoseOfEarlierRunsWithoutASeries) {
  SessionTable sessions(*database_);
  const auto boot = [&](int64_t run, const std::string& variant, const std::string& key) {
    StoredSession s = sample_session(run, key);
    s.variant = variant;
    s.id = *sessions.open(s);
    StoredSession end = sample_end(s, 1);
    end.kernel[0].signature = "oops: shmem_pread";
    end.kernel.push_back(end.kernel[0]);  // twice in one boot is one boot
    EXPECT_TRUE(sessions.finish(end));
    return s.machine;
  };
  const int64_t before = make_run();
  const std::string machine = boot(before, "baseline", "a");
  boot(before, "patched", "b");
  RunRow later = sample_run();
  later.job_digest = "later";
  const int64_t now = *RunTable(*database_).create(later, {});
  boot(now, "baseline", "c");
  const KernelReportTable reports(*database_);
  EXPECT_EQ(*reports.boots_before(now, machine, "oops: shmem_pread"), 1);
  EXPECT_EQ(*reports.boots_before(before, machine, "oops: shmem_pread"), 0);
  EXPECT_EQ(*reports.boots_before(now, "another", "oops: shmem_pread"), 0);
  EXPECT_EQ(*reports.boots_before(now, machine, "oops: other"), 0);
}

TEST_F(DbTest, TheSecondEndOfASessionChangesNothing) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  ASSERT_TRUE(sessions.finish(sample_end(s, 3)));
  StoredSession again = sample_end(s, 7);
  again.ending = "cancelled";
  ASSERT_TRUE(sessions.finish(again));
  const auto got = sessions.get(s.id);
  EXPECT_EQ(got->results.size(), 3U);
  EXPECT_EQ(got->ending, "test-failed");
}

TEST_F(DbTest, AttemptsAreSessionsOfTheirOwn) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  const int64_t first = *sessions.open(sample_session(run, "a", 1));
  const int64_t second = *sessions.open(sample_session(run, "a", 2));
  EXPECT_NE(first, second);
  EXPECT_EQ(sessions.of_run(run)->size(), 2U);
}

TEST_F(DbTest, ASessionThatIsStoredHalfIsNotStored) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  StoredSession end = sample_end(s);
  end.results.push_back(end.results[0]);
  end.id = 4711;
  EXPECT_EQ(render(sessions.finish(end).error()), "error: session 4711 does not exist");
  EXPECT_EQ(sessions.get(s.id)->state, "running");
  EXPECT_THAT(sessions.get(s.id)->results, IsEmpty());
  EXPECT_FALSE(sessions.open(sample_session(99, "a")));  // no such run
}

TEST_F(DbTest, NumbersThatAreNone) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  StoredSession end = sample_end(s);
  end.measurements[0].value = std::numeric_limits<double>::quiet_NaN();
  end.measurements.push_back({"b", "m", std::numeric_limits<double>::infinity(), "x"});
  end.results[0].seconds = std::numeric_limits<double>::quiet_NaN();
  end.elapsed_seconds = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(sessions.finish(end));
  const auto got = sessions.get(s.id);
  EXPECT_TRUE(std::isnan(got->measurements[0].value));
  EXPECT_TRUE(std::isinf(got->measurements[1].value));
  EXPECT_EQ(got->results[0].seconds, 0);
}

TEST_F(DbTest, TheVerdictGetsTheFinishedSessions) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  ASSERT_TRUE(sessions.finish(sample_end(s)));
  ASSERT_TRUE(sessions.open(sample_session(run, "b")));
  const auto rows = sessions.for_verdict(run);
  ASSERT_EQ(rows->size(), 1U);
  const verdict::SessionRow& row = (*rows)[0];
  EXPECT_EQ(row.id, s.id);
  EXPECT_EQ(row.purpose, "functional");
  EXPECT_EQ(row.variant, "patched");
  EXPECT_EQ(row.pair, 3);
  EXPECT_TRUE(row.patched_first);
  EXPECT_TRUE(row.emulated);
  EXPECT_EQ(row.results.size(), 2U);
  EXPECT_EQ(row.kernel.size(), 1U);
}

TEST_F(DbTest, AMachinesSettingsAreThoseOfItsEarlierBaselines) {
  SessionTable sessions(*database_);
  const auto boot = [&](int64_t run, const char* key, const char* variant, const char* governor,
                        const char* machine = "qemu-1") {
    StoredSession s = sample_session(run, key);
    s.variant = variant;
    s.machine = machine;
    s.id = *sessions.open(s);
    StoredSession end = sample_end(s);
    end.conditions = {{governor, "", "tsc"}, {}, {}, {}, {}};
    if (*governor == '\0') end.conditions = {};
    ASSERT_TRUE(sessions.finish(end));
  };
  const int64_t old = make_run();
  boot(old, "a", "baseline", "powersave");
  boot(old, "b", "patched", "ondemand");
  boot(old, "c", "baseline", "performance");
  boot(old, "d", "baseline", "");
  boot(old, "e", "baseline", "userspace", "qemu-2");
  RunRow next = sample_run();
  next.started = at(5);
  const int64_t now = RunTable(*database_).create(next, sample_cells()).value();
  boot(now, "a", "baseline", "schedutil");
  const auto got = sessions.settings_before(now, "qemu-1");
  ASSERT_TRUE(got) << render(got.error());
  EXPECT_THAT(*got, ElementsAre(hygiene::Settings{"powersave", "", "tsc"},
                                hygiene::Settings{"performance", "", "tsc"}));
  EXPECT_EQ(sessions.for_verdict(now)->at(0).conditions.settings.governor, "schedutil");
}

TEST_F(DbTest, CanariesOfEarlierRunsComeOldestFirst) {
  SessionTable sessions(*database_);
  std::vector<int64_t> runs;
  const auto boot = [&](const std::string& key, const std::string& purpose,
                        const std::string& machine, const std::string& ending, double value) {
    StoredSession s = sample_session(runs.back(), key);
    s.purpose = purpose;
    s.variant = "baseline";
    s.pair = 1;
    s.machine = machine;
    s.emulated = runs.size() == 1;
    s.id = *sessions.open(s);
    StoredSession end = sample_end(s);
    end.ending = ending;
    end.measurements = {{"b", "ns", value, "ns"}, {"b", "other", 7, "ns"}};
    ASSERT_TRUE(sessions.finish(end));
  };
  for (int i = 0; i < 3; ++i) {
    RunRow run = sample_run();
    run.started = at(i);
    runs.push_back(RunTable(*database_).create(run, sample_cells()).value());
    boot("1", "canary", "qemu-1", "tested", 10 * i + 1);
    boot("2", "canary", "qemu-1", "tested", 10 * i + 2);
    boot("3", "canary", "qemu-2", "tested", 100);
    boot("4", "performance", "qemu-1", "tested", 100);
    boot("5", "canary", "qemu-1", "infrastructure", 100);
  }
  verdict::CanaryHistory history{"ns", {}};
  ASSERT_TRUE(sessions.look_up_canaries(runs.back(), "qemu-1", &history));
  std::vector<double> values;
  for (const verdict::CanaryBoot& one : history.boots) values.push_back(one.value);
  EXPECT_THAT(values, ElementsAre(1, 2, 11, 12)) << "not those of the run itself";
  EXPECT_EQ(history.boots.front().run_id, runs.front());
  EXPECT_EQ(history.boots.front().pair, 1);
  EXPECT_EQ(history.boots.front().conditions, hygiene::Conditions()) << "emulated";
  EXPECT_EQ(history.boots.back().conditions.settings.clocksource, "tsc");
}

TEST_F(DbTest, EventsAreNumberedOnce) {
  const int64_t run = make_run();
  EventTable events(*database_);
  EventRow event;
  event.kind = "phase";
  event.text = "building";
  event.time = at(3);
  EXPECT_EQ(*events.append(run, event), 1);
  EXPECT_EQ(*events.append(run, event), 2);
  event.seq = 7;
  EXPECT_EQ(*events.append(run, event), 7);
  event.text = "something else";
  EXPECT_EQ(*events.append(run, event), 7);
  event.seq = 0;
  EXPECT_EQ(*events.append(run, event), 8);
  EXPECT_EQ(*events.last_seq(run), 8);
  const auto from = events.from(run, 2, 2);
  ASSERT_EQ(from->size(), 2U);
  EXPECT_EQ((*from)[0].seq, 2);
  EXPECT_EQ((*from)[1].seq, 7);
  EXPECT_EQ((*from)[1].text, "building");
  EXPECT_EQ((*from)[1].time, at(3));
  EXPECT_EQ(*events.last_seq(99), 0);
  EXPECT_FALSE(events.append(99, event));
}

TEST_F(DbTest, DurationsKeepTheNewest) {
  DurationTable durations(*database_);
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(durations.add("build-full", "build " + std::to_string(i), i, at(i)));
  }
  ASSERT_TRUE(durations.add("build-full", "build 60", 1000, at(61)));  // counted already
  ASSERT_TRUE(durations.add("image", "image 1", 5, at(62)));
  ASSERT_TRUE(durations.add("image", "image 2", -5, at(62)));
  const auto history = durations.history();
  ASSERT_EQ(history->at("build-full").size(), 50U);
  EXPECT_EQ(history->at("build-full").front(), 11);
  EXPECT_EQ(history->at("build-full").back(), 60);
  EXPECT_THAT(history->at("image"), ElementsAre(5));
  const auto spread = durations.spread("build-full");
  ASSERT_TRUE(spread && *spread);
  EXPECT_EQ((*spread)->samples, 50U);
  EXPECT_DOUBLE_EQ((*spread)->median, 35.5);
  EXPECT_DOUBLE_EQ((*spread)->low, 15.9);
  EXPECT_DOUBLE_EQ((*spread)->high, 55.1);
  EXPECT_EQ(*durations.spread("none"), std::nullopt);
}

TEST_F(DbTest, LiveDigestsAreAllThatAreNamed) {
  const int64_t run = make_run();
  BuildTable builds(*database_);
  ASSERT_TRUE(builds.record(sample_build("k1"), at(1)));
  SessionTable sessions(*database_);
  StoredSession s = sample_session(run, "a");
  s.id = *sessions.open(s);
  ASSERT_TRUE(sessions.finish(sample_end(s)));
  std::string firsts;
  const auto live = RetentionTable(*database_).live_digests();
  for (const std::string& digest : *live) firsts += digest[0];
  EXPECT_EQ(firsts, "12345678");
}

}  // namespace
}  // namespace kiln::db
