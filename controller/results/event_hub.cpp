#include "controller/results/event_hub.h"

#include <algorithm>

#include "controller/results/timestamps.h"

namespace kiln::results {

bool is_durable(const v1::RunEvent& event) {
  return event.kind() != "test" && event.kind() != "step" && event.kind() != "console";
}

EventHub::Shared EventHub::find_or_add(int64_t run_id) {
  auto runs = runs_.lock();
  Shared& run = runs->all[run_id];
  if (!run) run = std::make_shared<Sync<Run>>();
  return run;
}

void EventHub::forget_old(int64_t finished_run) {
  auto runs = runs_.lock();
  runs->finished.push_back(finished_run);
  while (runs->finished.size() > kKeptFinished) {
    runs->all.erase(runs->finished.front());
    runs->finished.pop_front();
  }
}

void EventHub::resume(int64_t run_id, int64_t last_seq) {
  const Shared shared = find_or_add(run_id);
  std::erase(runs_.lock()->finished, run_id);
  auto run = shared->lock();
  run->last_seq = std::max(run->last_seq, last_seq + kGap);
  run->finished = false;
  // Who watches from the start would take an earlier end for this one's.
  std::erase_if(run->events, [](const v1::RunEvent& event) { return event.kind() == "finished"; });
}

bool EventHub::knows(int64_t run_id) {
  return runs_.lock()->all.contains(run_id);
}

void EventHub::publish(int64_t run_id, v1::RunEvent event) {
  set_timestamp(clock_.now(), event.mutable_time());
  const Shared shared = find_or_add(run_id);
  const bool finished = event.kind() == "finished";
  {
    auto run = shared->lock();
    if (run->finished) return;
    event.set_seq(++run->last_seq);
    run->finished = finished;
    if (is_durable(event) && store_) store_(run_id, event);
    run->events.push_back(std::move(event));
    if (run->events.size() > kKept) run->events.pop_front();
    run.notify_all();
  }
  if (finished) forget_old(run_id);
}

std::optional<std::vector<v1::RunEvent>> EventHub::next(int64_t run_id, int64_t after,
                                                        Millis wait) {
  Shared shared;
  {
    auto runs = runs_.lock();
    const auto found = runs->all.find(run_id);
    if (found == runs->all.end()) return std::nullopt;
    shared = found->second;
  }
  auto run = shared->lock();
  const auto deadline = std::chrono::steady_clock::now() + wait;
  run.wait_until(deadline, [&] { return run->last_seq > after || run->finished; });
  const auto first =
      std::upper_bound(run->events.begin(), run->events.end(), after,
                       [](int64_t seq, const v1::RunEvent& event) { return seq < event.seq(); });
  const auto count = std::min<std::ptrdiff_t>(run->events.end() - first, kMostAtOnce);
  return std::vector<v1::RunEvent>(first, first + count);
}

}  // namespace kiln::results
