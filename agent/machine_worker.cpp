#include "agent/machine_worker.h"

#include <fmt/format.h>

#include <charconv>
#include <random>

#include "agent/test/session.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

uint64_t read_epoch(const Path& file) {
  const std::string text = os::read_file(file, 100).value_or("");
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

MachineWorker::MachineWorker(WorkerDeps deps)
    : deps_(std::move(deps)), epoch_file_(deps_.folder / "epoch") {
  state_.lock()->epoch = read_epoch(epoch_file_);
  // Left by a process that was killed.
  (void)os::remove_tree(deps_.folder / "sessions");
  thread_ = std::thread([this] { loop(); });
}

MachineWorker::~MachineWorker() {
  {
    auto state = state_.lock();
    state->ending = true;
    state->why = "the agent is shutting down";
    state->stop.request_stop();
    state.notify_all();
  }
  thread_.join();
}

void MachineWorker::refuse(const SessionOrder& order, const std::string& why) {
  SessionOutcome outcome;
  outcome.error = why;
  outcome.error_class = "INFRA_AGENT";
  outcome.started = deps_.clock->now();
  deps_.finished(order, outcome);
}

void MachineWorker::start(const SessionOrder& order) {
  std::string refused;
  std::optional<SessionOrder> displaced;
  {
    auto state = state_.lock();
    const auto same = [&](const std::optional<SessionOrder>& other) {
      return other && other->session_id == order.session_id;
    };
    if (same(state->running) || same(state->waiting)) return;
    const bool busy = state->running || state->waiting;
    if (order.lease_epoch < state->epoch) {
      refused = fmt::format("lease epoch {} is over, the machine is at {}", order.lease_epoch,
                            state->epoch);
    } else if (busy && order.lease_epoch == state->epoch) {
      refused =
          fmt::format("the machine is busy with session {}",
                      state->running ? state->running->session_id : state->waiting->session_id);
    } else if (auto stored =
                   order.lease_epoch == state->epoch
                       ? Status()
                       : os::write_atomic(epoch_file_, fmt::format("{}\n", order.lease_epoch));
               !stored) {
      refused = stored.error().message;
    } else {
      state->epoch = order.lease_epoch;
      displaced = std::exchange(state->waiting, order);
      if (state->running) {
        state->why = fmt::format("lease epoch {} took the machine", order.lease_epoch);
        state->stop.request_stop();
      }
      state.notify_all();
    }
  }
  if (displaced) refuse(*displaced, "a newer lease took the machine");
  if (!refused.empty()) refuse(order, refused);
}

std::vector<SessionOrder> MachineWorker::sessions() {
  auto state = state_.lock();
  std::vector<SessionOrder> out;
  if (state->running) out.push_back(*state->running);
  if (state->waiting) out.push_back(*state->waiting);
  return out;
}

uint64_t MachineWorker::highest_epoch() {
  return state_.lock()->epoch;
}

void MachineWorker::cancel(int64_t session_id, const std::string& why) {
  std::optional<SessionOrder> dropped;
  {
    auto state = state_.lock();
    if (state->waiting && state->waiting->session_id == session_id)
      dropped = std::exchange(state->waiting, std::nullopt);
    if (state->running && state->running->session_id == session_id) {
      state->why = why;
      state->stop.request_stop();
    }
  }
  if (!dropped) return;
  SessionOutcome outcome;
  outcome.ending = Ending::kCancelled;
  outcome.error_class = "CANCELLED";
  outcome.error = why.empty() ? "cancelled" : "cancelled: " + why;
  outcome.started = deps_.clock->now();
  deps_.finished(*dropped, outcome);
}

void MachineWorker::loop() {
  for (;;) {
    SessionOrder order;
    std::stop_token stop;
    uint64_t number = 0;
    {
      auto state = state_.lock();
      state.wait_until(std::chrono::steady_clock::now() + std::chrono::hours(24),
                       [&] { return state->ending || state->waiting.has_value(); });
      if (state->ending) return;
      if (!state->waiting) continue;
      order = *state->waiting;
      state->running = std::exchange(state->waiting, std::nullopt);
      state->stop = std::stop_source();
      state->why.clear();
      stop = state->stop.get_token();
      number = ++state->sessions;
    }
    run(order, stop, number);
  }
}

void MachineWorker::run(const SessionOrder& order, std::stop_token stop, uint64_t number) {
  deps_.began(order);
  if (deps_.state_changed) deps_.state_changed("busy", fmt::format("session {}", order.session_id));
  const Path folder = deps_.folder / "sessions" / fmt::format("{}", order.session_id);
  SessionOutcome outcome;
  outcome.started = deps_.clock->now();
  outcome.error_class = "INFRA_AGENT";
  Status made = os::remove_tree(folder);
  if (made) made = os::make_dirs(folder);
  if (made && deps_.play) {
    outcome = deps_.play(
        order, [&](const SessionProgress& progress) { deps_.progress(order, progress); }, stop);
  } else if (made) {
    SessionDeps deps;
    deps.machine = deps_.machine;
    deps.artifacts = deps_.artifacts;
    deps.clock = deps_.clock;
    deps.progress = [&](const SessionProgress& progress) { deps_.progress(order, progress); };
    deps.folder = folder;
    // Never the same twice, whatever the folder is restored from.
    deps.nonce = fmt::format("{}-{:08x}{:x}", order.session_id, std::random_device()(), number);
    deps.boot_limit = deps_.boot_limit;
    deps.boot_silence = deps_.boot_silence;
    outcome = Session(std::move(deps), order).run(stop);
  } else {
    outcome.error = made.error().message;
  }
  (void)os::remove_tree(folder);
  {
    auto state = state_.lock();
    if (outcome.ending == Ending::kCancelled && !state->why.empty())
      outcome.error = "cancelled: " + to_valid_utf8(state->why);
  }
  // First kept, then no longer running: at no moment does the agent seem to know nothing of it.
  deps_.finished(order, outcome);
  state_.lock()->running.reset();
  if (deps_.state_changed) deps_.state_changed("ready", "");
}

}  // namespace kiln::agent
