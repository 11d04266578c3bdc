#include "lib/os/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::os {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class Eviction : public testing::Test {
 protected:
  void SetUp() override { dir_ = *make_temp_dir(testing::TempDir(), "eviction"); }
  void TearDown() override { (void)remove_tree(dir_); }
  /// A folder of the cache; `age` = how long ago it was used.
  CacheEntry entry(const std::string& name, uint64_t bytes, int age, bool kept = false) {
    EXPECT_TRUE(make_dirs(dir_ / name));
    EXPECT_TRUE(write_atomic(dir_ / name / "file", "x"));
    return {dir_ / name, bytes, fs::file_time_type(std::chrono::hours(1000 - age)), kept};
  }
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(dir_)) names.push_back(each.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  Path dir_;
};

TEST_F(Eviction, TheOldestGoFirstAndNoMoreThanNeeded) {
  ASSERT_TRUE(evict({entry("new", 10, 1), entry("old", 10, 3), entry("middle", 10, 2)}, 20));
  EXPECT_THAT(left(), ElementsAre("middle", "new"));
}

TEST_F(Eviction, WhatIsKeptStaysEvenBeyondTheLimit) {
  ASSERT_TRUE(evict({entry("used", 50, 9, true), entry("old", 10, 3), entry("new", 10, 1)}, 20));
  EXPECT_THAT(left(), ElementsAre("used"));
}

TEST_F(Eviction, WithinTheLimitNothingGoes) {
  ASSERT_TRUE(evict({entry("a", 10, 1), entry("b", 10, 2)}, 20));
  EXPECT_THAT(left(), ElementsAre("a", "b"));
  ASSERT_TRUE(evict({}, 0));
}

TEST_F(Eviction, ARemovalThatWasCutShortIsFinished) {
  const CacheEntry one = entry("one", 10, 1);
  ASSERT_TRUE(make_dirs(dir_ / "one.tmp/half"));
  ASSERT_TRUE(evict({one}, 0));
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(Eviction, WhatIsGoneAlreadyIsNoError) {
  const CacheEntry gone{dir_ / "gone", 10, fs::file_time_type(), false};
  ASSERT_TRUE(evict({gone, entry("new", 10, 1)}, 10));
  EXPECT_THAT(left(), ElementsAre("new"));
}

TEST_F(Eviction, TheFilesOfAFolderGoOldestFirstUnlessTheyAreKept) {
  int age = 9;
  for (const char* name : {"oldest", "kept", "new"}) {
    ASSERT_TRUE(write_atomic(dir_ / name, "12345"));
    fs::last_write_time(dir_ / name, fs::file_time_type::clock::now() - std::chrono::hours(age--));
  }
  ASSERT_TRUE(evict_files(dir_, 10, [](const Path& name) { return name == "kept"; }));
  EXPECT_THAT(left(), ElementsAre("kept", "new"));
  ASSERT_TRUE(evict_files(dir_, 0));
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_FALSE(evict_files(dir_ / "missing", 0));
}

}  // namespace
}  // namespace kiln::os
