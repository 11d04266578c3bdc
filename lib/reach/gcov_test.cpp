#include "lib/reach/gcov.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace kiln::reach {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/reach/testdata/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const Wanted kWanted{"/kiln/src", {"lib/sample.c", "lib/sample.h"}};

TEST(ReadGcov, GivesCountsAndFunctionsOfTheWantedFiles) {
  const auto files = read_gcov(fixture("write.json"), {"/kiln/src", {"lib/sample.c"}});
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->data_file, "sample.gcda");
  ASSERT_EQ(files->files.size(), 1u);
  const FileCounts& file = files->files.front();
  EXPECT_EQ(file.path, "lib/sample.c");
  EXPECT_EQ(file.lines.at(39), 1u);
  EXPECT_EQ(file.lines.at(40), 0u);
  EXPECT_FALSE(file.lines.contains(42));
  EXPECT_THAT(file.functions, testing::Contains(FunctionSpan{"write_page", 34, 46}));
}

TEST(ReadGcov, WhatIsNoAnswerIsRefused) {
  for (const char* text : {"", "[]", "{\"files\": 3}", "{\"files\": [", "null"}) {
    const auto files = read_gcov(text, kWanted);
    ASSERT_FALSE(files) << text;
    EXPECT_EQ(files.error().kind, ErrorKind::kBadInput);
  }
  EXPECT_EQ(read_gcov("x", kWanted).error().message,
            "gcov's answer of 1 bytes is no list of files");
}

TEST(ReadGcov, OddMembersAreLeftOut) {
  const auto files = read_gcov(
      R"({"files": [4, {"file": 1}, {"file": "/kiln/src/lib/sample.c", "functions": 7, "lines":
          [{"line_number": -1, "count": 1}, {"line_number": 3}, 5, {"line_number": 4, "count": -7},
           {"line_number": 9, "count": 2}, {"line_number": 9, "count": 1}]}]})",
      kWanted);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->files.size(), 1u);
  EXPECT_THAT(files->files.front().lines, ElementsAre(Pair(4, 0u), Pair(9, 2u)));
}

TEST(CompiledLines, AreThoseThatThePreprocessorLeft) {
  const auto lines = compiled_lines(fixture("sample.i"), kWanted);
  const LineSet& sample = lines.at("lib/sample.c");
  EXPECT_TRUE(sample.has(26));
  EXPECT_FALSE(sample.has(43)) << "inside #ifdef CONFIG_TRACE";
  EXPECT_TRUE(sample.has(50)) << "a function that no object keeps is compiled all the same";
  EXPECT_TRUE(lines.at("lib/sample.h").has(12));
}

TEST(LineSet, JoinsRanges) {
  LineSet set;
  set.add(5, 6);
  set.add(1);
  set.add(2);
  set.add(8, 9);
  set.add(4, 7);
  EXPECT_THAT(set.ranges(), ElementsAre(Pair(1, 2), Pair(4, 9)));
  EXPECT_TRUE(set.any(3, 4));
  EXPECT_FALSE(set.any(3, 3));
  EXPECT_FALSE(set.any(10, 20));
  set.add(3);
  EXPECT_THAT(set.ranges(), ElementsAre(Pair(1, 9)));
}

}  // namespace
}  // namespace kiln::reach
