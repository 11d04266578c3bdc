/// The tools that read each patch without running it: in time that nobody else wants, and given
/// back to whatever measures there.
#include <utility>

#include "controller/scheduler/driver.h"

namespace kiln::scheduler {

/// On any thread. A check that was stopped has no answer: it may be begun again.
void RunDriver::run_statics(const std::stop_token& stop) {
  auto side = deps_.check_statics(stop);
  auto statics = statics_.lock();
  statics->running = false;
  if (side) {
    statics->side = std::move(*side);
  } else if (side.error().kind != ErrorKind::kCancelled) {
    // A tool or this computer failed; the run's answer does not hang on it.
    statics->side = statics::Side();
    statics->side->notes.push_back("not looked at: " + side.error().message);
  }
}

/// Whether the run still waits for them: nobody else has told what the tools say.
bool RunDriver::statics_are_open() {
  return deps_.check_statics && !state_.stopping && !statics_.lock()->side;
}

/// In the spare time that was granted.
void RunDriver::start_statics() {
  statics_.lock()->running = true;
  statics_thread_ = std::jthread([this](const std::stop_token& stop) {
    run_statics(stop);
    post(Recalled{});
  });
}

/// For what measures there, or when they are done; what was learned is not asked again.
void RunDriver::pause_statics() {
  statics_thread_ = {};
  if (spare_lease_ != 0) ended_leases_.push_back(std::exchange(spare_lease_, 0));
}

statics::Side RunDriver::finish_statics() {
  pause_statics();
  auto statics = statics_.lock();
  if (!deps_.check_statics) return {};
  if (statics->side) return *statics->side;
  statics::Side unfinished;
  unfinished.notes.emplace_back("not looked at: the run was not finished");
  return unfinished;
}

}  // namespace kiln::scheduler
