#include "controller/fleet/tunnels.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/os/files.h"
#include "lib/os/random.h"

namespace kiln::fleet {
namespace {

std::chrono::steady_clock::time_point in(Millis wait) {
  return std::chrono::steady_clock::now() + wait;
}

/// A person who takes nothing for so long has gone, whatever his connection says.
constexpr Millis kMostPatience{60'000};

std::string words(const std::string& why) {
  return why.empty() ? "the machine's side has closed" : why;
}

}  // namespace

Result<std::string> Tunnel::wait_open(Millis wait) {
  auto state = state_.lock();
  state.wait_until(in(wait), [&] { return state->opened || state->ended; });
  if (state->opened) return state->host_key;
  if (state->ended) return fail(ErrorKind::kInfrastructure, words(state->why));
  return fail(
      Error(ErrorKind::kTimeout, fmt::format("the agent of {} has not opened its end within {} s",
                                             machine_, wait.count() / 1000))
          .with_hint("kiln agents says how its agents are; at most 32 can be open there"));
}

Result<std::string> Tunnel::take(Millis wait) {
  auto state = state_.lock();
  state.wait_until(in(wait), [&] { return !state->to_person.empty() || state->ended; });
  if (!state->to_person.empty()) {
    std::string out = std::exchange(state->to_person, {});
    state.notify_all();
    return out;
  }
  if (state->ended) return fail(ErrorKind::kInfrastructure, words(state->why));
  return std::string();
}

Status Tunnel::give(std::string_view bytes, Millis wait) {
  auto state = state_.lock();
  const bool room = state.wait_until(in(wait), [&] {
    return state->ended || state->to_machine.size() + bytes.size() <= kMostWaiting;
  });
  if (state->ended) return fail(ErrorKind::kInfrastructure, words(state->why));
  if (!room) return fail(ErrorKind::kTimeout, machine_ + " takes nothing now");
  state->to_machine.append(bytes);
  state.notify_all();
  return {};
}

void Tunnel::leave() {
  auto state = state_.lock();
  state->left = true;
  state.notify_all();
}

Status Tunnel::open(const std::string& host_key) {
  auto state = state_.lock();
  if (state->opened || state->left || state->ended)
    return fail(ErrorKind::kConflict, "nobody waits for this tunnel");
  state->host_key = host_key;
  state->opened = true;
  state.notify_all();
  return {};
}

bool Tunnel::put(std::string_view bytes) {
  auto state = state_.lock();
  const bool room = state.wait_until(in(kMostPatience), [&] {
    return state->left || state->ended || state->to_person.size() < kMostWaiting;
  });
  if (!room || state->left || state->ended) return false;
  state->to_person.append(bytes);
  state.notify_all();
  return true;
}

std::optional<std::string> Tunnel::next(Millis wait) {
  auto state = state_.lock();
  state.wait_until(in(wait),
                   [&] { return !state->to_machine.empty() || state->left || state->ended; });
  if (state->left || state->ended) return std::nullopt;
  std::string out = std::exchange(state->to_machine, {});
  state.notify_all();
  return out;
}

void Tunnel::end(const std::string& why) {
  auto state = state_.lock();
  if (std::exchange(state->ended, true)) return;
  state->why = why;
  state.notify_all();
}

Result<std::shared_ptr<Tunnel>> Tunnels::make(const std::string& user, const std::string& machine,
                                              bool of_holder) {
  KILN_ASSIGN(const std::string drawn, os::random_bytes(32));
  const auto tunnel = std::make_shared<Tunnel>(os::sha256_hex(drawn), user, machine, of_holder);
  auto all = all_.lock();
  const auto of_user = std::count_if(
      all->begin(), all->end(), [&](const auto& entry) { return entry.second->user() == user; });
  if (all->size() >= kMost || static_cast<size_t>(of_user) >= kMostOfUser)
    return fail(Error(ErrorKind::kConflict,
                      fmt::format("{} consoles and connections are open, {} of them yours",
                                  all->size(), of_user))
                    .with_hint("close one first"));
  (*all)[tunnel->id()] = tunnel;
  return tunnel;
}

Result<std::shared_ptr<Tunnel>> Tunnels::find(const std::string& id) {
  auto all = all_.lock();
  const auto found = all->find(id);
  if (found == all->end()) return fail(ErrorKind::kNotFound, "no such tunnel is open");
  return found->second;
}

void Tunnels::forget(const Tunnel& tunnel) {
  all_.lock()->erase(tunnel.id());
}

void Tunnels::end_of(const std::string& machine, const std::string& why) {
  auto all = all_.lock();
  for (const auto& [id, tunnel] : *all)
    if (tunnel->machine() == machine && tunnel->of_holder()) tunnel->end(why);
}

}  // namespace kiln::fleet
