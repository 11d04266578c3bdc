#include "controller/results/event_hub.h"

#include "controller/results/timestamps.h"

namespace kiln::results {

bool is_durable(const v1::RunEvent& event) {
  return event.kind() != "test" && event.kind() != "step" && event.kind() != "console";
}

void EventHub::open(int64_t run_id, int64_t last_seq) {
  auto runs = runs_.lock();
  Run& run = (*runs)[run_id];
  run.last_seq = std::max(run.last_seq, last_seq);
  run.finished = false;
}

bool EventHub::knows(int64_t run_id) {
  auto runs = runs_.lock();
  return runs->contains(run_id);
}

void EventHub::publish(int64_t run_id, v1::RunEvent event) {
  set_timestamp(clock_.now(), event.mutable_time());
  auto runs = runs_.lock();
  Run& run = (*runs)[run_id];
  if (run.finished) return;
  event.set_seq(++run.last_seq);
  run.finished = event.kind() == "finished";
  // Stored under the lock, so that the order on disk is the order of the numbers.
  if (is_durable(event) && store_) store_(run_id, event);
  run.events.push_back(std::move(event));
  if (run.events.size() > kKept) run.events.pop_front();
  runs.notify_all();
}

std::vector<v1::RunEvent> EventHub::next(int64_t run_id, int64_t after, Millis wait) {
  auto runs = runs_.lock();
  const auto deadline = std::chrono::steady_clock::now() + wait;
  runs.wait_until(deadline, [&] {
    const Run& run = (*runs)[run_id];
    return run.last_seq > after || run.finished;
  });
  std::vector<v1::RunEvent> out;
  for (const v1::RunEvent& event : (*runs)[run_id].events)
    if (event.seq() > after) out.push_back(event);
  return out;
}

}  // namespace kiln::results
