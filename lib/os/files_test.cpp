#include "lib/os/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace kiln::os {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override { dir_ = *make_temp_dir(testing::TempDir(), "files-"); }
  void TearDown() override { (void)remove_tree(dir_); }
  Path dir_;
};

TEST_F(Files, WritesAtomicallyAndLeavesNoTempFile) {
  ASSERT_TRUE(write_atomic(dir_ / "a", "one"));
  ASSERT_TRUE(write_atomic(dir_ / "a", "two"));
  EXPECT_EQ(*read_file(dir_ / "a"), "two");
  EXPECT_THAT(*list_files(dir_), ElementsAre(Path("a")));
}

TEST_F(Files, RefusesAFileLongerThanTheBound) {
  ASSERT_TRUE(write_atomic(dir_ / "a", std::string(2000, 'x')));
  const auto text = read_file(dir_ / "a", 1000);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(text.error().message, HasSubstr("is longer than 1.0 kB"));
}

TEST_F(Files, ReadsARangeThatEndsWithTheFile) {
  ASSERT_TRUE(write_atomic(dir_ / "a", "0123456789"));
  EXPECT_EQ(*read_range(dir_ / "a", 7, 100), "789");
  EXPECT_EQ(*read_range(dir_ / "a", 20, 100), "");
}

TEST_F(Files, NamesThePathAndTheKind) {
  const auto text = read_file(dir_ / "none");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(text.error().message,
            "cannot read " + (dir_ / "none").string() + ": No such file or directory");
}

TEST_F(Files, SecondLockNamesTheHolder) {
  auto first = FileLock::acquire(dir_ / "lock");
  ASSERT_TRUE(first);
  const auto second = FileLock::acquire(dir_ / "lock");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(second.error().message,
              HasSubstr("is in use by process " + std::to_string(::getpid())));
  { const FileLock moved = std::move(*first); }
  EXPECT_TRUE(FileLock::acquire(dir_ / "lock"));
}

TEST_F(Files, HashesLikeSha256sum) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  ASSERT_TRUE(write_atomic(dir_ / "a", "abc"));
  EXPECT_EQ(*sha256_file(dir_ / "a"), sha256_hex("abc"));
}

TEST_F(Files, WriteToAFullDeviceIsNoSpace) {
  // /dev/full refuses each byte with ENOSPC.
  const Error error = errno_error("write", "/x", ENOSPC);
  EXPECT_EQ(error.kind, ErrorKind::kNoSpace);
  EXPECT_THAT(error.hint, HasSubstr("--data-dir"));
}

}  // namespace
}  // namespace kiln::os
