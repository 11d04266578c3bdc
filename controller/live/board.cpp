#include "controller/live/board.h"

#include <algorithm>

namespace kiln::live {
namespace {

bool same_thing(const Change& a, const Change& b) {
  return a.kind == b.kind && a.run_id == b.run_id && a.name == b.name;
}

}  // namespace

Board::Board(const Clock& clock, BoardOptions options) : options_(options) {
  {
    auto state = state_.lock();
    state->newest = state->forgotten =
        std::chrono::duration_cast<std::chrono::microseconds>(clock.now().time_since_epoch())
            .count();
  }
  thread_ = std::thread([this] { loop(); });
}

Board::~Board() {
  {
    auto state = state_.lock();
    state->stop = true;
    state.notify_all();
  }
  thread_.join();
}

void Board::post(Change change) {
  auto state = state_.lock();
  change.seq = ++state->newest;
  // The newest of a thing stands for all of it, so that a busy run does not push out the others.
  std::erase_if(state->changes, [&](const Change& each) { return same_thing(each, change); });
  state->changes.push_back(std::move(change));
  if (state->changes.size() > options_.kept) {
    state->forgotten = state->changes.front().seq;
    state->changes.pop_front();
  }
  if (std::exchange(state->changed, true)) return;
  state.notify_all();
}

int64_t Board::newest() {
  return state_.lock()->newest;
}

std::optional<std::vector<Change>> Board::after(int64_t seq) {
  auto state = state_.lock();
  if (seq < state->forgotten || seq > state->newest) return std::nullopt;
  const auto first =
      std::upper_bound(state->changes.begin(), state->changes.end(), seq,
                       [](int64_t number, const Change& each) { return number < each.seq; });
  return std::vector<Change>(first, state->changes.end());
}

void Board::add(std::weak_ptr<Watcher> watcher) {
  state_.lock()->watchers.push_back(std::move(watcher));
}

void Board::loop() {
  auto next = std::chrono::steady_clock::now();
  while (true) {
    std::vector<std::shared_ptr<Watcher>> woken;
    {
      auto state = state_.lock();
      // Not more often than the pace, however much happens; now and then in any case.
      state.wait_until(next, [&] { return state->stop; });
      state.wait_until(std::chrono::steady_clock::now() + options_.heartbeat,
                       [&] { return state->stop || state->changed; });
      if (state->stop) return;
      state->changed = false;
      std::erase_if(state->watchers, [&](const std::weak_ptr<Watcher>& each) {
        auto there = each.lock();
        if (there) woken.push_back(std::move(there));
        return each.expired();
      });
    }
    next = std::chrono::steady_clock::now() + options_.pace;
    for (const auto& watcher : woken) (*watcher)();
  }
}

}  // namespace kiln::live
