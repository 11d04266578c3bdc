#include "lib/blob/arrivals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/testing.h"

namespace kiln::blob {
namespace {

using ::testing::HasSubstr;

class ArrivalsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = os::make_temp_dir("/tmp", "arrivals-test");
    ASSERT_TRUE(folder);
    folder_ = *folder;
    auto store = BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(store);
    store_.emplace(std::move(*store));
    arrivals_.emplace(*store_, folder_ / "arriving", 100);
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(folder_)); }
  Status send(const std::string& bytes, uint64_t size, uint64_t offset, bool whole,
              const std::string& digest) {
    KILN_ASSIGN(Arrival arrival, arrivals_->begin(digest, size, offset));
    KILN_TRY(arrival.write(bytes));
    if (!whole) return {};
    return arrival.commit();
  }

  os::Path folder_;
  std::optional<BlobStore> store_;
  std::optional<Arrivals> arrivals_;
  const std::string text_ = "one two three";
  const std::string digest_ = os::sha256_hex(text_);
};

TEST_F(ArrivalsTest, TheRestIsEnough) {
  EXPECT_EQ(arrivals_->ask(digest_)->received, 0U);
  ASSERT_TRUE(send("one t", text_.size(), 0, false, digest_));
  EXPECT_EQ(arrivals_->ask(digest_)->received, 5U);
  EXPECT_FALSE(arrivals_->ask(digest_)->stored);
  const Status early = send("wo", text_.size(), 5, true, digest_);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().message, "7 of 13 bytes arrived");
  // Another Arrivals, as after a restart; less than what is here may be said.
  arrivals_.emplace(*store_, folder_ / "arriving", 100);
  ASSERT_TRUE(send("wo three", text_.size(), 5, true, digest_));
  EXPECT_TRUE(arrivals_->ask(digest_)->stored);
  EXPECT_EQ(*store_->get(digest_), text_);
  EXPECT_TRUE(os::list_files(folder_ / "arriving")->empty());
}

TEST_F(ArrivalsTest, WrongBytesAreDroppedWhole) {
  const Status wrong = send("one two THREE", text_.size(), 0, true, digest_);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("the bytes have the digest"));
  EXPECT_EQ(arrivals_->ask(digest_)->received, 0U);
  ASSERT_TRUE(send(text_, text_.size(), 0, true, digest_));
}

TEST_F(ArrivalsTest, RefusesWhatCannotBe) {
  EXPECT_EQ(arrivals_->ask("../../etc/passwd").error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(arrivals_->begin("../x", 1, 0).error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(send("x", 13, 5, true, digest_).error().message, "only 0 bytes before 5 are here");
  EXPECT_EQ(send("x", 13, 14, true, digest_).error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(send("one two three four", 13, 0, true, digest_).error().message,
              HasSubstr("more than the 13 bytes"));
  auto first = arrivals_->begin(digest_, 13, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(arrivals_->begin(digest_, 13, 0).error().kind, ErrorKind::kConflict);
}

TEST_F(ArrivalsTest, WhatNobodySendsOnIsBounded) {
  const std::string other(64, 'a');
  ASSERT_TRUE(send(std::string(90, 'x'), 200, 0, false, other));
  ASSERT_TRUE(send("one t", 13, 0, false, digest_));
  EXPECT_EQ(arrivals_->ask(other)->received, 90U);
  ASSERT_TRUE(send(std::string(60, 'y'), 200, 0, false, std::string(64, 'b')));
  ASSERT_TRUE(send("wo", 13, 5, false, digest_));  // makes room first
  EXPECT_EQ(arrivals_->ask(other)->received, 0U);
  EXPECT_EQ(arrivals_->ask(digest_)->received, 7U);
}

int fill_small_disk(const os::Path& disk) {
  auto store = BlobStore::open(disk / "blobs");
  if (!store) return 1;
  Arrivals arrivals(*store, disk / "arriving");
  const std::string digest(64, 'a');
  auto arrival = arrivals.begin(digest, 8U << 20, 0);
  if (!arrival) return 2;
  Status written;
  for (int i = 0; i < 8 && written; ++i) written = arrival->write(std::string(1U << 20, 'x'));
  if (written || written.error().kind != ErrorKind::kNoSpace) return 3;
  return arrivals.ask(digest)->received > 0 ? 0 : 4;
}

TEST_F(ArrivalsTest, AFullDiskIsSaidAndKeepsWhatFits) {
  const os::Path disk = folder_ / "disk";
  ASSERT_TRUE(os::make_dirs(disk));
  const int code = os::on_a_small_disk(disk, "1m", [&] { return fill_small_disk(disk); });
  if (code == os::kMayNotMount) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace kiln::blob
