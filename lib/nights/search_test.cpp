#include "lib/nights/search.h"

#include <gtest/gtest.h>

namespace kiln::nights {
namespace {

SearchFacts facts() {
  return {"/srv/linux", "aaa", "bbb", false, {{"igt@a", "x"}, {"igt@b", "x"}}, {}};
}

TEST(Search, ATestThatBecameWorseIsLookedFor) {
  EXPECT_EQ(why_not_search(facts()), std::nullopt);
}

TEST(Search, WithoutAWorseTestNothingIsSaid) {
  SearchFacts f = facts();
  f.worse.clear();
  EXPECT_EQ(why_not_search(f), "");
}

TEST(Search, WhatCannotBeSearchedIsSaid) {
  SearchFacts f = facts();
  f.has_series = true;
  EXPECT_EQ(why_not_search(f), "the commits are not searched: the job has a series of its own");
  f = facts();
  f.repository.clear();
  EXPECT_EQ(why_not_search(f),
            "the commits are not searched: the source is no git repository of this computer");
  f = facts();
  f.good_commit.clear();
  EXPECT_EQ(why_not_search(f),
            "the commits are not searched: the good night's commit is not known");
  f = facts();
  f.commit = "aaa";
  EXPECT_EQ(why_not_search(f), "the commits are not searched: both nights ran the same one");
}

TEST(Search, EachTestIsLookedForOnce) {
  SearchFacts f = facts();
  f.told = {{"igt@a", "x"}, {"igt@b", "x"}, {"igt@c", "x"}};
  EXPECT_EQ(why_not_search(f), "the commits were searched after the night before");
  f.told = {{"igt@a", "x"}, {"igt@b", "another config"}};
  EXPECT_EQ(why_not_search(f), std::nullopt) << "a new one among them";
}

}  // namespace
}  // namespace kiln::nights
