#include "agent/console/taps.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::agent {
namespace {

constexpr uint64_t kMostAtOnce = 64 << 10;

}  // namespace

void ConsoleTaps::feed(std::string_view bytes) {
  auto state = state_.lock();
  state->end += bytes.size();
  state->kept.append(bytes);
  // Cut seldom: a cut moves what is kept.
  if (state->kept.size() > 2 * kept_) state->kept.erase(0, state->kept.size() - kept_);
  state.notify_all();
}

uint64_t ConsoleTaps::begin() {
  auto state = state_.lock();
  return state->end - std::min<uint64_t>(state->kept.size(), shown_first_);
}

std::string ConsoleTaps::read(uint64_t* at, Millis wait) {
  auto state = state_.lock();
  state.wait_until(std::chrono::steady_clock::now() + wait, [&] { return state->end > *at; });
  if (state->end <= *at) return "";
  const uint64_t first = state->end - state->kept.size();
  std::string out;
  if (*at < first) {
    out = fmt::format("\r\n[{} bytes were not shown: they came faster than they were read]\r\n",
                      first - *at);
    *at = first;
  }
  const uint64_t size = std::min(state->end - *at, kMostAtOnce);
  out.append(state->kept, *at - first, size);
  *at += size;
  return out;
}

}  // namespace kiln::agent
