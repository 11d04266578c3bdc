#include "controller/nights/schedules.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "controller/nights/testing.h"
#include "controller/rpc/schedule_service.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

using ::testing::ElementsAre;
using testing::FakeLab;
using ::testing::HasSubstr;

class SchedulesTest : public ::testing::Test {
 protected:
  v1::ScheduleRequest named(const std::string& name = "drm-tip") {
    v1::ScheduleRequest request;
    request.set_name(name);
    return request;
  }
  v1::RunNowRequest now(const std::string& id = "") {
    v1::RunNowRequest request;
    request.set_name("drm-tip");
    request.set_who("ada@lab");
    request.set_request_id(id);
    return request;
  }
  /// The error of adding it.
  std::string refusal(const std::function<void(v1::AddScheduleRequest*)>& change) {
    v1::AddScheduleRequest request = lab_.nightly("other");
    change(&request);
    const auto added = lab_.schedules->add(request);
    EXPECT_FALSE(added);
    return added ? "" : render(added.error());
  }
  FakeLab lab_;
};

// The clock of these tests shows 2026-09-21T17:33:20+03:00 in Helsinki.
TEST_F(SchedulesTest, ListsTheNextTimesWithTheirOffsets) {
  lab_.clock.advance(std::chrono::hours(24 * 32));  // to the days before daylight saving ends
  lab_.add(lab_.nightly());
  const auto reply = lab_.schedules->list({});
  ASSERT_TRUE(reply) << render(reply.error());
  ASSERT_EQ(reply->schedules_size(), 1);
  const v1::Schedule& one = reply->schedules(0);
  EXPECT_THAT(one.next(), ElementsAre("2026-10-24T02:30:00+03:00", "2026-10-25T02:30:00+03:00",
                                      "2026-10-26T02:30:00+02:00", "2026-10-27T02:30:00+02:00",
                                      "2026-10-28T02:30:00+02:00"));
  EXPECT_EQ(one.missed(), "run-once");
  EXPECT_EQ(one.overlap(), "skip");
  EXPECT_EQ(one.unchanged(), "skip");
  EXPECT_EQ(one.max_late_seconds(), 6 * 3600);
  EXPECT_EQ(one.added_by(), "ada@lab");
  EXPECT_FALSE(one.has_last());
  lab_.look_at(2, 30);
  const v1::Schedule after = lab_.schedules->list({})->schedules(0);
  EXPECT_EQ(after.running(), 1);
  EXPECT_EQ(after.last().state(), "started");
  EXPECT_EQ(after.last().planned(), "2026-10-24T02:30:00+03:00");
}

TEST_F(SchedulesTest, RefusesWhatCannotWork) {
  using Request = v1::AddScheduleRequest*;
  EXPECT_EQ(refusal([](Request r) { r->mutable_schedule()->set_cron("30 25 * * *"); }),
            "error: hour `25` does not exist\n --> cron expression:1:4\n1 | 30 25 * * *\n"
            "  |    ^^ expected 0-23");
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_zone("Europe/Helsinky"); }),
              HasSubstr("did you mean `Europe/Helsinki`?"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_missed("later"); }),
              HasSubstr("expected run-once or skip"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_overlap("kill"); }),
              HasSubstr("expected skip or queue"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_unchanged("?"); }),
              HasSubstr("expected skip or run"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_jitter_seconds(1e300); }),
              HasSubstr("jitter is out of range"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_max_late_seconds(-1); }),
              HasSubstr("max late is out of range"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_job_file("night.yaml"); }),
              HasSubstr("whole path"));
  EXPECT_THAT(refusal([](Request r) { r->mutable_schedule()->set_job_file("/no/such.yaml"); }),
              HasSubstr("/no/such.yaml"));
  EXPECT_THAT(refusal([](Request r) { r->clear_who(); }), HasSubstr("says who"));
  for (const std::string& name : {std::string(), std::string("../x"), std::string("Night"),
                                  std::string("a b"), std::string(65, 'a'), std::string("\x1b[2J")})
    EXPECT_THAT(refusal([&](Request r) { r->mutable_schedule()->set_name(name); }),
                HasSubstr("is no name of a schedule"));
}

TEST_F(SchedulesTest, TheSameAgainIsTheSameAndAnotherIsRefused) {
  lab_.add(lab_.nightly());
  lab_.add(lab_.nightly());
  EXPECT_EQ(lab_.schedules->list({})->schedules_size(), 1);
  v1::AddScheduleRequest other = lab_.nightly();
  other.mutable_schedule()->set_cron("@daily");
  EXPECT_EQ(lab_.schedules->add(other).error().kind, ErrorKind::kConflict);
}

TEST_F(SchedulesTest, APausedOneHasNoNextTime) {
  lab_.add(lab_.nightly());
  const auto paused = lab_.schedules->pause(named());
  ASSERT_TRUE(paused) << render(paused.error());
  EXPECT_TRUE(paused->has_paused());
  EXPECT_EQ(paused->next_size(), 0);
  lab_.look_at(2, 30);
  EXPECT_TRUE(lab_.asks.empty());
  EXPECT_EQ(lab_.schedules->resume(named())->next_size(), 5);
  lab_.look_at(4);
  EXPECT_TRUE(lab_.history().empty());  // what was planned meanwhile is not made up for
  EXPECT_EQ(lab_.schedules->pause(named("other")).error().kind, ErrorKind::kNotFound);
}

TEST_F(SchedulesTest, RunNowStartsOneRunForEachRequest) {
  lab_.add(lab_.nightly());
  lab_.keeper->start();
  const auto first = lab_.schedules->run_now(now("r1"));
  ASSERT_TRUE(first) << render(first.error());
  EXPECT_EQ(first->state(), "started");
  EXPECT_EQ(first->run_id(), 1);
  EXPECT_TRUE(first->by_hand());
  EXPECT_EQ(lab_.schedules->run_now(now("r1"))->run_id(), 1);
  const auto second = lab_.schedules->run_now(now("r2"));
  ASSERT_FALSE(second);
  EXPECT_EQ(render(second.error()), "error: `drm-tip` was not started: run 1 is under way");
  lab_.end_run(1);
  EXPECT_EQ(lab_.schedules->run_now(now("r3"))->run_id(), 2);  // although nothing changed
  EXPECT_EQ(lab_.schedules->run_now(now("../r")).error().kind, ErrorKind::kBadInput);
  lab_.keeper->stop();
  EXPECT_EQ(lab_.history()[0], "started 2: asked for by ada@lab");
}

TEST_F(SchedulesTest, WhatAPersonAskedForTakesNoNightsPlace) {
  v1::AddScheduleRequest request = lab_.nightly();
  request.mutable_schedule()->set_jitter_seconds(3600);
  lab_.add(request);
  lab_.look_at(2, 31);  // planned, and not due yet
  ASSERT_TRUE(lab_.asks.empty());
  lab_.keeper->start();
  ASSERT_TRUE(lab_.schedules->run_now(now()));
  lab_.keeper->stop();
  lab_.end_run(1);
  lab_.print->tree = "tree-2";
  lab_.look_at(2, 53);
  EXPECT_EQ(lab_.history()[1], "started 2") << lab_.history()[0];
}

TEST_F(SchedulesTest, AControllerThatStartsNoRunsSaysSo) {
  lab_.add(lab_.nightly());
  Schedules reader(SchedulesParts{lab_.clock, *lab_.database, nullptr});
  EXPECT_EQ(reader.run_now(now()).error().kind, ErrorKind::kPermission);
  EXPECT_EQ(reader.list({})->schedules_size(), 1);
}

TEST_F(SchedulesTest, HistoryTellsWhatRunsConcluded) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  lab_.end_run(1, "regression");
  lab_.look_at(5);
  v1::ListFiringsRequest ask;
  ask.set_name("drm-tip");
  const auto reply = lab_.schedules->firings(ask);
  ASSERT_EQ(reply->firings_size(), 1);
  EXPECT_EQ(reply->firings(0).result(), "regression");
  EXPECT_EQ(reply->firings(0).headline(), "headline of regression");
  EXPECT_EQ(reply->firings(0).count(), 1);
  ask.set_name("other");
  EXPECT_EQ(lab_.schedules->firings(ask).error().kind, ErrorKind::kNotFound);
}

TEST_F(SchedulesTest, TheServiceCarriesAnswersAndErrors) {
  ScheduleService service(*lab_.schedules,
                          [](const grpc::ServerContextBase&) { return std::string("eve"); });
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  ASSERT_TRUE(server);
  const auto stub = v1::Schedules::NewStub(server->InProcessChannel({}));
  const auto call = [&](auto method, const auto& request, auto* reply) {
    grpc::ClientContext context;
    rpc::set_deadline(context, std::chrono::seconds(30));
    const grpc::Status status = (stub.get()->*method)(&context, request, reply);
    return status.ok() ? std::string() : render(rpc::from_grpc(status, "asking"));
  };
  using Stub = v1::Schedules::Stub;
  v1::Schedule schedule;
  v1::AddScheduleRequest add = lab_.nightly();
  EXPECT_EQ(call(&Stub::AddSchedule, add, &schedule), "");
  EXPECT_EQ(schedule.next_size(), 5);
  EXPECT_EQ(schedule.added_by(), "eve");  // whatever the request says
  add.mutable_schedule()->set_cron("nightly");
  EXPECT_THAT(call(&Stub::AddSchedule, add, &schedule), HasSubstr("1 | nightly\n"));
  v1::ListSchedulesReply list;
  EXPECT_EQ(call(&Stub::ListSchedules, v1::ListSchedulesRequest(), &list), "");
  EXPECT_EQ(list.schedules_size(), 1);
  EXPECT_EQ(call(&Stub::PauseSchedule, named(), &schedule), "");
  EXPECT_EQ(call(&Stub::ResumeSchedule, named(), &schedule), "");
  lab_.look_at(2, 30);
  v1::ListFiringsRequest ask;
  ask.set_name("drm-tip");
  v1::ListFiringsReply firings;
  EXPECT_EQ(call(&Stub::ListFirings, ask, &firings), "");
  EXPECT_EQ(firings.firings_size(), 1);
  EXPECT_EQ(call(&Stub::RemoveSchedule, named(), &schedule), "");
  v1::Firing firing;
  EXPECT_THAT(call(&Stub::RunNow, now(), &firing), HasSubstr("there is no schedule `drm-tip`"));
  server->Shutdown();
}

}  // namespace
}  // namespace kiln::controller
