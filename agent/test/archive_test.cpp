#include "agent/test/archive.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override { dir_ = *os::make_temp_dir(testing::TempDir(), "archive"); }
  void TearDown() override { (void)os::remove_tree(dir_); }
  static std::string sh(const std::string& script) {
    os::Command command;
    command.argv = {"sh", "-ec", script};
    auto out = os::run_ok(command);
    EXPECT_TRUE(out) << (out ? "" : render(out.error()));
    return out.value_or("");
  }
  os::Path dir_;
};

TEST_F(ArchiveTest, CompressedFilesComeBack) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + "\n";
  ASSERT_TRUE(os::write_atomic(dir_ / "a", text));
  ASSERT_TRUE(compress_file(dir_ / "a", dir_ / "a.zst"));
  EXPECT_LT(*os::file_size(dir_ / "a.zst"), text.size() / 2);
  ASSERT_TRUE(decompress_file(dir_ / "a.zst", dir_ / "b", 10 << 20));
  EXPECT_TRUE(*os::read_file(dir_ / "b") == text);
  EXPECT_EQ(sh("zstd -dc " + (dir_ / "a.zst").string() + " | wc -c"),
            std::to_string(text.size()) + "\n");
}

TEST_F(ArchiveTest, DamagedOrHugeCompressedFilesAreRefused) {
  ASSERT_TRUE(os::write_atomic(dir_ / "a", std::string(1'000'000, 'x')));
  ASSERT_TRUE(compress_file(dir_ / "a", dir_ / "a.zst"));
  const std::string zst = *os::read_file(dir_ / "a.zst");
  EXPECT_THAT(decompress_file(dir_ / "a.zst", dir_ / "b", 999'999).error().message,
              HasSubstr("unpacks to more than 999999 bytes"));
  ASSERT_TRUE(os::write_atomic(dir_ / "cut.zst", zst.substr(0, zst.size() - 5)));
  EXPECT_THAT(decompress_file(dir_ / "cut.zst", dir_ / "b", 10 << 20).error().message,
              HasSubstr("cut.zst is cut off"));
  ASSERT_TRUE(os::write_atomic(dir_ / "no.zst", "no zstd at all"));
  EXPECT_THAT(decompress_file(dir_ / "no.zst", dir_ / "b", 10 << 20).error().message,
              HasSubstr("no.zst is damaged"));
}

TEST_F(ArchiveTest, UnpacksFilesButNothingThatLeavesTheFolder) {
  sh("cd " + dir_.string() +
     " && mkdir -p in/sub && echo hello >in/sub/a && ln -s /etc/passwd in/link && echo x >out && "
     "tar -P -cf t.tar -C in . ../out /etc/hostname");
  const auto unpacked = unpack_tar(dir_ / "t.tar", dir_ / "to");
  ASSERT_TRUE(unpacked) << render(unpacked.error());
  EXPECT_EQ(unpacked->files, 1U);
  EXPECT_FALSE(unpacked->cut_off);
  EXPECT_EQ(*os::read_file(dir_ / "to/sub/a"), "hello\n");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "to/link"));
}

TEST_F(ArchiveTest, ATarThatIsCutOffGivesWhatCameBefore) {
  sh("cd " + dir_.string() +
     " && mkdir in && echo one >in/1 && head -c 100000 /dev/zero >in/2 && tar -cf t.tar -C in 1 2");
  const std::string tar = *os::read_file(dir_ / "t.tar");
  ASSERT_TRUE(os::write_atomic(dir_ / "cut.tar", tar.substr(0, 20'000)));
  const auto unpacked = unpack_tar(dir_ / "cut.tar", dir_ / "to");
  ASSERT_TRUE(unpacked) << render(unpacked.error());
  EXPECT_TRUE(unpacked->cut_off);
  EXPECT_EQ(*os::read_file(dir_ / "to/1"), "one\n");
}

TEST_F(ArchiveTest, LimitsHold) {
  sh("cd " + dir_.string() +
     " && mkdir in && head -c 100000 /dev/zero >in/2 && tar -cf t.tar -C in 2");
  EXPECT_THAT(unpack_tar(dir_ / "t.tar", dir_ / "to", {.max_bytes = 1000}).error().message,
              HasSubstr("unpacks to more than 1000 bytes"));
  EXPECT_THAT(unpack_tar(dir_ / "t.tar", dir_ / "to", {.max_entries = 1}).error().message,
              HasSubstr("holds more than 1 files"));
}

/// The linker's own word for the build id is the witness.
TEST_F(ArchiveTest, FindsTheBuildIdOfAModuleInATar) {
  sh("cd " + dir_.string() +
     " && mkdir -p usr/lib && echo 'int x;' >m.c && gcc -c m.c -o m.o && "
     "ld -r --build-id=0x0123456789abcdef m.o -o usr/lib/drm-thing.ko && tar -cf t.tar usr && "
     "zstd -q t.tar");
  for (const char* name : {"t.tar", "t.tar.zst"}) {
    const auto ids = module_build_ids(dir_ / name, {"drm_thing", "i915"});
    ASSERT_TRUE(ids) << render(ids.error());
    EXPECT_EQ(ids->size(), 1U);
    EXPECT_EQ(ids->at("drm_thing"), "0123456789abcdef");
  }
}

TEST(BuildIdOfElf, NoElfHasNone) {
  EXPECT_EQ(build_id_of_elf(""), "");
  EXPECT_EQ(build_id_of_elf(std::string("\x7f"
                                        "ELF") +
                            std::string(100, '\xff')),
            "");
}

}  // namespace
}  // namespace kiln::agent
