#include "lib/reach/reach.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace kiln::reach {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/reach/testdata/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const Wanted kWanted{"/kiln/src", {"lib/sample.c"}};

/// The sample's diff with the counts of two programs' runs, as gcc 12 and gcov made them.
Input sample() {
  Input input;
  ChangedFile file;
  file.change = series::parse_diff(fixture("sample.diff"), "sample.diff")->front();
  file.old_text = fixture("old_sample.c");
  file.new_text = fixture("new_sample.c");
  input.files.push_back(file);
  CellEvidence cell;
  cell.config = "i386-highmem";
  for (const char* name : {"read", "write"})
    cell.add(cell.test(std::string("igt@sample@") + name),
             read_gcov(fixture(std::string(name) + ".json"), kWanted)->files);
  FileEvidence& evidence = cell.files["lib/sample.c"];
  evidence.objects = {"lib/sample.o"};
  evidence.compiled = compiled_lines(fixture("sample.i"), kWanted).at("lib/sample.c");
  input.cells.push_back(std::move(cell));
  return input;
}

/// The marked lines as text: kind, line, mark, why.
std::vector<std::string> marks(const Reach& reach) {
  std::vector<std::string> out;
  for (const MarkedFile& file : reach.files)
    for (const MarkedLine& line : file.lines)
      if (line.mark != Mark::kNone)
        out.push_back(fmt::format("{}{} {}{}", line.kind, line.line, to_string(line.mark),
                                  line.why.empty() ? "" : ": " + line.why));
  return out;
}

const MarkedLine& at(const Reach& reach, char kind, int number) {
  for (const MarkedFile& file : reach.files)
    for (const MarkedLine& line : file.lines)
      if (line.kind == kind && line.line == number) return line;
  static const MarkedLine kNone;
  return kNone;
}

TEST(MarkLines, FollowsTheRules) {
  EXPECT_THAT(
      marks(mark_lines(sample())),
      ElementsAre("+6 executed: by its use in line 39",                   //
                  "+7 executed: by its use in line 41",                   //
                  "+8 unknown: no code that was measured uses UNUSED",    //
                  "-20 no-code", "+20 no-code",                           // comments
                  "+26 executed",                                         //
                  "+27 executed",                                         //
                  "+28 executed: counted with its statement in line 27",  //
                  "+29 executed",                                         //
                  "-38 no-code",                                          // a declaration
                  "-42 executed: removed; line 45 stands for it",         //
                  "+42 no-code",                                          //
                  "+43 not-compiled: left out by the preprocessor",       //
                  "+44 no-code",                                          //
                  "+48 not-compiled: no object has its function",         //
                  "+49 not-compiled: no object has its function",         // the brace ends the head
                  "+50 not-compiled: no object has its function",         //
                  "+51 no-code", "+52 no-code",                           //
                  "+55 not-executed"));
}

TEST(MarkLines, NamesTestsCellsAndFunction) {
  const Reach reach = mark_lines(sample());
  EXPECT_EQ(reach.state, "measured");
  const MarkedLine& line = at(reach, '+', 26);
  EXPECT_THAT(line.tests, ElementsAre("igt@sample@read"));
  EXPECT_EQ(line.test_count, 1);
  EXPECT_THAT(line.cells, ElementsAre("i386-highmem"));
  EXPECT_EQ(line.function, "read_page");
  EXPECT_EQ(line.text, "\tat = map_local(page);");
  EXPECT_EQ(at(reach, '+', 55).function, "never");
  EXPECT_EQ(at(reach, '+', 50).function, "nobody");
  EXPECT_EQ(reach.count(Mark::kNotExecuted), 1);
  EXPECT_EQ(reach.files.front().note, "");
}

TEST(MarkLines, TheTestThatRanALineMostComesFirst) {
  Input input = sample();
  CellEvidence& cell = input.cells.front();
  for (int i = 0; i < 30; ++i)
    cell.files["lib/sample.c"].by_test[cell.test(fmt::format("igt@more@{}", i))][26] =
        i == 7 ? 900 : 2;
  const Reach reach = mark_lines(input);
  const MarkedLine& line = at(reach, '+', 26);
  EXPECT_EQ(line.test_count, 31);
  EXPECT_EQ(line.tests.size(), kMaxTests);
  EXPECT_EQ(line.tests[0], "igt@more@7");
  EXPECT_EQ(line.tests[1], "igt@more@0");
}

TEST(MarkLines, OneCellThatRunsALineIsEnough) {
  Input input = sample();
  CellEvidence other = input.cells.front();
  other.config = "i386-nohighmem";
  other.files["lib/sample.c"].by_test.erase(0);  // nothing reads there
  input.cells.push_back(other);
  const Reach reach = mark_lines(input);
  EXPECT_THAT(at(reach, '+', 26).cells, ElementsAre("i386-highmem"));
  EXPECT_THAT(at(reach, '-', 42).cells, ElementsAre("i386-highmem", "i386-nohighmem"));
  EXPECT_THAT(reach.cells, ElementsAre("i386-highmem", "i386-nohighmem"));
}

TEST(MarkLines, AFileInNoObjectIsNotCompiled) {
  Input input = sample();
  input.cells.front().files.clear();
  const Reach reach = mark_lines(input);
  EXPECT_EQ(at(reach, '+', 26).mark, Mark::kNotCompiled);
  EXPECT_EQ(at(reach, '+', 26).why, "the file is in no object of this kernel");
  EXPECT_EQ(at(reach, '+', 20).mark, Mark::kNoCode);
  EXPECT_EQ(reach.files.front().note, "in no object of the kernels that were measured");
}

TEST(MarkLines, AHeaderMeasuredInPartIsNotSaidToBeUnused) {
  Input input = sample();
  input.cells.front().files["lib/sample.c"].objects_left_out = 7;
  const Reach reach = mark_lines(input);
  EXPECT_EQ(at(reach, '+', 50).mark, Mark::kUnknown);
  EXPECT_EQ(at(reach, '+', 50).why, "measured in 1 of 8 objects that include the file");
}

TEST(MarkLines, AHeadersMacroIsMarkedByItsUsesInFilesThatIncludeIt) {
  Input input;
  ChangedFile header;
  header.change = series::parse_diff(
                      "--- a/lib/h.h\n+++ b/lib/h.h\n@@ -1,2 +1,2 @@\n-#define ONE(x) (x)\n"
                      "-#define TWO(x) (x)\n+#define ONE(x) ((x) + 1)\n+#define TWO(x) ((x))\n",
                      "h.diff")
                      ->front();
  header.new_text = "#define ONE(x) ((x) + 1)\n#define TWO(x) ((x))\n";
  input.files.push_back(header);
  input.users["lib/user.c"] =
      "#include \"h.h\"\nint f(int x)\n{\n\treturn ONE(x);\n}\nint g(int x)\n{\n\treturn "
      "TWO(x);\n}\n";
  CellEvidence cell;
  cell.config = "i386-highmem";
  cell.files["lib/h.h"].objects = {"lib/user.o"};
  cell.files["lib/user.c"].objects = {"lib/user.o"};
  FileCounts counts{"lib/user.c", {{2, 3}, {4, 3}, {6, 0}, {8, 0}}, {}};
  cell.add(cell.test("igt@user"), {counts});
  input.cells.push_back(cell);
  const Reach reach = mark_lines(input);
  EXPECT_THAT(marks(reach), ElementsAre("+1 executed: by its use in lib/user.c:4",
                                        "+2 not-executed: by its use in lib/user.c:8"));
  EXPECT_THAT(at(reach, '+', 1).tests, ElementsAre("igt@user"));
  EXPECT_EQ(reach.files.size(), 1u) << "the users are no part of the diff";
}

Reach of_diff(const std::string& path, const std::string& body) {
  Input input;
  ChangedFile file;
  file.change =
      series::parse_diff("--- a/" + path + "\n+++ b/" + path + "\n" + body, "x.diff")->front();
  input.files.push_back(file);
  input.cells.emplace_back();
  return mark_lines(input);
}

TEST(MarkLines, WhatIsNotCHasNoCode) {
  const Reach kconfig = of_diff("mm/Kconfig", "@@ -1 +1,2 @@\n config A\n+\tbool\n");
  EXPECT_EQ(at(kconfig, '+', 2).mark, Mark::kNoCode);
  const Reach assembly = of_diff("arch/x86/entry.S", "@@ -1 +1,2 @@\n nop\n+nop\n");
  EXPECT_EQ(at(assembly, '+', 2).mark, Mark::kUnknown);
  EXPECT_EQ(assembly.files.front().note, "not C: gcov counts nothing here");
}

TEST(MarkLines, ALongSeriesKeepsItsMarksAndSaysWhatIsLeftOut) {
  std::string body = fmt::format("@@ -1,15000 +1,30000 @@\n");
  for (int i = 0; i < 15'000; ++i) body += " x\n+y\n";
  const Reach context = of_diff("doc.rst", body);
  EXPECT_EQ(context.files.front().lines.size(), 15'001u);
  EXPECT_THAT(context.notes, ElementsAre("the series is long: its context lines are left out"));
  EXPECT_EQ(context.state, "measured");
  body = "@@ -0,0 +1,30000 @@\n";
  for (int i = 0; i < 30'000; ++i) body += "+y\n";
  const Reach cut = of_diff("doc.rst", body);
  EXPECT_EQ(cut.files.front().lines.size(), kMaxLines);
  EXPECT_EQ(cut.files.front().note, "too long to be shown whole");
  EXPECT_EQ(cut.state, "partly");
  EXPECT_THAT(cut.why, HasSubstr("more than 20000 lines"));
}

TEST(Mark, WordsGoBothWays) {
  for (const Mark mark : {Mark::kNone, Mark::kNotCompiled, Mark::kNoCode, Mark::kUnknown,
                          Mark::kNotExecuted, Mark::kExecuted}) {
    Mark back = Mark::kNone;
    EXPECT_TRUE(from_string(to_string(mark), &back));
    EXPECT_EQ(back, mark);
  }
  Mark mark = Mark::kNone;
  EXPECT_FALSE(from_string("half", &mark));
}

}  // namespace
}  // namespace kiln::reach
