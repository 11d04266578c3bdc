#include "controller/app/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::controller {
namespace {

using testing::HasSubstr;

class BundleTest : public testing::Test {
 protected:
  Bundle make(BundleLimits limits = {}) {
    return std::move(*Bundle::create(parent_.path(), limits));
  }
  static v1::SubmitFile part(const std::string& path, const std::string& data) {
    v1::SubmitFile out;
    out.set_path(path);
    out.set_data(data);
    return out;
  }
  os::TempFolder parent_ =
      std::move(*os::TempFolder::make(std::filesystem::temp_directory_path(), "bundle-test-"));
};

TEST_F(BundleTest, PartsOfAFileFollowEachOther) {
  Bundle bundle = make();
  ASSERT_TRUE(bundle.add(part("home/a/job.yaml", "kiln: ")));
  ASSERT_TRUE(bundle.add(part("home/a/job.yaml", "1\n")));
  ASSERT_TRUE(bundle.add(part("home/a/list", "x")));
  EXPECT_EQ(*os::read_file(bundle.root() / "home/a/job.yaml", 100), "kiln: 1\n");
  EXPECT_TRUE(bundle.find("home/a/job.yaml"));
  EXPECT_TRUE(bundle.find("home/a"));
  EXPECT_FALSE(bundle.find("home/b"));
  EXPECT_FALSE(bundle.find("../" + bundle.name()));
  const Status again = bundle.add(part("home/a/job.yaml", "more"));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("came twice"));
}

TEST_F(BundleTest, NoPathLeavesTheFolder) {
  Bundle bundle = make();
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "a//b", "", ".", "a/.", "a\nb"})
    EXPECT_FALSE(bundle.add(part(path, "x"))) << path;
  EXPECT_FALSE(bundle.add(part(std::string("a\0b", 3), "x")));
  EXPECT_FALSE(bundle.add(part(std::string(5000, 'a'), "x")));
}

TEST_F(BundleTest, SizesAndCountsAreBounded) {
  Bundle bundle = make({10, 2});
  EXPECT_TRUE(bundle.add(part("a", "12345")));
  EXPECT_TRUE(bundle.add(part("b", "12345")));
  EXPECT_FALSE(bundle.add(part("b", "6")));
  Bundle many = make({100, 2});
  EXPECT_TRUE(many.add(part("a", "")));
  EXPECT_TRUE(many.add(part("b", "")));
  EXPECT_FALSE(many.add(part("c", "")));
}

TEST_F(BundleTest, WhatIsNotKeptIsGone) {
  os::Path root;
  {
    Bundle bundle = make();
    root = bundle.root();
    EXPECT_TRUE(bundle.add(part("a", "x")));
  }
  EXPECT_FALSE(std::filesystem::exists(root));
  {
    Bundle bundle = make();
    root = bundle.root();
    EXPECT_TRUE(bundle.add(part("a", "x")));
    bundle.keep();
  }
  EXPECT_TRUE(std::filesystem::exists(root / "a"));
}

}  // namespace
}  // namespace kiln::controller
