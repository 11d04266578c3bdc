#include "controller/results/event_hub.h"

#include <gtest/gtest.h>

#include <thread>

namespace kiln::results {
namespace {

v1::RunEvent event_of(const std::string& kind) {
  v1::RunEvent event;
  event.set_kind(kind);
  return event;
}

TEST(EventHub, AWatcherGetsEachEventOnceAndInOrder) {
  const FakeClock clock;
  EventHub hub(clock, nullptr);
  hub.open(1);
  std::vector<int64_t> seen;
  std::jthread watcher([&] {
    int64_t after = 0;
    while (true) {
      const auto events = hub.next(1, after, Millis(10'000));
      for (const v1::RunEvent& event : *events) {
        after = event.seq();
        seen.push_back(after);
        if (event.kind() == "finished") return;
      }
    }
  });
  for (int i = 0; i < 100; ++i) hub.publish(1, event_of("note"));
  hub.publish(1, event_of("finished"));
  watcher.join();
  ASSERT_EQ(seen.size(), 101U);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<int64_t>(i) + 1);
}

TEST(EventHub, OnlyDurableEventsAreStoredAndNoneAfterTheEnd) {
  const FakeClock clock;
  std::vector<std::string> stored;
  EventHub hub(clock, [&](int64_t, const v1::RunEvent& event) { stored.push_back(event.kind()); });
  hub.publish(1, event_of("note"));
  hub.publish(1, event_of("console"));
  hub.publish(1, event_of("finished"));
  hub.publish(1, event_of("note"));
  EXPECT_EQ(stored, (std::vector<std::string>{"note", "finished"}));
  EXPECT_EQ(hub.next(1, 0, Millis(0))->size(), 3U);
}

TEST(EventHub, NumbersGoOnWellAfterWhatAWatcherMayHaveSeen) {
  const FakeClock clock;
  EventHub hub(clock, nullptr);
  hub.resume(1, 41);
  hub.publish(1, event_of("note"));
  const int64_t next = hub.next(1, 0, Millis(0))->at(0).seq();
  EXPECT_GT(next, 41 + 500);
  EXPECT_TRUE(hub.next(1, next, Millis(0))->empty());
}

TEST(EventHub, AnEarlierEndIsNotToldOfARunThatGoesOn) {
  const FakeClock clock;
  EventHub hub(clock, nullptr);
  hub.publish(1, event_of("note"));
  hub.publish(1, event_of("finished"));
  hub.resume(1, 2);
  hub.publish(1, event_of("phase"));
  const auto events = hub.next(1, 0, Millis(0));
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ(events->at(0).kind(), "note");
  EXPECT_EQ(events->at(1).kind(), "phase");
}

TEST(EventHub, FinishedRunsDoNotPileUpAndOneThatGoesOnStays) {
  const FakeClock clock;
  EventHub hub(clock, nullptr);
  hub.publish(1, event_of("finished"));
  hub.publish(2, event_of("finished"));
  hub.resume(2, 1);
  for (int64_t run = 3; run < 200; ++run) hub.publish(run, event_of("finished"));
  EXPECT_FALSE(hub.knows(1));
  EXPECT_FALSE(hub.next(1, 0, Millis(0)));
  EXPECT_TRUE(hub.knows(2));
  EXPECT_TRUE(hub.knows(199));
}

}  // namespace
}  // namespace kiln::results
