#pragma once
/// A run's driver with a played agent and a store in memory. For the tests of this folder only.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "controller/fleet/testing.h"
#include "controller/scheduler/driver.h"

namespace kiln::scheduler {

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

/// Values that spread so much that no number of pairs decides, or not at all.
inline auto bench(double effect, double spread) {
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

}  // namespace kiln::scheduler
