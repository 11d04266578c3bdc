#include "controller/keeping/space.h"

#include <fmt/format.h>

#include "lib/base/clock.h"

namespace kiln::controller {

bool is_low(bool was_low, uint64_t free, uint64_t mark) {
  return free < mark || (was_low && free < mark + mark / 10);
}

SpaceWatch::SpaceWatch(SpaceParts parts) : parts_(std::move(parts)) {
  state_.lock()->mark = parts_.mark;
}

void SpaceWatch::start() {
  look();
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      {
        auto state = state_.lock();
        state.wait_until(std::chrono::steady_clock::now() + parts_.every,
                         [&] { return stop.stop_requested(); });
      }
      if (!stop.stop_requested()) look();
    }
  });
}

void SpaceWatch::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  state_.lock().notify_all();
  thread_.join();
}

void SpaceWatch::set_mark(uint64_t mark) {
  state_.lock()->mark = mark;
  look();
}

void SpaceWatch::look() {
  const auto free = parts_.free_bytes(parts_.folder);
  auto state = state_.lock();
  if (!free) return;  // what cannot be asked is as it was
  state->free = *free;
  const bool low = is_low(state->low, *free, state->mark);
  if (low)
    state->why = fmt::format("{} are free in {}, less than the {} that min_free asks for",
                             human_bytes(*free), parts_.folder.string(), human_bytes(state->mark));
  else
    state->why.clear();
  if (low == state->low) return;
  state->low = low;
  // With the lock held: two looks at once tell their changes in their order.
  if (parts_.changed) parts_.changed(state->why);
}

Status SpaceWatch::check() {
  look();
  auto state = state_.lock();
  if (!state->low) return {};
  return fail(
      Error(ErrorKind::kNoSpace, "no new work is taken: " + state->why)
          .with_hint("free some space there (kiln gc --dry-run says what could go), or wait:"
                     " it goes on by itself"));
}

std::string SpaceWatch::why() {
  return state_.lock()->why;
}

uint64_t SpaceWatch::mark() {
  return state_.lock()->mark;
}

uint64_t SpaceWatch::free() {
  return state_.lock()->free;
}

}  // namespace kiln::controller
