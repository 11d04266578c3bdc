#include "agent/integration/clean_sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "agent/hardware/hardware_machine.h"
#include "agent/integration/file_artifacts.h"
#include "agent/integration/quick_machine.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/test/session.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kTests = 3;  ///< of the script's igt_runner
constexpr const char* kBroken = "connection broken";

/// What is drawn for one session: at which time of it which thing happens.
class Noise {
 public:
  struct Act {
    Millis at{0};
    std::string kind{};
    std::function<void()> what{};
  };

  Noise(QuickMachine& machine, std::mt19937_64& random) : machine_(machine), random_(random) {
    if (chance(0.5))
      for (int i = number(1, 4); i > 0; --i)
        add(3'000, "garbage on the line", [this, text = garbage()] { machine_.say(text); });
    if (chance(0.2))
      add(3'000, "console server restarted", [this] { machine_.restart_console_server(); });
    if (chance(0.3))
      for (int i = number(1, 2); i > 0; --i)
        file(3'000, "command answered late", "slow", 100, 3'000);
    if (chance(0.2)) file(3'000, kBroken, "drop", 0, 200);
    if (chance(0.2)) file(0, "slow boot", "boot", 500, 4'000);
    if (chance(0.2)) file(3'000, "slow power gear", "power", 500, 3'000);
    std::sort(acts_.begin(), acts_.end(), [](const Act& a, const Act& b) { return a.at < b.at; });
  }

  /// Until all has happened, or the session is over.
  void play(std::map<std::string, int>& done, const std::stop_token& stop) {
    const auto begun = Steady::now();
    std::mutex mutex;
    std::condition_variable_any pause;
    std::unique_lock lock(mutex);
    for (const Act& act : acts_) {
      pause.wait_until(lock, stop, begun + act.at, [] { return false; });
      if (stop.stop_requested()) return;
      act.what();
      ++done[act.kind];
    }
  }

 private:
  int number(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }
  std::string garbage() {
    std::string out(static_cast<size_t>(number(1, 2'000)), '\0');
    for (char& byte : out) byte = static_cast<char>(number(0, 255));
    return out;
  }
  void add(int before, const std::string& kind, std::function<void()> what) {
    acts_.push_back({Millis(number(0, before)), kind, std::move(what)});
  }
  void file(int before, const std::string& kind, const std::string& name, int from, int to) {
    add(before, kind,
        [this, name, time = Millis(number(from, to))] { machine_.noise(name, time); });
  }

  QuickMachine& machine_;
  std::mt19937_64& random_;
  std::vector<Act> acts_;
};

class Lab {
 public:
  Lab(const CleanPlan& plan, const std::function<void(const std::string&)>& tell)
      : plan_(plan), tell_(tell) {
    kernel_ = folder_.path() / "kernel";
    modules_ = folder_.path() / "modules.tar.zst";
    EXPECT_TRUE(os::write_atomic(kernel_, std::string(300'000, 'k')));
    EXPECT_TRUE(os::make_dirs(folder_.path() / "tree/lib/modules/built"));
    EXPECT_TRUE(os::write_atomic(folder_.path() / "tree/lib/modules/built/a.ko", "module"));
    os::Command tar;
    tar.argv = {"tar", "-C", (folder_.path() / "tree").string(), "--zstd", "-cf", modules_.string(),
                "lib"};
    EXPECT_TRUE(os::run_ok(tar));
    expected_ = QuickMachine::identity_of(kernel_);
  }

  CleanTally run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < plan_.machines; ++i) threads.emplace_back([this, i] { machine(i); });
    }
    return *tally_.lock();
  }

 private:
  /// All times are those of an agent; nothing is hurried.
  void machine(int index) {
    const std::string name = fmt::format("quick-{}", index + 1);
    QuickMachine quick(name);
    HardwareMachine::Config config;
    config.spec = quick.spec();
    config.folder = folder_.path() / name;
    EXPECT_TRUE(os::make_dirs(config.folder));
    config.connector = connect_until;
    config.changed = [&](machine::LifeState state, const std::string& why) {
      if (state != machine::LifeState::kQuarantined) return;
      auto tally = tally_.lock();
      ++tally->quarantines;
      tell_(fmt::format("{} is in quarantine: {}", name, why));
    };
    auto made = HardwareMachine::create(std::move(config), hub_, units_, clock_);
    EXPECT_TRUE(made) << render(made.error());
    if (!made) return;
    std::mt19937_64 random(plan_.seed * 1'000 + static_cast<uint64_t>(index));
    bool broken = false;  // or about to be: noise that comes late meets the next session
    for (int i = index; i < plan_.sessions; i += plan_.machines) {
      std::map<std::string, int> done;
      Noise noise(quick, random);
      std::jthread player([&](const std::stop_token& stop) { noise.play(done, stop); });
      const SessionOutcome outcome = session(**made, i + 1);
      player = {};
      const bool was_broken = std::exchange(broken, done.contains(kBroken));
      take(name, i + 1, outcome, done, broken || was_broken);
    }
    auto tally = tally_.lock();
    const auto counts = (*made)->record().counts();
    for (size_t step = 0; step < counts.size(); ++step)
      if (counts[step].tried > 0)
        tally->recoveries[std::string(to_string(static_cast<machine::RecoveryStep>(step)))] +=
            static_cast<int>(counts[step].tried);
  }

  SessionOutcome session(HardwareMachine& machine, int id) {
    SessionDeps deps;
    deps.machine = &machine;
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = folder_.path() / fmt::format("session-{}", id);
    EXPECT_TRUE(os::make_dirs(deps.folder));
    deps.nonce = fmt::format("{}-clean", id);
    SessionOrder order;
    order.session_id = id;
    order.image_digest = kernel_.string();
    order.modules_digest = modules_.string();
    order.expected = expected_;
    order.phases.push_back({.name = "quick", .test_list = "igt@quick\n"});
    const os::Path folder = deps.folder;
    SessionOutcome outcome = Session(std::move(deps), std::move(order)).run({});
    (void)os::remove_tree(folder);
    return outcome;
  }

  void take(const std::string& name, int id, const SessionOutcome& outcome,
            const std::map<std::string, int>& done, bool broken) {
    const auto passed =
        std::count_if(outcome.results.begin(), outcome.results.end(),
                      [](const TestResult& result) { return result.outcome == "pass"; });
    auto tally = tally_.lock();
    ++tally->sessions;
    for (const auto& [kind, times] : done) tally->noise[kind] += times;
    tally->longest_seconds =
        std::max(tally->longest_seconds, std::chrono::duration<double>(outcome.elapsed).count());
    if (outcome.ending == Ending::kTested && outcome.identity.proved && passed == kTests) {
      ++tally->tested;
      return;
    }
    if (outcome.ending == Ending::kInfrastructure && broken) ++tally->disconnected;
    ++tally->not_tested[fmt::format("{} {}", to_string(outcome.ending), outcome.error_class)];
    std::string noise;
    for (const auto& [kind, times] : done) noise += ", " + kind;
    tell_(fmt::format("session {} on {}: {} {}, {} of {} passed: {}{}", id, name,
                      to_string(outcome.ending), outcome.error_class, passed, kTests, outcome.error,
                      noise));
  }

  const CleanPlan& plan_;
  const std::function<void(const std::string&)>& tell_;
  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "clean-sessions-");
  os::Path kernel_;
  os::Path modules_;
  ExpectedIdentity expected_;
  FileArtifacts artifacts_;
  SystemClock clock_;
  PowerUnits units_;
  ConsoleHub hub_;
  Sync<CleanTally> tally_;
};

}  // namespace

bool is_clean(const CleanTally& tally) {
  return tally.quarantines == 0 && tally.sessions > 0 &&
         tally.tested + tally.disconnected == tally.sessions;
}

CleanTally run_clean_sessions(const CleanPlan& plan,
                              const std::function<void(const std::string&)>& tell) {
  return Lab(plan, tell).run();
}

}  // namespace kiln::agent
