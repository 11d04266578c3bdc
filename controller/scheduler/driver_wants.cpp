/// What the run wants of the lab, and what it does with what it is granted.
#include <algorithm>
#include <utility>

#include "controller/scheduler/driver.h"

namespace kiln::scheduler {
namespace {

constexpr const char* kBuild = "build ";
constexpr const char* kSpare = "reading each patch";

/// Follow-ups of a nightly run come before other nights: a suspicion is open.
lab::Priority priority_of(const job::PlannedSession& session, lab::Priority run) {
  const bool follow_up = session.purpose == "confirmation" || session.purpose == "bisection";
  return follow_up ? lab::Priority::kFollowUp : run;
}

}  // namespace

/// The other half of the pair, when it has run: this one follows it on the same machine.
const job::SessionStep* RunDriver::mate_of(const job::SessionStep& step) const {
  if (step.session.pair == 0) return nullptr;
  for (const job::SessionStep& other : state_.sessions) {
    if (other.session.pair != step.session.pair || other.session.config != step.session.config ||
        other.session.purpose != step.session.purpose || other.session.key == step.session.key)
      continue;
    if (other.state == job::StepState::kDone) return &other;
  }
  return nullptr;
}

lab::Want RunDriver::want_of(const job::SessionStep& step) {
  const job::PlannedSession& session = step.session;
  lab::Want want;
  want.key = session.key;
  want.priority = priority_of(session, input_.priority);
  want.tags.insert(input_.prepared->spec.machine.tags.begin(),
                   input_.prepared->spec.machine.tags.end());
  want.never = lacking_;
  if (!input_.check_machine.empty()) {
    want.place = input_.check_machine;
    want.tags = {lab::kCheckTag};
    return want;
  }
  if (step.attempts > 0) {
    if (const auto failed = ran_on_.find(session.key); failed != ran_on_.end())
      want.avoid.insert(failed->second);
  }
  want.alone = job::measures(session);
  if (want.alone) {
    if (const job::SessionStep* mate = mate_of(step)) {
      const auto where = ran_on_.find(mate->session.key);
      if (where != ran_on_.end() && may_use(where->second)) {
        want.place = where->second;
        want.mate = true;
      }
    } else if (step.attempts == 0 && may_use(measures_on_)) {
      want.place = measures_on_;
    }
    return want;
  }
  // Variants are compared on one machine, or on some that are alike.
  const auto where = test_places_.find(session.config);
  if (where == test_places_.end() || step.attempts > 0) return want;
  if (!where->second.kind.empty())
    want.kind = where->second.kind;
  else if (may_use(where->second.name))
    want.place = where->second.name;
  return want;
}

void RunDriver::tell_wants(const std::vector<job::Action>& actions) {
  std::vector<lab::Want> wants;
  std::set<std::string> asked_places;
  for (const job::Action& action : actions) {
    if (action.kind == job::Action::Kind::kBuild) {
      lab::Want want;
      want.key = kBuild + action.key;
      want.priority = input_.priority;
      want.tags = {lab::kBuildTag};
      wants.push_back(std::move(want));
    }
    if (action.kind != job::Action::Kind::kSession) continue;
    const job::SessionStep& step = *step_of(action.key);
    lab::Want want = want_of(step);
    // Until the first of a config has its machine the others would be free to take another.
    const std::string& config = step.session.config;
    if (!want.alone && !test_places_.contains(config) && !asked_places.insert(config).second)
      continue;
    wants.push_back(std::move(want));
  }
  const bool open = job::has_spare_time(state_) && statics_are_open() && !statics_.lock()->running;
  if (open) {
    lab::Want want;
    want.key = kSpare;
    want.priority = input_.priority;
    want.tags = {lab::kSpareTag};
    want.spare = true;
    wants.push_back(std::move(want));
  }
  if (wants == told_wants_) return;
  told_wants_ = wants;
  deps_.lab->want(input_.run_id, wants);
}

void RunDriver::handle_grant(const lab::Grant& grant) {
  told_wants_.clear();  // the lab has taken it off its list
  if (!use_grant(grant)) deps_.lab->release(grant.lease);
}

/// False: it came too late for what was wanted.
bool RunDriver::use_grant(const lab::Grant& grant) {
  if (state_.stopping) return false;
  if (grant.key == kSpare) {
    if (spare_lease_ != 0 || !statics_are_open() || statics_.lock()->running) return false;
    spare_lease_ = grant.lease;
    start_statics();
    return true;
  }
  if (grant.key.starts_with(kBuild)) {
    const std::string key = grant.key.substr(std::string_view(kBuild).size());
    const bool waits =
        std::any_of(state_.builds.begin(), state_.builds.end(), [&](const job::BuildStep& step) {
          return step.build.key == key && step.state == job::StepState::kWaiting;
        });
    if (!waits || build_lease_ != 0) return false;
    build_lease_ = grant.lease;
    pause_statics();
    start_build(key);
    return true;
  }
  const job::SessionStep* step = step_of(grant.key);
  if (step == nullptr || step->state != job::StepState::kWaiting || !may_use(grant.place))
    return false;
  if (!job::measures(step->session) && !test_places_.contains(step->session.config)) {
    lab::Place& place = test_places_[step->session.config];
    place.name = grant.place;
    if (const auto machine = deps_.lab->machine(grant.place))
      place.kind = fleet::kind_of(machine->info);
  }
  return start_session(grant.key, grant.place, grant.lease);
}

/// After the next wants were told: a pair's second half is in line before its machine is free. True
/// when there was one: what is to be run again counted as held until now, and is to be told anew.
bool RunDriver::release_ended() {
  bool any = false;
  for (const uint64_t lease : std::exchange(ended_leases_, {})) {
    if (lease == 0) continue;
    deps_.lab->release(lease);
    any = true;
  }
  if (any) told_wants_.clear();
  return any;
}

}  // namespace kiln::scheduler
