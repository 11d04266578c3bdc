#include "controller/app/logs.h"

#include <gmock/gmock.h>

#include "controller/results/testing.h"
#include "lib/db/run_table.h"

namespace kiln::controller {
namespace {

using results::testing::SampleRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LogsTest : public ::testing::Test {
 protected:
  LogsTest() {
    job::PlannedSession planned;
    planned.key = "functional/patched/hm/another";
    planned.purpose = "functional";
    SampleRun sample;
    sample.judged = false;
    run_ = runs_.add(sample);
    going_on_ = *runs_.store->open_session(run_, planned, 1, {"qemu-1", true, 0, {}});
  }
  Result<v1::ReadLogReply> read(int64_t first = 0, int lines = 0,
                                const std::string& what = "console") {
    v1::ReadLogRequest request;
    request.set_run_id(run_);
    request.set_session_id(going_on_);
    request.set_what(what);
    request.set_first_line(first);
    request.set_lines(lines);
    return logs_.read_log(request, [] { return false; });
  }

  results::testing::StoredRuns runs_;
  results::ConsoleTails consoles_;
  Logs logs_{LogsParts{*runs_.database, *runs_.store, *runs_.blobs, consoles_}};
  int64_t run_ = 0;
  int64_t going_on_ = 0;
};

TEST_F(LogsTest, TheConsoleOfASessionThatGoesOnGrows) {
  EXPECT_EQ(read()->total_lines(), 0);
  EXPECT_TRUE(read()->growing());
  for (const char* line : {"Linux version", "BUG: one", "login:"}) consoles_.add(going_on_, line);
  const auto end = read(0, 2);
  EXPECT_EQ(end->first_line(), 2);
  EXPECT_THAT(end->lines(), ElementsAre("BUG: one", "login:"));
  EXPECT_EQ(end->total_lines(), 3);
  EXPECT_EQ(end->oldest_line(), 1);
  // What came since the last look; nothing.
  EXPECT_THAT(read(3)->lines(), ElementsAre("login:"));
  EXPECT_EQ(read(4)->lines_size(), 0);

  v1::SearchLogRequest search;
  search.set_session_id(going_on_);
  search.set_what("console");
  search.set_text("BUG");
  const auto hits = logs_.search_log(search, [] { return false; });
  ASSERT_EQ(hits->hits_size(), 1);
  EXPECT_EQ(hits->hits(0).line(), 2);
}

TEST_F(LogsTest, OtherLogsComeWhenItHasEnded) {
  const auto dmesg = read(0, 0, "dmesg");
  ASSERT_FALSE(dmesg);
  EXPECT_EQ(dmesg.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(render(dmesg.error()), HasSubstr("its console can be read"));
}

TEST_F(LogsTest, WhatAnInterruptedRunLeftOpenNeverSpeaks) {
  ASSERT_TRUE(db::RunTable(*runs_.database).set_state(run_, "interrupted", 1));
  const auto reply = read();
  ASSERT_FALSE(reply);
  EXPECT_THAT(render(reply.error()), HasSubstr("was interrupted"));
}

TEST_F(LogsTest, TheWholeOfAnEndedOneIsReadFromTheStore) {
  consoles_.add(going_on_, "Linux version");
  v1::Session session;
  session.set_id(going_on_);
  session.set_ending("tested");
  (*session.mutable_artifacts())["console"] = *runs_.blobs->put("before\nLinux version\nlogin:");
  ASSERT_TRUE(runs_.store->finish_session(run_, session));
  const auto all = read(1);
  ASSERT_TRUE(all) << render(all.error());
  EXPECT_FALSE(all->growing());
  EXPECT_THAT(all->lines(), ElementsAre("before", "Linux version", "login:"));
  EXPECT_EQ(all->total_bytes(), 27);
  const auto part = read(2, 1);
  EXPECT_THAT(part->lines(), ElementsAre("Linux version"));
  EXPECT_EQ(part->total_lines(), 3);
}

TEST_F(LogsTest, NobodyWaitsAnyMore) {
  v1::Session session;
  session.set_id(going_on_);
  (*session.mutable_artifacts())["console"] = *runs_.blobs->put("one\n");
  ASSERT_TRUE(runs_.store->finish_session(run_, session));
  v1::ReadLogRequest request;
  request.set_session_id(going_on_);
  request.set_what("console");
  EXPECT_EQ(logs_.read_log(request, [] { return true; }).error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace kiln::controller
