#include "lib/blob/blob_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "lib/os/testing.h"

namespace kiln::blob {
namespace {

using ::testing::HasSubstr;

class BlobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = os::make_temp_dir("/tmp", "blob-test");
    ASSERT_TRUE(folder);
    folder_ = *folder;
    auto store = BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(store) << render(store.error());
    store_.emplace(std::move(*store));
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(folder_)); }

  std::vector<std::string> files() const {
    std::vector<std::string> out;
    const auto found = os::list_files(folder_ / "blobs");
    for (const auto& path : *found) out.push_back(path.string());
    return out;
  }
  static std::string noise(size_t size) {
    std::mt19937_64 random(7);
    std::string out(size, 0);
    for (char& c : out) c = static_cast<char>(random());
    return out;
  }

  os::Path folder_;
  std::optional<BlobStore> store_;
};

TEST_F(BlobTest, KnowsBlobsByTheirSha256) {
  const auto digest = store_->put("hello\n");
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  EXPECT_EQ(files(), std::vector<std::string>{
                         "58/91b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"});
  EXPECT_EQ(*store_->get(*digest), "hello\n");
  EXPECT_TRUE(store_->has(*digest));
  EXPECT_EQ(*store_->put("hello\n"), *digest);
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(BlobTest, TheEmptyBlobIsOne) {
  const auto digest = store_->put("");
  ASSERT_TRUE(digest);
  EXPECT_EQ(*store_->get(*digest), "");
  EXPECT_EQ(*store_->size(*digest), 0U);
}

TEST_F(BlobTest, CompressesWhatShrinks) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "[    1." + std::to_string(i) + "] a console line\n";
  const auto digest = store_->put(text);
  ASSERT_TRUE(digest) << render(digest.error());
  ASSERT_EQ(files().size(), 1U);
  EXPECT_TRUE(files()[0].ends_with(".zst"));
  EXPECT_LT(*os::file_size(folder_ / "blobs" / files()[0]), text.size() / 4);
  EXPECT_EQ(*digest, os::sha256_hex(text));
  EXPECT_EQ(*store_->size(*digest), text.size());
  EXPECT_EQ(*store_->get(*digest), text);
  EXPECT_EQ(*store_->get_range(*digest, 1'000'000, 50), text.substr(1'000'000, 50));
  EXPECT_EQ(*store_->get_range(*digest, text.size() - 5, 50), text.substr(text.size() - 5));
  EXPECT_EQ(*store_->get_range(*digest, text.size() + 5, 50), "");
}

TEST_F(BlobTest, KeepsNoiseAsItIs) {
  const std::string bytes = noise(1 << 20);
  const auto digest = store_->put(bytes);
  ASSERT_TRUE(digest);
  EXPECT_FALSE(files()[0].ends_with(".zst"));
  EXPECT_EQ(*store_->get(*digest), bytes);
  EXPECT_EQ(*store_->get_range(*digest, 300'000, 7), bytes.substr(300'000, 7));
}

TEST_F(BlobTest, PutsFilesAndCopiesThemOut) {
  const std::string bytes = noise(300'000) + std::string(3'000'000, 'x');
  ASSERT_TRUE(os::write_atomic(folder_ / "in", bytes));
  const auto digest = store_->put_file(folder_ / "in");
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, *os::sha256_file(folder_ / "in"));
  ASSERT_TRUE(store_->copy_to(*digest, folder_ / "out/a/file", 0755));
  EXPECT_EQ(*os::read_file(folder_ / "out/a/file"), bytes);
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "out/a/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
  EXPECT_EQ(os::list_files(folder_ / "out")->size(), 1U);
  EXPECT_EQ(store_->put_file(folder_ / "none").error().kind, ErrorKind::kNotFound);
}

TEST_F(BlobTest, AWriterWithoutCommitLeavesNothing) {
  {
    auto writer = store_->writer();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write("half"));
    EXPECT_EQ(writer->size(), 4U);
    EXPECT_EQ(files().size(), 1U);
  }
  EXPECT_TRUE(files().empty());
  auto writer = store_->writer();
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->write("whole"));
  ASSERT_TRUE(writer->commit());
  EXPECT_FALSE(writer->commit());
  EXPECT_FALSE(writer->write("more"));
}

TEST_F(BlobTest, RefusesIdsThatAreNone) {
  for (const std::string& id : {std::string("../../etc/passwd"), std::string(),
                                std::string(64, 'A'), std::string(63, 'a'), std::string(64, '/')}) {
    EXPECT_FALSE(store_->has(id));
    EXPECT_EQ(store_->size(id).error().kind, ErrorKind::kBadInput);
    EXPECT_EQ(store_->get(id).error().kind, ErrorKind::kBadInput);
  }
  const std::string absent(64, 'a');
  EXPECT_EQ(render(store_->get(absent).error()),
            "error: artifact " + absent + " is not in the store");
  EXPECT_EQ(store_->copy_to(absent, folder_ / "x").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(os::list_files(folder_)->size(), 0U);
}

TEST_F(BlobTest, GetIsBounded) {
  const auto digest = store_->put(std::string(100'000, 'x'));
  EXPECT_EQ(render(store_->get(*digest, 1000).error()),
            "error: artifact " + *digest + " has 100 kB, more than the 1.0 kB asked for");
}

TEST_F(BlobTest, ADamagedBlobIsFoundAndCanBeMadeAgain) {
  for (const std::string& content : {std::string("plain"), std::string(1 << 20, 'x')}) {
    const auto digest = store_->put(content);
    ASSERT_TRUE(digest);
    const os::Path path = folder_ / "blobs" / files()[0];
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(-3, std::ios::end);
      file.put('~');
    }
    const auto got = store_->get(*digest);
    ASSERT_FALSE(got);
    EXPECT_THAT(render(got.error()), HasSubstr("artifact " + *digest + " is damaged on the disk"));
    EXPECT_FALSE(store_->has(*digest));
    ASSERT_TRUE(store_->put(content));
    EXPECT_EQ(*store_->get(*digest), content);
    ASSERT_TRUE(os::remove_tree(folder_ / "blobs"));
    ASSERT_TRUE(os::make_dirs(folder_ / "blobs/tmp"));
  }
}

TEST_F(BlobTest, ACutFileIsFound) {
  const auto digest = store_->put(std::string(1 << 20, 'x'));
  const os::Path path = folder_ / "blobs" / files()[0];
  ASSERT_EQ(::truncate(path.c_str(), 20), 0);
  EXPECT_THAT(render(store_->copy_to(*digest, folder_ / "out").error()), HasSubstr("is damaged"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(BlobTest, ReadingStopsWhenToldTo) {
  const auto digest = store_->put(noise(1 << 20));
  int pieces = 0;
  ASSERT_TRUE(store_->read(*digest, 0, [&](std::string_view) { return ++pieces < 2; }));
  EXPECT_EQ(pieces, 2);
}

TEST_F(BlobTest, ManyThreadsPutTheSame) {
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const std::string content = "blob " + std::to_string(i) + std::string(9000, 'y');
        const auto digest = store_->put(content);
        if (digest && store_->get(*digest).value_or("") == content) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 160);
  EXPECT_EQ(files().size(), 20U);
}

TEST_F(BlobTest, GcKeepsTheLiveAndTheYoung) {
  const auto live = store_->put("live");
  const auto dead = store_->put("dead");
  const auto young = store_->put("young");
  ASSERT_TRUE(os::write_atomic(folder_ / "blobs/tmp/put-left", "half"));
  ASSERT_TRUE(os::write_atomic(folder_ / "blobs/notes.txt", "not ours"));
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  for (const auto& name : files()) {
    if (name.find(young->substr(2)) != std::string::npos) continue;
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "blobs" / name).c_str(), old, 0), 0);
  }
  const WallTime now = SystemClock().now();
  const auto report = store_->gc({*live}, Millis(3'600'000), now);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->removed, 2U);
  EXPECT_EQ(report->removed_bytes, 8U);
  EXPECT_EQ(report->kept, 2U);
  EXPECT_TRUE(store_->has(*live));
  EXPECT_FALSE(store_->has(*dead));
  EXPECT_TRUE(store_->has(*young));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "blobs/notes.txt"));
}

TEST_F(BlobTest, PuttingAgainMakesABlobYoung) {
  const auto digest = store_->put("again");
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "blobs" / files()[0]).c_str(), old, 0), 0);
  ASSERT_TRUE(store_->put("again"));
  const auto report = store_->gc({}, Millis(3'600'000), SystemClock().now());
  EXPECT_EQ(report->removed, 0U);
  EXPECT_TRUE(store_->has(*digest));
}

/// In a child process, so that its mount is its own: fills a 1 MiB disk; exit code 0 = as it must
/// be.
int fill_small_disk(const os::Path& folder) {
  auto store = BlobStore::open(folder / "blobs");
  if (!store) return 1;
  std::string bytes(4 << 20, 0);
  std::mt19937_64 random(1);
  for (char& c : bytes) c = static_cast<char>(random());
  const auto put = store->put(bytes);
  if (put || put.error().kind != ErrorKind::kNoSpace) return 2;
  if (!os::list_files(folder)->empty()) return 3;
  return store->put("a small one fits") ? 0 : 4;
}

TEST_F(BlobTest, AFullDiskIsSaidAndLeavesNothing) {
  const os::Path disk = folder_ / "disk";
  ASSERT_TRUE(os::make_dirs(disk));
  const int code = os::on_a_small_disk(disk, "1m", [&] { return fill_small_disk(disk); });
  if (code == os::kMayNotMount) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace kiln::blob
