#include "controller/live/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace kiln::live {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

const auto kind = [](const char* word) { return Field(&Change::kind, word); };

class BoardTest : public ::testing::Test {
 protected:
  static Change change(const std::string& word, int64_t run = 0) {
    Change out;
    out.kind = word;
    out.run_id = run;
    return out;
  }
  SystemClock clock_;
};

TEST_F(BoardTest, TellsWhatCameAfter) {
  Board board(clock_);
  const int64_t before = board.newest();
  board.post(change("run", 7));
  board.post(change("queue"));
  ASSERT_TRUE(board.after(before));
  EXPECT_THAT(*board.after(before), ElementsAre(kind("run"), kind("queue")));
  EXPECT_THAT(*board.after(board.newest() - 1), ElementsAre(kind("queue")));
  EXPECT_TRUE(board.after(board.newest())->empty());
}

TEST_F(BoardTest, ManyChangesOfAThingAreOne) {
  Board board(clock_);
  const int64_t before = board.newest();
  for (int i = 0; i < 5000; ++i) board.post(change("run", 7));
  board.post(change("run", 8));
  board.post(change("run", 7));
  const auto changes = board.after(before);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2U);
  EXPECT_EQ(changes->at(0).run_id, 8);
  EXPECT_EQ(changes->at(1).run_id, 7);
  EXPECT_EQ(changes->at(1).seq, board.newest());
}

TEST_F(BoardTest, WhatIsForgottenIsSaid) {
  BoardOptions options;
  options.kept = 3;
  Board board(clock_, options);
  const int64_t before = board.newest();
  for (int i = 1; i <= 3; ++i) board.post(change("run", i));
  EXPECT_TRUE(board.after(before));
  board.post(change("run", 4));
  EXPECT_FALSE(board.after(before));
  EXPECT_EQ(board.after(before + 1)->size(), 3U);
  EXPECT_FALSE(board.after(board.newest() + 1)) << "of a life that had more";
  EXPECT_FALSE(board.after(0)) << "of an earlier life";
}

TEST_F(BoardTest, NumbersGrowOverRestarts) {
  int64_t first = 0;
  {
    Board board(clock_);
    board.post(change("queue"));
    first = board.newest();
  }
  FakeClock later;
  later.advance(std::chrono::duration_cast<Millis>(clock_.now().time_since_epoch()) +
                Millis(60'000));
  Board board(later);
  EXPECT_GT(board.newest(), first);
}

TEST_F(BoardTest, WakesWatchersAsLongAsTheyAreThere) {
  Board board(clock_);
  std::atomic<int> woken{0};
  auto watcher = std::make_shared<Board::Watcher>([&] { ++woken; });
  board.add(watcher);
  board.post(change("queue"));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (woken == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_GT(woken, 0);
  // Whoever is being woken just now is held: the last of it is gone when the board has let go.
  std::weak_ptr<Board::Watcher> gone = watcher;
  watcher.reset();
  while (!gone.expired() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(gone.expired());
}

}  // namespace
}  // namespace kiln::live
