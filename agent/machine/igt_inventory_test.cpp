/// With a small file system that holds a program in igt_runner's place.
#include "agent/machine/igt_inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

class IgtInventory : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "inventory");
    image_.folder = dir_ / "image";
    image_.test_root = "/usr/libexec/igt";
    ASSERT_TRUE(os::make_dirs(image_.folder));
  }
  void TearDown() override { (void)os::remove_tree(dir_); }

  /// root.img with /usr/bin/igt_runner, made of one C function's body.
  void make_image(const std::string& body) {
    const os::Path bin = dir_ / "root/usr/bin";
    ASSERT_TRUE(os::make_dirs(bin));
    ASSERT_TRUE(os::write_atomic(dir_ / "runner.c",
                                 "#include <stdio.h>\n#include <unistd.h>\n"
                                 "int main(int n, char **v) {\n" +
                                     body + "}\n"));
    run({"gcc", "-static", "-o", bin / "igt_runner", dir_ / "runner.c"});
    run({"mke2fs", "-q", "-t", "ext4", "-d", dir_ / "root", image_.disk(), "16M"});
  }
  static void run(std::vector<std::string> argv) {
    os::Command command;
    command.argv = std::move(argv);
    if (const std::string path = os::find_program(command.argv[0]); !path.empty())
      command.argv[0] = path;
    const auto done = os::run_ok(command);
    ASSERT_TRUE(done) << render(done.error());
  }
  Result<os::Path> inventory() {
    return igt_inventory(image_, [this](const std::string& text) { told_.push_back(text); }, {});
  }
  /// What lies beside the image.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(image_.folder))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  os::Path dir_;
  RootImage image_;
  std::vector<std::string> told_;
};

TEST_F(IgtInventory, IsAskedOfTheImagesOwnRunnerOnce) {
  EXPECT_EQ(known_igt_inventory(image_), "");
  make_image("printf(\"starting\\nigt@a@%s\\nigt@b\\n\", v[2]); return n != 3;");
  // Left by a process that was killed.
  ASSERT_TRUE(os::make_dirs(image_.folder / ".inventory-old/root/usr"));
  const auto first = inventory();
  ASSERT_TRUE(first) << render(first.error());
  EXPECT_EQ(os::read_file(*first).value_or(""), "igt@a@/usr/libexec/igt\nigt@b\n");
  EXPECT_THAT(told_, testing::ElementsAre("listing the tests that the root image holds (once)"));
  EXPECT_THAT(files(), testing::ElementsAre("igt-tests", "root.img"));
  EXPECT_EQ(known_igt_inventory(image_), *first);
  // Never again: not even with an image that cannot be read any more.
  ASSERT_TRUE(os::write_atomic(image_.disk(), "gone"));
  EXPECT_TRUE(inventory());
}

TEST_F(IgtInventory, RunsWithoutRightsAndWithoutNetwork) {
  if (::geteuid() != 0) GTEST_SKIP() << "another user id is root's to give";
  make_image("printf(\"igt@a@%d\\n\", getuid()); return access(\"/etc/passwd\", F_OK) == 0;");
  const auto names = inventory();
  ASSERT_TRUE(names) << render(names.error());
  EXPECT_EQ(os::read_file(*names).value_or(""), "igt@a@65534\n");
}

TEST_F(IgtInventory, ARunnerThatFailsLeavesNothingAndIsQuoted) {
  make_image("fprintf(stderr, \"no such folder\\n\"); return 3;");
  const auto names = inventory();
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(names.error()), HasSubstr("no such folder"));
  EXPECT_THAT(render(names.error()), HasSubstr("while listing the tests of the root image"));
  EXPECT_THAT(files(), testing::ElementsAre("root.img"));
}

TEST_F(IgtInventory, ARunnerThatNamesNoTestIsNoInventory) {
  make_image("puts(\"TESTLIST\"); return 0;");
  const auto names = inventory();
  ASSERT_FALSE(names);
  EXPECT_THAT(names.error().message, HasSubstr("igt_runner --list-all /usr/libexec/igt` named no"));
  EXPECT_THAT(files(), testing::ElementsAre("root.img"));
}

TEST_F(IgtInventory, ADamagedImageIsNoInventory) {
  ASSERT_TRUE(os::write_atomic(image_.disk(), std::string(4096, 'x')));
  ASSERT_FALSE(inventory());
  EXPECT_THAT(files(), testing::ElementsAre("root.img"));
}

}  // namespace
}  // namespace kiln::agent
