#pragma once
/// A lab for tests of the timetables: a real database, a clock that is moved by hand, and runs that
/// end when the test says so.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/nights/schedules.h"
#include "lib/db/run_table.h"
#include "lib/os/files.h"

namespace kiln::controller::testing {

class FakeLab {
 public:
  FakeLab() {
    folder_ = *os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-nights-");
    job = folder_ / "night.yaml";
    const os::Path list = folder_ / "few.testlist";
    EXPECT_TRUE(os::write_atomic(list, "igt@a@b\n"));
    EXPECT_TRUE(os::write_atomic(folder_ / "hm.yaml", "arch: i386\nfragments: []\n"));
    EXPECT_TRUE(os::write_atomic(job,
                                 "kiln: 1\nname: night\nconfig_dir: .\nconfigs: [hm]\n"
                                 "tests: [{name: gem, list: few.testlist}]\n"));
    database.emplace(*db::Database::open(folder_ / "kiln.db"));
    restart();
  }
  ~FakeLab() {
    keeper.reset();
    database.reset();
    (void)os::remove_tree(folder_);
  }
  FakeLab(const FakeLab&) = delete;
  FakeLab& operator=(const FakeLab&) = delete;

  /// The controller dies and another one is started.
  void restart() {
    schedules.reset();
    keeper.emplace(
        KeeperParts{clock, *database,
                    [this](const std::string& /*job_file*/, const std::stop_token& /*stop*/) {
                      clock.advance(std::exchange(slow_look, Millis(0)));
                      return print;
                    },
                    [this](const StartAsk& ask) { return start(ask); },
                    [this](int64_t run_id) -> Result<bool> { return running.contains(run_id); },
                    [this](const std::string& line) { log += line + "\n"; },
                    [this](const RunEnd& end) -> Result<std::string> {
                      ends.push_back(end);
                      if (end_error) return fail(*end_error);
                      return end_words;
                    }});
    schedules.emplace(SchedulesParts{clock, *database, &*keeper});
  }

  /// Queues a run, once for each key.
  Result<int64_t> start(const StartAsk& ask) {
    asks.push_back(ask);
    if (refusal && !starts_all_the_same) return fail(*refusal);
    if (const auto known = run_of.find(ask.key); known != run_of.end()) return known->second;
    db::RunRow row;
    row.job_digest = print ? print->job_digest : "";
    row.job_name = "night";
    row.job_file = ask.job_file;
    row.started = clock.now() + Millis(++made_);
    row.source_tree = print ? print->tree : "";
    const int64_t id = *db::RunTable(*database).create(row, {});
    run_of[ask.key] = id;
    running.insert(id);
    if (refusal) return fail(*refusal);  // it was started, and the answer is lost
    return id;
  }

  void end_run(int64_t id, const std::string& result = "no-regression",
               const std::string& state = "done") {
    running.erase(id);
    db::RunRow row = *db::RunTable(*database).get(id);
    row.state = state;
    row.finished = clock.now();
    db::VerdictRow verdict;
    verdict.result = result;
    verdict.headline = "headline of " + result;
    verdict.results_planned = verdict.results_got = 20;
    verdict.judged = clock.now();
    EXPECT_TRUE(db::RunTable(*database).finish(row, verdict));
  }

  v1::AddScheduleRequest nightly(const std::string& name = "drm-tip") const {
    v1::AddScheduleRequest request;
    request.set_who("ada@lab");
    request.mutable_schedule()->set_name(name);
    request.mutable_schedule()->set_cron("30 2 * * *");
    request.mutable_schedule()->set_zone("Europe/Helsinki");
    request.mutable_schedule()->set_job_file(job.string());
    return request;
  }
  void add(const v1::AddScheduleRequest& request) {
    const auto added = schedules->add(request);
    EXPECT_TRUE(added) << render(added.error());
  }

  /// Moves the clock to the next time at which Helsinki's shows that.
  void move_to(int hour, int minute = 0) {
    const auto zone = cron::Zone::find("Europe/Helsinki").value();
    const auto when = cron::parse(fmt::format("{} {} * * *", minute, hour)).value();
    clock.advance(*cron::next_after(when, zone, clock.now()) - clock.now());
  }
  void look_at(int hour, int minute = 0) {
    move_to(hour, minute);
    keeper->look();
  }

  /// "started 12: words", newest first.
  std::vector<std::string> history(const std::string& name = "drm-tip") {
    v1::ListFiringsRequest request;
    request.set_name(name);
    std::vector<std::string> out;
    const auto reply = schedules->firings(request);
    EXPECT_TRUE(reply) << render(reply.error());
    for (const v1::Firing& firing : reply->firings()) {
      std::string line = firing.state();
      if (firing.run_id() > 0) line += fmt::format(" {}", firing.run_id());
      out.push_back(firing.reason().empty() ? line : line + ": " + firing.reason());
    }
    return out;
  }

  FakeClock clock;
  std::optional<db::Database> database;
  std::optional<Keeper> keeper;
  std::optional<Schedules> schedules;
  os::Path job;
  Result<nights::Print> print = nights::Print{"tree-1", "job-1"};
  Millis slow_look{0};               ///< that the next look at a source takes
  std::optional<Error> refusal;      ///< of every start
  bool starts_all_the_same = false;  ///< but the run is there
  std::map<std::string, int64_t> run_of;
  std::set<int64_t> running;
  std::vector<StartAsk> asks;
  std::vector<RunEnd> ends;
  std::string end_words;           ///< what follows from a run's end
  std::optional<Error> end_error;  ///< or this comes of it
  std::string log;

 private:
  os::Path folder_;
  int made_ = 0;
};

}  // namespace kiln::controller::testing
