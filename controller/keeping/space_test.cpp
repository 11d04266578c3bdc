#include "controller/keeping/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "lib/os/testing.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;

TEST(Space, GoesOnALittleAboveTheMark) {
  EXPECT_FALSE(is_low(false, 100, 100));
  EXPECT_TRUE(is_low(false, 99, 100));
  EXPECT_TRUE(is_low(true, 100, 100));
  EXPECT_TRUE(is_low(true, 109, 100));
  EXPECT_FALSE(is_low(true, 110, 100));
  EXPECT_FALSE(is_low(false, 0, 0));
  EXPECT_FALSE(is_low(true, 0, 0)) << "no mark, never low";
}

struct Disk {
  std::atomic<uint64_t> free{10'000};
  std::atomic<bool> broken{false};
  std::vector<std::string> told;
  SpaceParts parts() {
    SpaceParts parts;
    parts.folder = "/data";
    parts.mark = 1000;
    parts.every = Millis(1);
    parts.free_bytes = [this](const os::Path&) -> Result<uint64_t> {
      if (broken) return fail(ErrorKind::kInfrastructure, "no answer");
      return free.load();
    };
    parts.changed = [this](const std::string& why) { told.push_back(why); };
    return parts;
  }
};

TEST(Space, EachChangeIsToldOnce) {
  Disk disk;
  SpaceWatch watch(disk.parts());
  EXPECT_TRUE(watch.check());
  EXPECT_TRUE(disk.told.empty());
  disk.free = 999;
  for (int i = 0; i < 5; ++i) {
    const Status refused = watch.check();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kNoSpace);
    EXPECT_EQ(refused.error().message,
              "no new work is taken: 999 B are free in /data, less than the 1.0 kB that min_free"
              " asks for");
  }
  disk.free = 1050;
  EXPECT_FALSE(watch.check());
  disk.free = 1100;
  EXPECT_TRUE(watch.check());
  EXPECT_EQ(watch.why(), "");
  ASSERT_EQ(disk.told.size(), 2U);
  EXPECT_THAT(disk.told[0], HasSubstr("999 B are free"));
  EXPECT_EQ(disk.told[1], "");
}

TEST(Space, WhatCannotBeAskedIsAsItWas) {
  Disk disk;
  disk.free = 10;
  SpaceWatch watch(disk.parts());
  EXPECT_FALSE(watch.check());
  disk.broken = true;
  EXPECT_FALSE(watch.check());
  EXPECT_EQ(watch.free(), 10U);
}

TEST(Space, AnotherMarkHoldsAtOnce) {
  Disk disk;
  SpaceWatch watch(disk.parts());
  watch.set_mark(20'000);
  EXPECT_FALSE(watch.check());
  watch.set_mark(0);
  EXPECT_TRUE(watch.check());
}

TEST(Space, TheWatchLooksByItself) {
  Disk disk;
  std::atomic<int> changes{0};
  SpaceParts parts = disk.parts();
  parts.changed = [&](const std::string&) { ++changes; };
  SpaceWatch watch(std::move(parts));
  watch.start();
  disk.free = 1;
  const auto bound = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (changes < 1 && std::chrono::steady_clock::now() < bound) std::this_thread::yield();
  disk.free = 5000;
  while (changes < 2 && std::chrono::steady_clock::now() < bound) std::this_thread::yield();
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(watch.why(), "");
}

/// In a child process, so that its mount is its own: a real disk that fills, and is emptied.
int fill_a_disk(const os::Path& folder) {
  SpaceParts parts;
  parts.folder = folder;
  parts.mark = 1 << 20;
  SpaceWatch watch(std::move(parts));
  if (!watch.check()) return 1;
  if (!os::write_atomic(folder / "big", std::string(1'300'000, 'x'))) return 2;
  if (watch.check()) return 3;
  std::filesystem::remove(folder / "big");
  return watch.check() ? 0 : 4;
}

TEST(Space, ARealDiskThatFills) {
  const auto folder = os::TempFolder::make("/tmp", "space-test");
  const int code =
      os::on_a_small_disk(folder->path(), "2m", [&] { return fill_a_disk(folder->path()); });
  if (code == os::kMayNotMount) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace kiln::controller
