#include "agent/machine/root_image.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST_F(RootImageTest, AFailureShowsTheCommandAndItsLastLinesAndKeepsTheLog) {
  recipe("echo all of it >\"$1/build.log\"\necho 'E: Unable to locate package igt' >&2; exit 7\n");
  const auto image = ensure();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(image.error().message, HasSubstr("recipe/build"));
  EXPECT_THAT(image.error().message, HasSubstr("failed with exit code 7"));
  EXPECT_THAT(image.error().context, Contains("| E: Unable to locate package igt"));
  EXPECT_THAT(image.error().context, Contains("while building the root image"));
  const os::Path log =
      dir_ / "images" /
      ("failed-" + recipe_digest(dir_ / "recipe").value_or("").substr(0, 32) + ".log");
  EXPECT_THAT(image.error().context, Contains("the whole log: " + log.string()));
  EXPECT_EQ(image.error().hint,
            "mend what it says and start again; it is not tried again before that");
  EXPECT_EQ(os::read_file(log).value_or(""), "all of it\nE: Unable to locate package igt\n");
  EXPECT_EQ(leftovers(), 0);
}

TEST_F(RootImageTest, ARecipeThatFailedIsTriedAgainOnlyWhenItChangesOrAtANewStart) {
  recipe("echo run >>\"$(dirname \"$0\")\"/../runs; exit 7\n");
  RootImages images(dir_ / "recipe", dir_ / "images");
  const auto first = images.ensure({}, {});
  const auto second = images.ensure({}, {});
  ASSERT_FALSE(first);
  ASSERT_FALSE(second);
  EXPECT_EQ(render(second.error()), render(first.error()));
  EXPECT_EQ(runs(), "run\n");
  EXPECT_EQ(images.news().state, ImageNews::State::kBroken);
  EXPECT_EQ(images.news().text, render(first.error()));
  EXPECT_FALSE(ensure()) << "a new start";
  EXPECT_EQ(runs(), "run\nrun\n");
  recipe(kMake);
  const auto mended = images.ensure({}, {});
  ASSERT_TRUE(mended) << render(mended.error());
  EXPECT_EQ(images.news().state, ImageNews::State::kReady);
  EXPECT_EQ(images.news().igt_version, "2.5-1");
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "images"))
    EXPECT_EQ(entry.path(), mended->folder) << "a failure's log outlives its mend";
}

TEST_F(RootImageTest, AStoppedBuildIsNoFailure) {
  recipe("echo begun; sleep 60\n");
  RootImages images(dir_ / "recipe", dir_ / "images");
  std::stop_source source;
  const auto image = images.ensure(
      [&](const std::string& text) {
        if (text == "root image: begun") source.request_stop();
      },
      source.get_token());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(images.news().state, ImageNews::State::kUnknown);
  recipe(kMake);
  EXPECT_TRUE(images.ensure({}, {}));
}

TEST_F(RootImageTest, EachStepIsToldAndItsCountsNowAndThen) {
  recipe(
      "for n in 1 2 3 4 5; do echo \"downloading packages $n/5\"; done\n"
      "echo making the file system\n" +
      std::string(kMake));
  RootImages images(dir_ / "recipe", dir_ / "images");
  std::vector<std::string> news;
  images.watch([&](const ImageNews& each) {
    const bool count = each.text.starts_with("root image: downloading packages ");
    news.push_back(count ? "downloading" : each.text);
  });
  ASSERT_TRUE(images.ensure({}, {}));
  // A slow computer may need longer for a step than the time between two counts.
  news.erase(std::unique(news.begin(), news.end()), news.end());
  EXPECT_THAT(news, ElementsAre("building the root image (1 to 3 minutes, once)", "downloading",
                                "root image: making the file system", "the root image is ready"));
  news.clear();
  ASSERT_TRUE(images.ensure({}, {}));
  EXPECT_THAT(news, IsEmpty()) << "nothing new";
}

TEST_F(RootImageTest, OldImagesGoWhenANewOneIsThereButNoneInUse) {
  recipe(kMake);
  const auto unused = ensure()->folder;
  ASSERT_TRUE(os::write_atomic(dir_ / "recipe/packages", "more"));
  ASSERT_TRUE(os::make_dirs(dir_ / "images/mine"));
  auto used = ensure();
  EXPECT_FALSE(std::filesystem::exists(unused));
  ASSERT_TRUE(os::write_atomic(dir_ / "recipe/packages", "still more"));
  ASSERT_TRUE(ensure());
  EXPECT_TRUE(std::filesystem::exists(used->disk()));
  const os::Path folder = used->folder;
  used = fail(ErrorKind::kInternal, "no longer in use");
  ASSERT_TRUE(os::write_atomic(dir_ / "recipe/packages", "most"));
  ASSERT_TRUE(ensure());
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "images/mine")) << "no image";
}

TEST_F(RootImageTest, TheRecipesWordsBecomeStepsWithCounts) {
  os::Command command;
  command.argv = {os::Path(KILN_SOURCE_DIR) / "images/forky-i386/progress", dir_ / "log"};
  command.stdin_text =
      "I: running apt-get update...\n"
      "Get:1 http://mirror/debian forky InRelease [200 kB]\n"
      "Get:2 http://mirror/debian forky/main i386 Packages [9,000 kB]\n"
      "I: downloading packages with apt...\n"
      "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.\n"
      "Get:1 http://mirror/debian forky/main i386 libc6 i386 2.42-1 [2,800 kB]\n"
      "Get:2 http://mirror/debian forky/main i386 dash i386 0.5.12 [90 kB]\n"
      "I: installing essential packages...\n"
      "Setting up libc6:i386 (2.42-1) ...\n"
      "bytes that are no text: \xff\xfe\n"
      "step: making the file system\n";
  const auto steps = os::run_ok(command);
  ASSERT_TRUE(steps) << render(steps.error());
  EXPECT_EQ(*steps,
            "reading the package lists\ndownloading packages\ndownloading packages 1/2\n"
            "downloading packages 2/2\ninstalling packages\ninstalling packages 1/2\n"
            "making the file system\n");
  EXPECT_EQ(os::read_file(dir_ / "log").value_or(""), command.stdin_text);
}

TEST_F(RootImageTest, LookingMakesNothing) {
  recipe(kMake);
  RootImages images(dir_ / "recipe", dir_ / "images");
  EXPECT_FALSE(images.look());
  EXPECT_EQ(runs(), "");
  ASSERT_TRUE(ensure());
  ASSERT_TRUE(images.look());
  EXPECT_EQ(images.news().igt_version, "2.5-1");
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
