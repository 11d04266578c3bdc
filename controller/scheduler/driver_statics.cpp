/// The tools that read each patch without running it: beside boots that only test, in the time that
/// nothing else wants.
#include <fmt/format.h>

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

void RunDriver::start_statics() {
  if (!deps_.check_statics || !job::has_spare_time(state_)) return;
  {
    auto statics = statics_.lock();
    if (statics->running || statics->side) return;
    statics->running = true;
  }
  statics_thread_ = std::jthread([this](const std::stop_token& stop) { run_statics(stop); });
}

/// For what the run waits for; it goes on when there is time again.
void RunDriver::pause_statics() {
  statics_thread_ = {};
}

/// What is left of it is done now: the machines have nothing more to do.
statics::Side RunDriver::finish_statics(const std::stop_token& stop) {
  if (!deps_.check_statics) return {};
  if (state_.stopping) {
    pause_statics();
  } else {
    const std::stop_callback forward(stop, [this] { statics_thread_.request_stop(); });
    if (!statics_.lock()->side) publish_phase("reading each patch");
    if (statics_thread_.joinable()) statics_thread_.join();
    if (!statics_.lock()->side) run_statics(stop);
  }
  auto statics = statics_.lock();
  if (statics->side) return *statics->side;
  statics::Side unfinished;
  unfinished.notes.emplace_back("not looked at: the run was not finished");
  return unfinished;
}

}  // namespace kiln::scheduler
