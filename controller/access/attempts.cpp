#include "controller/access/attempts.h"

namespace kiln::controller {
namespace {

/// "ipv4:192.0.2.7:5312" without its last part.
std::string host_of(const std::string& peer) {
  return peer.substr(0, peer.rfind(':'));
}

}  // namespace

void Attempts::forget_old(State& state) {
  const auto now = clock_.steady();
  while (!state.tries.empty() && now - state.tries.front().when >= kWindow) {
    const auto host = state.by_host.find(state.tries.front().host);
    if (--host->second == 0) state.by_host.erase(host);
    state.tries.pop_front();
  }
}

bool Attempts::allowed(const std::string& peer) {
  auto state = state_.lock();
  forget_old(*state);
  if (state->tries.size() >= static_cast<size_t>(kOfAll)) return false;
  const auto host = state->by_host.find(host_of(peer));
  return host == state->by_host.end() || host->second < kOfOne;
}

void Attempts::failed(const std::string& peer) {
  auto state = state_.lock();
  forget_old(*state);
  if (state->tries.size() >= static_cast<size_t>(kOfAll)) return;
  const std::string host = host_of(peer);
  state->tries.push_back({clock_.steady(), host});
  ++state->by_host[host];
}

}  // namespace kiln::controller
