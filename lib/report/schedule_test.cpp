#include "lib/report/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/report/report.h"

namespace kiln::report {
namespace {

v1::Schedule nightly() {
  v1::Schedule s;
  s.set_name("drm-tip");
  s.set_cron("30 2 * * *");
  s.set_zone("Europe/Helsinki");
  s.set_job_file("/jobs/night.yaml");
  s.set_missed("run-once");
  s.set_overlap("skip");
  s.set_unchanged("skip");
  s.set_max_late_seconds(6 * 3600);
  s.set_jitter_seconds(600);
  s.add_next("2026-11-29T02:37:12+02:00");
  s.add_next("2026-11-30T02:37:12+02:00");
  v1::Firing* last = s.mutable_last();
  last->set_planned("2026-11-28T02:30:00+02:00");
  last->set_state("ended");
  last->set_run_id(412);
  last->set_count(1);
  last->set_result("no-regression");
  last->set_headline("No series to judge: all 20 planned results arrived.");
  last->set_since_good(2);
  return s;
}

TEST(ScheduleText, TellsWhenWhatAndHowItWent) {
  v1::ListSchedulesReply reply;
  *reply.add_schedules() = nightly();
  EXPECT_EQ(schedules_to_text(reply),
            "drm-tip  30 2 * * * (Europe/Helsinki)\n"
            "   job   /jobs/night.yaml\n"
            "   rules a missed time runs once, up to 6 h 00 min late; skipped while\n"
            "         its run is under way; skipped when nothing changed; starts up\n"
            "         to 10 min 00 s later\n"
            "   next  2026-11-29T02:37:12+02:00\n"
            "         2026-11-30T02:37:12+02:00\n"
            "   last  2026-11-28T02:30:00+02:00 ended    run 412; no-regression: No\n"
            "         series to judge: all 20 planned results arrived.; 2 tests worse\n"
            "         than in the last good night\n");
  EXPECT_EQ(schedules_to_text({}), "no schedules (kiln schedule add --help has examples)\n");
}

TEST(ScheduleText, SaysWhyNothingIsNext) {
  v1::Schedule paused = nightly();
  paused.clear_next();
  paused.mutable_paused()->set_seconds(1'795'000'000);
  EXPECT_THAT(schedule_to_text(paused), testing::HasSubstr("   paused since 2026-11-18 "));
  v1::Schedule lost = nightly();
  lost.set_problem("there is no time zone `Mars/Olympus`");
  EXPECT_THAT(schedule_to_text(lost),
              testing::HasSubstr("   cannot start: there is no time zone `Mars/Olympus`\n"));
}

TEST(ScheduleText, AHistoryIsALineAPlannedTime) {
  v1::ListFiringsReply reply;
  *reply.add_firings() = nightly().last();
  reply.mutable_firings(0)->clear_since_good();
  v1::Firing* missed = reply.add_firings();
  missed->set_planned("2026-11-27T00:30:00Z");
  missed->set_state("missed");
  missed->set_count(3);
  missed->set_reason("nobody was \x1b[2J there");
  EXPECT_EQ(firings_to_text(reply),
            "2026-11-28T02:30:00+02:00 ended    run 412; no-regression: No series to\n"
            "         judge: all 20 planned results arrived.\n"
            "2026-11-27T00:30:00Z      missed   3 times up to this one; nobody was\n"
            "         [2J there\n");
  EXPECT_EQ(firings_to_text({}), "nothing was due yet\n");
  v1::Firing started;
  started.set_state("started");
  started.set_run_id(7);
  EXPECT_EQ(firing_to_text(started), "started run 7\n");
}

TEST(ScheduleText, JsonIsTheMessage) {
  const auto json = message_to_json(nightly());
  ASSERT_TRUE(json) << render(json.error());
  EXPECT_THAT(*json, testing::HasSubstr("\"jitter_seconds\": 600"));
  EXPECT_THAT(*json, testing::HasSubstr("\"2026-11-29T02:37:12+02:00\""));
}

}  // namespace
}  // namespace kiln::report
