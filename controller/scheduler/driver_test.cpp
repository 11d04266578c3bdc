#include "controller/scheduler/driver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "controller/fleet/testing.h"

namespace kiln::scheduler {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Keeps everything in memory.
class FakeStore final : public results::RunStore {
 public:
  Result<std::optional<kernel::BuildRecord>> find_build(const std::string& key) override {
    const auto found = builds.find(key);
    if (found == builds.end() || found->second.state != "built")
      return std::optional<kernel::BuildRecord>();
    return std::optional(found->second);
  }
  Status put_build(int64_t, const std::string&, const std::string&,
                   const kernel::BuildRecord& record) override {
    builds[record.key] = record;
    return {};
  }
  Result<int64_t> open_session(int64_t, const job::PlannedSession& planned, int attempt,
                               const results::SessionPlace&) override {
    results::StoredSession session;
    session.id = static_cast<int64_t>(stored.size()) + 1;
    session.key = planned.key;
    session.attempt = attempt;
    session.state = "running";
    session.planned = planned;
    stored.push_back(session);
    return session.id;
  }
  Status finish_session(int64_t, const v1::Session& session) override {
    results::StoredSession& row = stored.at(static_cast<size_t>(session.id() - 1));
    if (row.state == "done") return {};
    row.state = "done";
    row.session = session;
    return {};
  }
  void finish_session_later(int64_t run, const v1::Session& session,
                            std::function<void(Status)> then) override {
    if (disk_is_full) return then(fail(ErrorKind::kNoSpace, "no space left"));
    const Status done = finish_session(run, session);
    if (!disk_is_slow) return then(done);
    slow.emplace_back([then = std::move(then), done] {
      std::this_thread::sleep_for(Millis(200));
      then(done);
    });
  }
  bool disk_is_full = false;
  bool disk_is_slow = false;
  std::vector<std::jthread> slow;
  Status put_duplicate(const v1::SessionDone& done, const std::string& reason) override {
    duplicates.push_back(fmt::format("{}: {}", done.session().id(), reason));
    return {};
  }
  Result<std::vector<results::StoredSession>> sessions(int64_t) override { return stored; }
  Status look_up_history(int64_t, const std::string& machine,
                         std::vector<verdict::TestHistory>* tests) override {
    for (verdict::TestHistory& test : *tests) looked_up.push_back(machine + " " + test.test);
    return {};
  }
  Status look_up_canaries(int64_t, const std::string&,
                          std::vector<verdict::CanaryHistory>*) override {
    return {};
  }
  Result<std::vector<hygiene::Settings>> settings_before(int64_t, const std::string&) override {
    return std::vector<hygiene::Settings>();
  }
  Status put_decoded(int64_t session_id, int position, const std::vector<dmesg::Frame>& frames,
                     const std::string& subsystem) override {
    decoded.push_back(fmt::format("{}/{} {}: {} {}:{}", session_id, position, subsystem,
                                  frames.front().function, frames.front().file,
                                  frames.front().line));
    return {};
  }
  Status put_not_revertible(int64_t, int patch) override {
    not_revertible.push_back(patch);
    return {};
  }
  Status finish_run(int64_t, const std::string& new_state,
                    const v1::RunReport& new_report) override {
    state = new_state;
    report = new_report;
    return {};
  }
  void add_duration(const std::string&, const std::string&, double) override {}

  std::map<std::string, kernel::BuildRecord> builds;
  std::vector<results::StoredSession> stored;
  std::vector<std::string> looked_up;
  std::vector<std::string> decoded;
  std::vector<std::string> duplicates;
  std::vector<int> not_revertible;
  std::string state;
  v1::RunReport report;
};

/// An agent that ends every session at once, as `ending_of` says.
class FakeAgent final : public fleet::AgentSender {
 public:
  explicit FakeAgent(fleet::Fleet& fleet) : fleet_(fleet) {}
  void send(v1::ToAgent message) override {
    if (message.has_ack()) acknowledged.push_back(message.ack().session_id());
    if (message.has_cancel()) {
      v1::SessionDone done;
      done.mutable_session()->set_id(message.cancel().session_id());
      done.mutable_session()->set_ending("cancelled");
      reply(done);
    }
    if (!message.has_start()) return;
    orders.push_back(message.start());
    v1::SessionDone done;
    done.mutable_session()->set_id(message.start().session_id());
    const std::string ending =
        ending_of ? ending_of(message.start(), static_cast<int>(orders.size())) : "tested";
    if (ending.empty()) return;  // it keeps running
    done.mutable_session()->set_ending(ending);
    if (ending == "tested") {
      for (const v1::TestPhase& phase : message.start().phases()) {
        v1::Result* result = done.mutable_session()->add_results();
        result->set_test("igt@a@b");
        result->set_phase(phase.name());
        result->set_outcome(outcome_of ? outcome_of(message.start()) : "pass");
      }
      if (kernel_says) kernel_says(message.start(), done.mutable_session());
    }
    reply(done);
  }
  /// Ends a session that kept running.
  void end(int64_t id, const std::string& ending) {
    v1::SessionDone done;
    done.mutable_session()->set_id(id);
    done.mutable_session()->set_ending(ending);
    reply(done);
  }
  std::function<std::string(const v1::SessionOrder&, int)> ending_of;
  std::function<std::string(const v1::SessionOrder&)> outcome_of;
  std::function<void(const v1::SessionOrder&, v1::Session*)> kernel_says;
  std::vector<v1::SessionOrder> orders;
  std::vector<int64_t> acknowledged;

 private:
  void reply(const v1::SessionDone& done) {
    v1::FromAgent message;
    *message.mutable_done() = done;
    fleet_.received("a1", message);
  }
  fleet::Fleet& fleet_;
};

class Driver : public testing::Test {
 protected:
  void SetUp() override {
    v1::Hello hello;
    hello.set_agent("a1");
    machine_.set_name("m1");
    machine_.add_tags("qemu");
    machine_.set_emulated(true);
    machine_.set_host("here");
    *hello.add_machines() = machine_;
    agent_ = std::make_shared<FakeAgent>(fleet_);
    fleet_.connected("a1", hello, agent_);

    Prepared& p = *prepared_;
    input_.prepared = prepared_;
    p.spec.name = "small";
    p.spec.configs = {"hm"};
    p.spec.tests.resize(1);
    p.spec.tests[0].name = "gem";
    p.lists = {{"gem", "igt@a@b\n", {"igt@a@b"}}};
    p.config_highmem["hm"] = true;
    p.patches = {{"one", "0001.patch", "", 1, 1, {"a.c"}}};
    for (const char* variant : {"baseline", "patched"}) {
      BuildTarget target;
      target.variant = variant;
      target.config = "hm";
      target.key = std::string("key-") + variant;
      p.targets.push_back(target);
    }
    p.targets[1].base_key = "key-baseline";
    job::PlanInput plan;
    plan.spec = p.spec;
    for (const BuildTarget& t : p.targets)
      plan.cells.push_back({t.variant, t.config, t.key, job::CellKey::State::kFull});
    input_.plan = job::make_plan(plan);
    input_.run_id = 1;
    input_.run.set_id(1);
    build_ = [this](
                 const BuildTarget& target, std::stop_token,
                 const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
      ++builds_made_;
      kernel::BuildRecord record;
      record.key = target.key;
      record.state = "built";
      return record;
    };
  }

  /// The agent says something new of its machine.
  void tell_machine() {
    v1::FromAgent message;
    *message.mutable_machine_info() = machine_;
    fleet_.received("a1", message);
  }
  Status check_tests(const std::string& names) const {
    if (names == "broken") return fail(ErrorKind::kInfrastructure, "no such artifact");
    if (names != "old") return {};
    return fail(Error(ErrorKind::kBadInput, "unknown test `igt@a@b`").at({"gem.testlist", 1, 1}));
  }

  void three_patches() {
    Prepared& p = *prepared_;
    p.patches = {
        {"one", "1", "", 1, 1, {}}, {"two", "2", "", 1, 1, {}}, {"three", "3", "", 1, 1, {}}};
    job::PlanInput plan;
    plan.spec = p.spec;
    for (const char* variant : {"prefix-1", "prefix-2"}) {
      BuildTarget target = p.targets[1];
      target.variant = variant;
      target.key = std::string("key-") + variant;
      target.is_prefix = true;
      p.targets.push_back(target);
    }
    for (const BuildTarget& t : p.targets)
      plan.cells.push_back({t.variant, t.config, t.key, job::CellKey::State::kFull});
    input_.plan = job::make_plan(plan);
  }

  /// A bench on a real machine, whose values the tests give.
  void measure(int pairs, int max_pairs) {
    machine_.set_emulated(false);
    tell_machine();
    job::JobSpec& spec = prepared_->spec;
    spec.benches.resize(1);
    spec.metrics.resize(1);
    spec.metrics[0].metric = "ns";
    spec.pairs = pairs;
    spec.max_pairs = max_pairs;
    spec.canaries = 0;
    job::PlanInput plan;
    plan.spec = spec;
    plan.machine_counts_instructions = false;
    for (const BuildTarget& t : prepared_->targets)
      plan.cells.push_back({t.variant, t.config, t.key, job::CellKey::State::kFull});
    input_.plan = job::make_plan(plan);
  }
  [[nodiscard]] std::vector<std::string> measured() const {
    std::vector<std::string> out;
    for (const results::StoredSession& session : store_.stored)
      if (session.planned.purpose == "performance") out.push_back(session.key);
    return out;
  }

  void drive(std::stop_token stop = {}) {
    const SystemClock clock;
    results::EventHub hub(
        clock, [this](int64_t, const v1::RunEvent& event) { lines_.push_back(event.text()); });
    DriverDeps deps;
    deps.clock = &clock;
    deps.lab = dispatcher_;
    deps.hub = &hub;
    deps.consoles = &consoles_;
    deps.store = &store_;
    deps.build = build_;
    deps.make_part = make_part_;
    deps.decode = decode_;
    deps.check_statics = statics_;
    deps.check_tests = [this](const std::string& names) { return check_tests(names); };
    RunDriver driver(std::move(deps), input_);
    driver.run(stop, leave_.get_token());
  }
  std::stop_source leave_;

  fleet::Fleet fleet_;
  fleet::MemoryLeaseStore leases_;
  SystemClock clock_;
  fleet::Dispatcher lab_{fleet_, leases_, clock_, {"here"}};
  fleet::Dispatcher* dispatcher_ = &lab_;
  v1::MachineInfo machine_;
  std::shared_ptr<FakeAgent> agent_;
  FakeStore store_;
  results::ConsoleTails consoles_;
  std::shared_ptr<Prepared> prepared_ = std::make_shared<Prepared>();
  DriverInput input_;
  BuildFunction build_;
  PartFunction make_part_;
  DecodeFunction decode_;
  StaticsFunction statics_;
  std::atomic<int> builds_made_{0};
  std::vector<std::string> lines_;
};

TEST_F(Driver, BuildsRunsAndJudges) {
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(builds_made_, 2);
  EXPECT_EQ(agent_->orders.size(), 2U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 0) << store_.report.DebugString();
  EXPECT_EQ(store_.report.sessions_size(), 2);
}

TEST_F(Driver, ARunWaitsForItsEndsToBeOnDiskAndAcknowledgesThemThen) {
  store_.disk_is_slow = true;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(agent_->acknowledged, testing::UnorderedElementsAre(1, 2));
}

TEST_F(Driver, AnEndThatCannotBeStoredIsNotAcknowledged) {
  store_.disk_is_full = true;
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_THAT(store_.report.run().error(), HasSubstr("no space left"));
  EXPECT_THAT(agent_->acknowledged, testing::IsEmpty());
}

TEST_F(Driver, SessionsHaveTheControllersTimesWhateverTheAgentsClockSays) {
  agent_->kernel_says = [](const v1::SessionOrder&, v1::Session* session) {
    session->mutable_started()->set_seconds(1000);
  };
  const int64_t before = SystemClock().now().time_since_epoch().count() / 1000;
  drive();
  for (const v1::Session& session : store_.report.sessions())
    EXPECT_GE(session.started().seconds(), before);
  EXPECT_GE(store_.stored.at(0).session.started().seconds(), before);
}

TEST_F(Driver, ARegressionIsConfirmedOnBothSides) {
  agent_->outcome_of = [](const v1::SessionOrder& order) {
    return order.cell() == "patched/hm" ? "fail" : "pass";
  };
  drive();
  EXPECT_EQ(agent_->orders.size(), 12U);  // 2 functional, 5 confirmations a side
  EXPECT_EQ(store_.report.verdict().exit_code(), 1) << store_.report.DebugString();
  EXPECT_THAT(lines_,
              Contains("suspected: igt@a@b differs with hm; confirming on 3 more boots a side"));
  EXPECT_THAT(store_.looked_up, Contains("m1 igt@a@b"));
}

statics::Side one_warning() {
  statics::Side side;
  side.config = "hm";
  side.patches = {{1, {"sparse"}, 1, 0}};
  side.checks = {{1, "sparse", "warning", "a.c", 3, "different address spaces"}};
  return side;
}

TEST_F(Driver, TheStaticSideIsJudgedWithTheRest) {
  std::atomic<int> asked{0};
  statics_ = [&](const std::stop_token&) {
    ++asked;
    return one_warning();
  };
  drive();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(store_.report.verdict().exit_code(), 0);
  ASSERT_EQ(store_.report.findings_size(), 1);
  EXPECT_EQ(store_.report.findings(0).class_(), "warning");
  EXPECT_EQ(store_.report.findings(0).patch(), "1/1 one");
  EXPECT_EQ(store_.report.static_side().checks(0).line(), 3);
}

TEST_F(Driver, StaticToolsThatFailAreANoteOfTheReport) {
  statics_ = [](const std::stop_token&) -> Result<statics::Side> {
    return fail(ErrorKind::kNoSpace, "no space left");
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.report.verdict().exit_code(), 0);
  ASSERT_EQ(store_.report.static_side().notes_size(), 1);
  EXPECT_EQ(store_.report.static_side().notes(0), "not looked at: no space left");
}

TEST_F(Driver, StaticToolsMakeRoomForABoot) {
  // The first session keeps running until the tools have been begun beside it; then the measuring
  // pair wants the computer for itself.
  prepared_->spec.pairs = 1;
  prepared_->spec.benches.resize(1);
  job::PlanInput plan;
  plan.spec = prepared_->spec;
  for (const BuildTarget& t : prepared_->targets)
    plan.cells.push_back({t.variant, t.config, t.key, job::CellKey::State::kFull});
  input_.plan = job::make_plan(plan);
  std::atomic<int> asked{0};
  std::atomic<int> stopped{0};
  std::atomic<bool> runs{false};
  statics_ = [&](const std::stop_token& stop) -> Result<statics::Side> {
    runs = true;
    if (++asked > 1) {
      runs = false;
      return one_warning();
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ++stopped;
    runs = false;
    return fail(ErrorKind::kCancelled, "stopped");
  };
  std::vector<std::string> beside;
  std::jthread later;
  agent_->ending_of = [&](const v1::SessionOrder& order, int number) -> std::string {
    if (order.benches_size() > 0 && runs) beside.push_back(order.cell());
    if (number != 2) return "tested";
    later = std::jthread([&, id = order.session_id()] {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (!runs && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      agent_->end(id, "tested");
    });
    return "";
  };
  drive();
  EXPECT_EQ(stopped, 1) << "it was begun beside the second session, and stopped for the third";
  EXPECT_EQ(asked, 2) << "and done when the machines had nothing more to do";
  EXPECT_TRUE(beside.empty()) << "nothing runs beside a session that measures";
  EXPECT_EQ(store_.report.static_side().checks_size(), 1);
}

TEST_F(Driver, AnInterruptedRunSaysThatItsPatchesWereNotRead) {
  std::stop_source stop;
  statics_ = [&](const std::stop_token& token) -> Result<statics::Side> {
    stop.request_stop();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!token.stop_requested() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fail(ErrorKind::kCancelled, "stopped");
  };
  agent_->ending_of = [](const v1::SessionOrder&, int number) {
    return number == 2 ? "" : "tested";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  ASSERT_EQ(store_.report.static_side().notes_size(), 1);
  EXPECT_EQ(store_.report.static_side().notes(0), "not looked at: the run was not finished");
}

TEST_F(Driver, ResultsThatFindNoSpaceEndTheRunAndKeepTheirSessionOpen) {
  agent_->ending_of = [&](const v1::SessionOrder& order, int number) -> std::string {
    if (number != 2) return "tested";
    v1::FromAgent message;
    message.mutable_event()->set_session_id(order.session_id());
    message.mutable_event()->set_phase("results-wait");
    message.mutable_event()->set_text("cannot write /data/blobs: No space left on device");
    fleet_.received("a1", message);
    return "";
  };
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_THAT(
      store_.report.run().error(),
      HasSubstr("results of session 2 cannot be stored: cannot write /data/blobs: No space"));
  EXPECT_EQ(store_.stored.at(1).state, "running") << "it is not given up";
}

/// A series that makes the kernel warn in each boot, at one place.
void warn(const v1::SessionOrder& order, v1::Session* session) {
  if (order.cell() != "patched/hm") return;
  v1::KernelReport* report = session->add_kernel();
  report->set_kind("warning");
  report->set_title("WARNING: CPU: 0 PID: 1 at x.c:1 shmem_pread+0x1/0x2");
  report->set_signature("warning: shmem_pread");
  report->set_text("EIP: shmem_pread+0x1/0x2 [i915]\n");
  report->set_test("igt@a@b");
  v1::Frame* frame = report->add_frames();
  frame->set_function("shmem_pread");
  frame->set_module("i915");
}

TEST_F(Driver, AFindingsKernelReportGetsItsLinesOnceABuild) {
  agent_->kernel_says = warn;
  std::vector<std::string> asked;
  decode_ = [&](const BuildTarget& target, const std::vector<dmesg::StackEntry>& stack,
                std::stop_token) -> Result<symbols::Decoded> {
    asked.push_back(target.variant + " " + stack.front().symbol);
    symbols::Decoded decoded;
    decoded.frames = {{"kunmap", "i915", "include/linux/highmem-internal.h", 7, true},
                      {"shmem_pread", "i915", "drivers/gpu/drm/i915/i915_gem.c", 233, false}};
    decoded.with_line = 1;
    return decoded;
  };
  drive();
  EXPECT_THAT(asked, testing::ElementsAre("patched shmem_pread"));
  EXPECT_EQ(store_.decoded.size(), 6U) << "each boot that had it is stored with it";
  EXPECT_THAT(store_.decoded, Contains(HasSubstr("/0 i915: kunmap include/linux/highmem")));
  ASSERT_EQ(store_.report.findings_size(), 1) << store_.report.DebugString();
  const v1::KernelReport& report = store_.report.findings(0).kernel(0);
  ASSERT_EQ(report.frames_size(), 2);
  EXPECT_EQ(report.frames(1).line(), 233);
  EXPECT_EQ(report.subsystem(), "i915");
  const v1::Session& last = store_.report.sessions(store_.report.sessions_size() - 1);
  EXPECT_TRUE(last.kernel_size() == 0 || last.kernel(0).frames_size() == 2);
}

TEST_F(Driver, AReportThatCannotBeDecodedIsShownAsItIs) {
  agent_->kernel_says = warn;
  int asked = 0;
  decode_ = [&](const BuildTarget&, const std::vector<dmesg::StackEntry>&,
                std::stop_token) -> Result<symbols::Decoded> {
    ++asked;
    return fail(ErrorKind::kNotFound, "the objects of this build are not kept any more");
  };
  drive();
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(lines_, Contains("a kernel report has no lines: the objects of this build are not "
                               "kept any more"));
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.report.findings(0).kernel(0).frames_size(), 1);
}

TEST_F(Driver, AFlakyTestIsRunUntilItsCountsClearTheSeries) {
  agent_->outcome_of = [n = 0](const v1::SessionOrder&) mutable {
    return ++n == 2 || n % 5 == 0 ? "fail" : "pass";
  };
  drive();
  EXPECT_EQ(store_.report.verdict().exit_code(), 0) << store_.report.DebugString();
  EXPECT_EQ(store_.report.findings(0).class_(), "flaky");
  EXPECT_LT(agent_->orders.size(), 80U);
}

TEST_F(Driver, ARegressionIsBisectedAndProvedWithoutItsCulprit) {
  three_patches();
  make_part_ = [](const std::string& variant, const std::string& config, std::stop_token) {
    BuildTarget target;
    target.variant = variant;
    target.config = config;
    target.key = "key-" + target.variant;
    target.base_key = "key-baseline";
    return Result<std::optional<BuildTarget>>(std::move(target));
  };
  agent_->outcome_of = [](const v1::SessionOrder& order) {
    return order.cell() == "patched/hm" || order.cell() == "prefix-2/hm" ? "fail" : "pass";
  };
  drive();
  ASSERT_EQ(store_.report.findings_size(), 1) << store_.report.DebugString();
  EXPECT_EQ(store_.report.findings(0).patch(), "2/3 two");
  std::vector<std::string> cells;
  for (size_t i = 12; i < agent_->orders.size(); ++i) cells.push_back(agent_->orders[i].cell());
  EXPECT_THAT(cells, testing::UnorderedElementsAre("prefix-1/hm", "prefix-2/hm", "without-2/hm"));
  EXPECT_EQ(builds_made_, 5);  // both cells, two prefixes, one without the culprit
}

/// Of commits only those are made and built that the search boots.
TEST_F(Driver, CommitsAreMadeWhenTheyAreWanted) {
  prepared_->spec.series = {job::SeriesSpec::Kind::kCommits, "/srv/linux", "v1..v2"};
  prepared_->patches.clear();
  for (int k = 1; k <= 16; ++k)
    prepared_->patches.push_back({"commit " + std::to_string(k), "", "", 0, 0, {}});
  std::vector<std::string> made;
  make_part_ = [&](const std::string& variant, const std::string& config,
                   std::stop_token) -> Result<std::optional<BuildTarget>> {
    made.push_back(variant);
    if (variant.starts_with("without-"))
      return fail(ErrorKind::kBadInput, "a commit is not taken out of its history");
    BuildTarget target;
    target.variant = variant;
    target.config = config;
    target.key = "key-" + target.variant;
    target.base_key = "key-baseline";
    return std::optional(std::move(target));
  };
  agent_->outcome_of = [](const v1::SessionOrder& order) {
    const std::string& cell = order.cell();
    if (cell == "patched/hm") return "fail";
    return cell.starts_with("prefix-") && std::stoi(cell.substr(7)) >= 11 ? "fail" : "pass";
  };
  drive();
  ASSERT_EQ(store_.report.findings_size(), 1) << store_.report.DebugString();
  EXPECT_EQ(store_.report.findings(0).patch(), "11/16 commit 11");
  EXPECT_THAT(made, testing::AllOf(Contains("prefix-10"), Contains("prefix-11")));
  EXPECT_EQ(builds_made_, 6);  // both ends, four of sixteen
  EXPECT_THAT(lines_, Contains("a commit is not taken out of its history"));
}

TEST_F(Driver, ASeriesThatDoesNotApplyWithoutItsCulpritSaysSo) {
  three_patches();
  make_part_ = [](const std::string&, const std::string&, std::stop_token) {
    return Result<std::optional<BuildTarget>>(std::nullopt);
  };
  agent_->outcome_of = [](const v1::SessionOrder& order) {
    return order.cell() == "baseline/hm" ? "pass" : "fail";
  };
  drive();
  EXPECT_EQ(store_.report.findings(0).patch(), "1/3 one") << store_.report.DebugString();
  EXPECT_THAT(lines_, Contains("the series does not apply without patch 1"));
  EXPECT_THAT(store_.not_revertible, testing::ElementsAre(1));
}

TEST_F(Driver, InfrastructureIsRunAgainAndNeverBlamesTheSeries) {
  agent_->ending_of = [](const v1::SessionOrder&, int n) {
    return n == 1 ? "infrastructure" : "tested";
  };
  drive();
  EXPECT_EQ(agent_->orders.size(), 3U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 0) << store_.report.DebugString();
}

TEST_F(Driver, AMachineThatNeverWorksGivesNoVerdict) {
  agent_->ending_of = [](const v1::SessionOrder&, int) { return "infrastructure"; };
  drive();
  EXPECT_EQ(agent_->orders.size(), 6U);  // three attempts for each of two sessions
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
}

TEST_F(Driver, AStoppedRunGoesOnWithoutRepeatingAnything) {
  std::stop_source stop;
  agent_->ending_of = [&](const v1::SessionOrder&, int n) {
    if (n < 2) return "tested";
    stop.request_stop();
    return "";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  EXPECT_EQ(store_.report.verdict().exit_code(), 130);
  agent_->orders.clear();
  agent_->ending_of = nullptr;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(builds_made_, 2);
  EXPECT_EQ(agent_->orders.size(), 1U);
}

/// As the store of a controller has it after kill -9: the first session runs at its agent.
void keep_running(const Clock& clock, FakeStore& store, fleet::MemoryLeaseStore& leases) {
  store.stored.at(0).session.set_machine("m1");
  fleet::Lease lease;
  lease.number = 1;
  lease.session_id = 1;
  lease.run_id = 1;
  lease.key = store.stored[0].key;
  lease.machine = "m1";
  lease.user = "local";
  lease.until = clock.now() + std::chrono::hours(1);
  leases.kept.lock()->leases = {lease};
  leases.kept.lock()->newest = 1;
}

TEST_F(Driver, ASessionThatRunsWhileItsControllerIsAwayIsNotRunAgain) {
  agent_->ending_of = [&](const v1::SessionOrder&, int) {
    leave_.request_stop();
    return "";  // it keeps running
  };
  drive();
  ASSERT_EQ(agent_->orders.size(), 1U);
  EXPECT_EQ(store_.state, "") << "the run has not ended";
  leave_ = std::stop_source();
  keep_running(clock_, store_, leases_);
  fleet::Dispatcher next(fleet_, leases_, clock_, {"here"});
  ASSERT_TRUE(next.load());
  dispatcher_ = &next;
  agent_->ending_of = nullptr;
  std::jthread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    agent_->end(1, "tested");
  });
  drive();
  EXPECT_EQ(store_.state, "done");
  std::set<std::string> keys;
  for (const results::StoredSession& session : store_.stored) keys.insert(session.key);
  EXPECT_EQ(keys.size(), store_.stored.size()) << "none was run twice";
  EXPECT_EQ(store_.stored[0].session.ending(), "tested");
}

TEST_F(Driver, ASessionWhoseEndNeverComesDoesNotStayOpen) {
  agent_->ending_of = [&](const v1::SessionOrder&, int) {
    leave_.request_stop();
    return "";
  };
  drive();
  ASSERT_EQ(store_.stored.size(), 1U);
  leave_ = std::stop_source();
  agent_->ending_of = nullptr;
  fleet::Dispatcher next(fleet_, leases_, clock_, {"here"});  // knows no lease of it
  ASSERT_TRUE(next.load());
  dispatcher_ = &next;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.stored[0].state, "done");
  EXPECT_EQ(store_.stored[0].session.ending(), "infrastructure");
  EXPECT_EQ(store_.stored.size(), 3U) << "it was run again";
}

TEST_F(Driver, AnEndUnderALeaseThatIsOverIsADuplicate) {
  agent_->ending_of = [&](const v1::SessionOrder& order, int number) {
    if (number > 1) return "tested";
    v1::FromAgent late;
    late.mutable_done()->mutable_session()->set_id(order.session_id());
    late.mutable_done()->mutable_session()->set_ending("test-failed");
    late.mutable_done()->set_lease_epoch(order.lease_epoch() + 100);
    fleet_.received("a1", late);
    return "tested";
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(store_.duplicates, Contains(HasSubstr("1: its lease")));
  EXPECT_EQ(store_.stored[0].session.ending(), "tested");
}

TEST_F(Driver, ASessionThatItsAgentLostIsRunAgain) {
  agent_->ending_of = [&](const v1::SessionOrder&, int number) -> std::string {
    if (number > 1) return "tested";
    std::thread([this] {  // the agent was started anew: it knows nothing of the order
      v1::Hello hello;
      hello.set_agent("a1");
      *hello.add_machines() = machine_;
      fleet_.connected("a1", hello, agent_);
    })
        .join();
    return "";
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.stored[0].session.ending(), "infrastructure");
  EXPECT_EQ(store_.stored.size(), 3U);
}

TEST_F(Driver, ABuildThatFailsIsTheSeriesFault) {
  build_ = [](const BuildTarget& target, std::stop_token,
              const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    kernel::BuildRecord record;
    record.key = target.key;
    record.state = target.variant == "patched" ? "failed" : "built";
    record.error = "a.c:3: 'x' undeclared";
    return record;
  };
  drive();
  EXPECT_EQ(agent_->orders.size(), 1U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 1) << store_.report.DebugString();
}

TEST_F(Driver, AMachineThatCannotBeMadeEndsTheRunAtOnce) {
  machine_.set_broken("error: no root image: apt failed");
  tell_machine();
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.run().error(), "error: no root image: apt failed");
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
}

TEST_F(Driver, TheReportNamesTheMachinesIgt) {
  (*machine_.mutable_facts())["igt"] = "2.5-1";
  tell_machine();
  drive();
  EXPECT_EQ(store_.report.run().igt_version(), "2.5-1");
}

TEST_F(Driver, ADiskThatIsFullEndsTheRunWithoutAVerdict) {
  build_ = [](const BuildTarget&, std::stop_token,
              const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    return fail(ErrorKind::kNoSpace, "cannot write objects: No space left on device");
  };
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
  EXPECT_THAT(store_.report.run().error(), HasSubstr("No space left on device"));
}

TEST_F(Driver, AJobThatNamesTestsOfNoMachineIsRefusedBeforeItsFirstSession) {
  machine_.set_test_names("old");
  tell_machine();
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.run().error(), "error: unknown test `igt@a@b`\n --> gem.testlist:1:1");
  EXPECT_EQ(store_.report.verdict().result(), "refused");
  EXPECT_EQ(store_.report.verdict().exit_code(), 2);
  EXPECT_EQ(store_.report.verdict().headline(),
            "The job is refused: unknown test `igt@a@b`; no test ran.");
}

TEST_F(Driver, AMachineThatGetsReadyLaterIsCheckedThen) {
  machine_.set_preparing("its root image is being made");
  tell_machine();
  build_ = [this](const BuildTarget& target, std::stop_token,
                  const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    // Both kernels are there, and the machine is not: only then it is.
    if (++builds_made_ == 2) {
      machine_.clear_preparing();
      machine_.set_test_names("old");
      tell_machine();
    }
    kernel::BuildRecord record;
    record.key = target.key;
    record.state = "built";
    return record;
  };
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.report.verdict().exit_code(), 2);
  EXPECT_THAT(lines_, Contains("m1 gets ready: its root image is being made"));
}

TEST_F(Driver, AnotherMachineThatHoldsTheTestsRunsThem) {
  machine_.set_test_names("old");
  tell_machine();
  v1::Hello hello;
  hello.set_agent("a1");
  *hello.add_machines() = machine_;
  machine_.set_name("m2");
  machine_.set_test_names("new");
  *hello.add_machines() = machine_;
  fleet_.connected("a1", hello, agent_);
  drive();
  EXPECT_EQ(store_.state, "done");
  ASSERT_EQ(agent_->orders.size(), 2U);
  EXPECT_EQ(agent_->orders[0].machine(), "m2");
}

TEST_F(Driver, NamesThatCannotBeReadRefuseNothing) {
  machine_.set_test_names("broken");
  tell_machine();
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(lines_,
              Contains("the tests of m1 are not checked before they run: no such artifact"));
}

/// Values that spread so much that no number of pairs decides, or not at all.
auto bench(double effect, double spread) {
  return [effect, spread, n = 0](const v1::SessionOrder& order, v1::Session* session) mutable {
    if (order.benches().empty()) return;
    v1::Measurement* m = session->add_measurements();
    m->set_bench("b");
    m->set_metric("ns");
    m->set_unit("ns");
    ++n;
    m->set_value(100 * (order.cell() == "patched/hm" ? 1 + effect : 1) + spread * (n * 7 % 5 - 2));
  };
}

TEST_F(Driver, FiguresThatAreNotDecidedGetMorePairsUpToTheMaximum) {
  measure(2, 5);
  agent_->kernel_says = bench(0, 20);
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(measured().size(), 10U);
  EXPECT_THAT(measured(), Contains("performance/hm/pair5/patched"));
  EXPECT_THAT(lines_, Contains("undecided: ns with hm after 2 pairs; going on to 4"));
  EXPECT_THAT(lines_, Contains("undecided: ns with hm after 4 pairs; going on to 5"));
  ASSERT_EQ(store_.report.comparisons_size(), 1);
  EXPECT_EQ(store_.report.comparisons(0).looks_taken(), 3);
  EXPECT_EQ(store_.report.comparisons(0).looks_at_most(), 3);
}

TEST_F(Driver, FiguresThatAreDecidedEndTheRunEarly) {
  measure(2, 5);
  agent_->kernel_says = bench(-0.1, 0);
  drive();
  EXPECT_EQ(measured().size(), 4U);
  ASSERT_EQ(store_.report.comparisons_size(), 1);
  EXPECT_EQ(store_.report.comparisons(0).answer(), "faster");
}

TEST_F(Driver, ASpentBudgetAsksForNoPairs) {
  measure(2, 5);
  prepared_->spec.time_budget = Millis(60'000);
  agent_->kernel_says = [inner = bench(0, 20)](const v1::SessionOrder& order,
                                               v1::Session* session) mutable {
    session->set_elapsed_seconds(40);
    inner(order, session);
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(measured().size(), 4U);
}

TEST_F(Driver, AnInterruptedRunGoesOnWithTheSameFurtherPairs) {
  measure(2, 6);
  std::stop_source stop;
  agent_->kernel_says = bench(0, 20);
  agent_->ending_of = [&](const v1::SessionOrder&, int n) {
    if (n < 2 + 4 + 2) return "tested";  // in the third pair's second boot
    stop.request_stop();
    return "";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  const std::vector<std::string> before = measured();
  agent_->ending_of = nullptr;
  drive();
  EXPECT_EQ(store_.state, "done");
  const std::vector<std::string> after = measured();
  EXPECT_EQ(after.size(), 13U) << "six pairs, and the boot that was stopped once more";
  EXPECT_EQ(std::set<std::string>(after.begin(), after.end()).size(), 12U);
  EXPECT_EQ(after.at(before.size()), before.back());
}

}  // namespace
}  // namespace kiln::scheduler
