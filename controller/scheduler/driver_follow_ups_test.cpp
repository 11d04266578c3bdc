#include "controller/scheduler/driver_fixture.h"

namespace kiln::scheduler {
namespace {

using testing::Contains;
using testing::HasSubstr;

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
  agent_->kernel_says = bench(-0.1, 0.0001);
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

}  // namespace
}  // namespace kiln::scheduler
