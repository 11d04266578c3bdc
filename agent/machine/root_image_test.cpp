#include "agent/machine/root_image.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <future>
#include <thread>

namespace kiln::agent {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr const char* kMake =
    "echo run >>\"$(dirname \"$0\")\"/../runs\ncd \"$1\"\n"
    "touch root.img id_ed25519 host_key.pub\n"
    "echo '{\"igt_version\":\"2.5-1\",\"igt_test_root\":\"/usr/libexec/igt\"}' >image.json\n";

class RootImageTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "image");
    ASSERT_TRUE(os::make_dirs(dir_ / "recipe"));
  }
  void TearDown() override { (void)os::remove_tree(dir_); }
  void recipe(const std::string& commands) {
    ASSERT_TRUE(os::write_atomic(dir_ / "recipe/build", "#!/bin/sh\n" + commands, 0755));
  }
  Result<RootImage> ensure() {
    RootImages images(dir_ / "recipe", dir_ / "images");
    return images.ensure([this](const std::string& text) { told_.push_back(text); }, {});
  }
  std::string runs() const { return os::read_file(dir_ / "runs").value_or(""); }
  /// What lies in the images folder beside finished images.
  int leftovers() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / "images"))
      count += entry.path().filename().string().starts_with(".") ? 1 : 0;
    return count;
  }
  os::Path dir_;
  std::vector<std::string> told_;
};

TEST_F(RootImageTest, IsBuiltOnceAndAgainWhenTheRecipeChanges) {
  recipe(kMake);
  const auto first = ensure();
  ASSERT_TRUE(first) << render(first.error());
  EXPECT_EQ(first->igt_version, "2.5-1");
  EXPECT_EQ(first->test_root, "/usr/libexec/igt");
  EXPECT_THAT(told_, Contains("building the root image (1 to 3 minutes, once)"));
  ASSERT_TRUE(ensure());
  EXPECT_EQ(runs(), "run\n");
  ASSERT_TRUE(os::write_atomic(dir_ / "recipe/packages", "more"));
  const auto second = ensure();
  ASSERT_TRUE(second);
  EXPECT_EQ(runs(), "run\nrun\n");
  EXPECT_NE(second->folder, first->folder);
}

TEST_F(RootImageTest, AFailureShowsTheCommandAndItsLastLinesAndLeavesNothing) {
  recipe("echo 'E: Unable to locate package igt' >&2; exit 7\n");
  const auto image = ensure();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(image.error().message, HasSubstr("recipe/build"));
  EXPECT_THAT(image.error().message, HasSubstr("failed with exit code 7"));
  EXPECT_THAT(image.error().context, Contains("| E: Unable to locate package igt"));
  EXPECT_THAT(image.error().context, Contains("while building the root image"));
  EXPECT_EQ(leftovers(), 0);
}

TEST_F(RootImageTest, ARecipeThatLiesIsFoundOut) {
  recipe("exit 0\n");
  const auto image = ensure();
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, HasSubstr("ended well but left no image.json"));
}

TEST_F(RootImageTest, WhatAKilledBuildLeftIsRemoved) {
  ASSERT_TRUE(os::make_dirs(dir_ / "images/.building-x/deep"));
  recipe(kMake);
  ASSERT_TRUE(ensure());
  EXPECT_EQ(leftovers(), 0);
}

TEST_F(RootImageTest, WhoWaitsForAnothersBuildCanBeStopped) {
  recipe("echo begun; while [ ! -e \"$(dirname \"$0\")/../go\" ]; do sleep 0.05; done\n" +
         std::string(kMake));
  RootImages images(dir_ / "recipe", dir_ / "images");
  std::promise<void> begun;
  std::jthread builder([&] {
    const auto image = images.ensure(
        [&](const std::string& text) {
          if (text == "root image: begun") begun.set_value();
        },
        {});
    EXPECT_TRUE(image) << render(image.error());
  });
  begun.get_future().wait();
  std::stop_source source;
  const auto image = images.ensure(
      [&](const std::string& text) {
        told_.push_back(text);
        source.request_stop();
      },
      source.get_token());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(told_, Contains("waiting for the root image, which is being made"));
  ASSERT_TRUE(os::write_atomic(dir_ / "go", ""));
}

TEST_F(RootImageTest, NoRecipeIsBadInput) {
  const auto image = ensure();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kiln::agent
