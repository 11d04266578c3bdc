/// Random labs, driven for a while: nobody shares a machine, what measures is alone on its host,
/// nothing waits for ever, and no machine idles while work fits it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "lib/lab/queue.h"

namespace kiln::lab {
namespace {

constexpr Millis kStep{1000};

struct Job {
  int64_t run = 0;
  std::string user;
  Want want;
  Millis length{};
  WallTime came{};
};

struct Running {
  Grant grant;
  WallTime until{};
};

/// A lab of a few hosts and its visitors, all from one seed.
class Lab {
 public:
  explicit Lab(uint64_t seed) : random_(seed) {
    const int hosts = draw(1, 4);
    for (int i = 0; i < draw(1, 8); ++i) {
      Place place;
      place.name = "m" + std::to_string(i);
      place.host = draw(0, 2) == 0 ? "" : "h" + std::to_string(draw(1, hosts));
      place.tags = {"any"};
      if (draw(0, 2) == 0) place.tags.insert("rare");
      places_[place.name] = place;
      queue_.put_place(place);
    }
    places_["m0"].tags.insert("rare");
    queue_.put_place(places_["m0"]);
  }

  void visit() {
    const int64_t run = next_run_++;
    const std::string user = "u" + std::to_string(draw(0, 3));
    const auto priority = static_cast<Priority>(draw(0, 3));
    for (int i = 0; i < draw(1, 5); ++i) {
      Job job;
      job.run = run;
      job.user = user;
      job.want.key = "k" + std::to_string(i);
      job.want.priority = priority;
      job.want.tags = {draw(0, 4) == 0 ? "rare" : "any"};
      job.want.alone = draw(0, 3) == 0;
      job.length = kStep * draw(1, 20);
      job.came = now_;
      waiting_[{run, job.want.key}] = job;
    }
    tell(run);
  }

  void step() {
    now_ += kStep;
    for (auto at = running_.begin(); at != running_.end();) {
      if (at->until > now_) {
        ++at;
        continue;
      }
      EXPECT_TRUE(queue_.release(at->grant.lease));
      at = running_.erase(at);
    }
    if (draw(0, 30) == 0) flicker();
    for (const Grant& grant : queue_.decide(now_).grants) start(grant);
    check();
  }

  /// Everything that came is done within `most` steps.
  void drain(int most) {
    for (int i = 0; i < most && !(waiting_.empty() && running_.empty()); ++i) step();
    EXPECT_TRUE(waiting_.empty()) << waiting_.size()
                                  << " wait for ever, first: " << queue_.waiting().front().why;
  }
  [[nodiscard]] Millis longest_wait() const { return longest_wait_; }
  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

 private:
  void tell(int64_t run) {
    std::vector<Want> wants;
    std::string user;
    for (const auto& [key, job] : waiting_) {
      if (key.first != run) continue;
      wants.push_back(job.want);
      user = job.user;
    }
    queue_.set_wants(run, user, wants, now_);
  }

  void start(const Grant& grant) {
    const auto job = waiting_.find({grant.run, grant.key});
    ASSERT_NE(job, waiting_.end()) << "granted what nobody wants";
    EXPECT_GT(grant.lease, last_lease_);
    last_lease_ = grant.lease;
    EXPECT_TRUE(std::includes(places_[grant.place].tags.begin(), places_[grant.place].tags.end(),
                              job->second.want.tags.begin(), job->second.want.tags.end()));
    longest_wait_ = std::max(longest_wait_, Millis(now_ - job->second.came));
    running_.push_back({grant, now_ + job->second.length});
    if (job->second.want.alone) alone_.insert(grant.lease);
    waiting_.erase(job);
  }

  /// A machine goes and comes back: what it holds it still holds.
  void flicker() {
    const std::string name = "m" + std::to_string(draw(0, 9));
    if (!places_.contains(name)) return;
    queue_.remove_place(name);
    queue_.put_place(places_[name]);
  }

  std::string host_of(const std::string& name) {
    return places_[name].host.empty() ? name : places_[name].host;
  }

  void check() {
    std::map<std::string, int> on_place;
    std::map<std::string, int> on_host;
    std::map<std::string, int> alone_on_host;
    for (const Running& each : running_) {
      EXPECT_EQ(++on_place[each.grant.place], 1) << each.grant.place << " has two holders";
      ++on_host[host_of(each.grant.place)];
      if (alone_.contains(each.grant.lease)) ++alone_on_host[host_of(each.grant.place)];
    }
    for (const auto& [host, count] : alone_on_host) EXPECT_EQ(on_host[host], 1) << host;
    // A host where nothing runs and for which something waits would be lost time.
    for (const auto& [name, place] : places_) {
      if (on_host.contains(host_of(name))) continue;
      for (const auto& [key, job] : waiting_)
        EXPECT_FALSE(std::includes(place.tags.begin(), place.tags.end(), job.want.tags.begin(),
                                   job.want.tags.end()))
            << name << " idles while " << key.second << " of run " << key.first << " waits";
    }
  }

  std::mt19937_64 random_;
  Queue queue_;
  WallTime now_{};
  int64_t next_run_ = 1;
  uint64_t last_lease_ = 0;
  Millis longest_wait_{};
  std::map<std::string, Place> places_;
  std::map<std::pair<int64_t, std::string>, Job> waiting_;
  std::vector<Running> running_;
  std::set<uint64_t> alone_;
};

TEST(QueueProperties, RandomLabsKeepTheRulesAndDrain) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Lab lab(seed);
    for (int i = 0; i < 200; ++i) {
      if (lab.draw(0, 9) < 3) lab.visit();
      lab.step();
    }
    lab.drain(20'000);
    if (HasFailure()) return;
  }
}

/// One machine under an endless stream of urgent work: a canary waits its time, not for ever.
TEST(QueueProperties, NothingStarves) {
  Queue queue(1, std::chrono::minutes(10));
  Place place;
  place.name = "m";
  place.tags = {"any"};
  queue.put_place(place);
  WallTime now{};
  Want slow;
  slow.key = "canary";
  slow.tags = {"any"};
  slow.priority = Priority::kCanary;
  queue.set_wants(1, "low", {slow}, now);
  uint64_t held = 0;
  for (int64_t run = 2; run < 500; ++run) {
    Want urgent = slow;
    urgent.key = "urgent";
    urgent.priority = Priority::kInteractive;
    queue.set_wants(run, "u" + std::to_string(run), {urgent}, now);  // never served before
    if (held != 0) queue.release(held);
    const Decision decision = queue.decide(now);
    ASSERT_EQ(decision.grants.size(), 1U);
    held = decision.grants[0].lease;
    if (decision.grants[0].run == 1) {
      EXPECT_LE(now.time_since_epoch(), std::chrono::minutes(60));
      return;
    }
    now += std::chrono::minutes(1);
  }
  FAIL() << "the canary never ran";
}

/// How long it takes against what the work and the longest piece need at least: greedy placing on
/// equal machines is never worse than 2 - 1/machines, and mixed loads come near to the bound.
TEST(QueueProperties, MixedLoadsEndNearTheLowerBound) {
  std::mt19937_64 random(7);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  for (int round = 0; round < 50; ++round) {
    Queue queue;
    const int machines = draw(2, 12);
    for (int i = 0; i < machines; ++i) {
      Place place;
      place.name = "m" + std::to_string(i);
      place.tags = {"any"};
      queue.put_place(place);
    }
    int64_t total = 0;
    int64_t longest = 0;
    std::map<std::pair<int64_t, std::string>, int> length;
    for (int64_t run = 1; run <= 20; ++run) {
      std::vector<Want> wants;
      for (int i = 0; i < draw(2, 8); ++i) {
        Want want;
        want.key = "k" + std::to_string(i);
        want.tags = {"any"};
        want.priority = static_cast<Priority>(draw(0, 3));
        const int steps = draw(1, 30);
        length[{run, want.key}] = steps;
        total += steps;
        longest = std::max<int64_t>(longest, steps);
        wants.push_back(want);
      }
      queue.set_wants(run, "u" + std::to_string(run % 4), wants, WallTime{});
    }
    std::multimap<int64_t, uint64_t> ends;
    int64_t now = 0;
    while (true) {
      for (const Grant& grant : queue.decide(WallTime(Millis(now))).grants)
        ends.emplace(now + length.at({grant.run, grant.key}), grant.lease);
      if (ends.empty()) break;
      now = ends.begin()->first;
      queue.release(ends.begin()->second);
      ends.erase(ends.begin());
    }
    const int64_t bound = std::max(longest, (total + machines - 1) / machines);
    EXPECT_LE(static_cast<double>(now), 1.2 * static_cast<double>(bound)) << machines;
  }
}

}  // namespace
}  // namespace kiln::lab
