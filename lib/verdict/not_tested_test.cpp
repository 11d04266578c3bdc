#include "lib/verdict/not_tested.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::verdict {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kMman = "drivers/gpu/drm/i915/gem/selftests/i915_gem_mman.c";

reach::MarkedLine line(int number, reach::Mark mark, const std::string& function,
                       const std::string& why = "") {
  reach::MarkedLine out;
  out.kind = '+';
  out.line = number;
  out.mark = mark;
  out.function = function;
  out.why = why;
  return out;
}

Input founding() {
  Input input;
  input.job.not_reached = {{kMman, "check_partial_mapping(): the CPU's view", "live@mman on a GPU"},
                           {kMman, "check_partial_mappings(): likewise", "the same hardware"}};
  input.reach.state = "measured";
  input.reach.files = {
      {kMman,
       {line(156, reach::Mark::kNotExecuted, "check_partial_mapping"),
        line(174, reach::Mark::kNotExecuted, "check_partial_mapping"),
        line(252, reach::Mark::kNotExecuted, "check_partial_mappings")},
       ""},
      {"drivers/gpu/drm/i915/i915_gem.c",
       {line(215, reach::Mark::kExecuted, "shmem_pread"), line(216, reach::Mark::kNoCode, "")},
       ""}};
  return input;
}

/// "file:line what | needs" of the list, then the notes.
std::vector<std::string> words(const Input& input) {
  std::vector<std::string> notes;
  std::vector<std::string> out;
  for (const NotTested& place : not_tested_places(input, &notes))
    out.push_back(fmt::format("{}:{} {} | {}", place.file.substr(place.file.rfind('/') + 1),
                              place.line, place.what, place.needs));
  for (const std::string& note : notes) out.push_back("note: " + note);
  return out;
}

TEST(NotTestedPlaces, TheMeasurementDecidesAndTheJobSaysWhatWouldReachThem) {
  EXPECT_THAT(
      words(founding()),
      ElementsAre("i915_gem_mman.c:156 check_partial_mapping(): the CPU's view; lines 156, 174 are "
                  "not executed | live@mman on a GPU",
                  "i915_gem_mman.c:252 check_partial_mappings(): likewise; line 252 is not "
                  "executed | the same hardware"));
}

TEST(NotTestedPlaces, WithoutAMeasurementTheJobsWordsAreAll) {
  for (const char* state : {"", "not-measured"}) {
    Input input = founding();
    input.reach.state = state;
    input.job.not_reached[0].file += ":150";
    EXPECT_THAT(words(input),
                ElementsAre("i915_gem_mman.c:150 check_partial_mapping(): the CPU's view | "
                            "live@mman on a GPU",
                            "i915_gem_mman.c:0 check_partial_mappings(): likewise | the same "
                            "hardware"));
  }
}

TEST(NotTestedPlaces, WhatTheJobDoesNotKnowIsListedAsItIs) {
  Input input = founding();
  input.job.not_reached.clear();
  input.reach.files = {{"mm/a.c",
                        {line(3, reach::Mark::kNotCompiled, "f", "left out by the preprocessor"),
                         line(4, reach::Mark::kNotCompiled, "f", "left out by the preprocessor"),
                         line(9, reach::Mark::kUnknown, "", "no code in the touched files uses X")},
                        ""}};
  EXPECT_THAT(words(input),
              ElementsAre("a.c:3 f(): lines 3, 4 are not compiled here: left out by the "
                          "preprocessor | a config in which its #if holds",
                          "a.c:9 line 9 cannot be told: no code in the touched files uses X | "
                          "a reader: no counter tells"));
}

TEST(NotTestedPlaces, APlaceSaysWhatWouldReachIt) {
  Input input = founding();
  input.job.not_reached.clear();
  reach::MarkedLine ran = line(1, reach::Mark::kExecuted, "f");
  ran.tests = {"igt@gem_pread@self"};
  input.reach.files = {
      {"a.c",
       {ran, line(2, reach::Mark::kNotExecuted, "f"), line(3, reach::Mark::kNotExecuted, "g"),
        line(4, reach::Mark::kNotExecuted, ""),
        line(5, reach::Mark::kNotCompiled, "h", std::string(reach::kInNoObject)),
        line(6, reach::Mark::kNotCompiled, "i", std::string(reach::kNoFunction))},
       ""}};
  std::vector<std::string> needs;
  std::vector<std::string> notes;
  for (const NotTested& place : not_tested_places(input, &notes)) needs.push_back(place.needs);
  EXPECT_THAT(
      needs, ElementsAre("a test that takes this way through f(), as igt@gem_pread@self does not",
                         "a test that runs g()", "a test that runs it",
                         "a config that builds the file", "a config in which something calls i()"));
}

TEST(NotTestedPlaces, AJobThatIsWrongIsToldSo) {
  Input input = founding();
  for (reach::MarkedLine& marked : input.reach.files[0].lines)
    if (marked.function == "check_partial_mappings") marked.mark = reach::Mark::kExecuted;
  input.job.not_reached.push_back({"drivers/other.c", "untouched", "luck"});
  EXPECT_THAT(
      words(input),
      ElementsAre("i915_gem_mman.c:156 check_partial_mapping(): the CPU's view; lines 156, 174 are "
                  "not executed | live@mman on a GPU",
                  "other.c:0 untouched | luck",
                  std::string("note: the job calls check_partial_mappings(): likewise in ") +
                      kMman + " not reached: it was executed"));
}

TEST(NotTestedPlaces, AnotherJudgementRepeatsNoNote) {
  Input input = founding();
  input.reach.files[0].lines.clear();
  std::vector<std::string> notes;
  (void)not_tested_places(input, &notes);
  const std::vector<std::string> once = notes;
  EXPECT_EQ(once.size(), 2u);
  (void)not_tested_places(input, &notes);
  EXPECT_EQ(notes, once);
}

TEST(NotTestedPlaces, TheOnlyWordsAboutAFileHoldForAllOfIt) {
  Input input = founding();
  input.job.not_reached = {{kMman, "the mman selftests", "a GPU"}};
  EXPECT_THAT(words(input),
              ElementsAre("i915_gem_mman.c:156 check_partial_mapping(): lines 156, 174 are not "
                          "executed | a GPU",
                          "i915_gem_mman.c:252 check_partial_mappings(): line 252 is not executed "
                          "| a GPU"));
}

TEST(NotTestedPlaces, EverythingExecutedLeavesNothing) {
  Input input = founding();
  input.job.not_reached.clear();
  input.reach.files.erase(input.reach.files.begin());
  EXPECT_THAT(words(input), IsEmpty());
}

TEST(NotTestedPlaces, ALongListIsCutAndSaysSo) {
  Input input = founding();
  input.job.not_reached.clear();
  input.reach.files = {{"a.c", {}, ""}};
  for (int i = 1; i <= 250; ++i)
    input.reach.files[0].lines.push_back(line(i, reach::Mark::kNotExecuted, fmt::format("f{}", i)));
  EXPECT_EQ(words(input).size(), 201u);
  EXPECT_EQ(words(input).back(), "note: 50 more places are not tested");
}

}  // namespace
}  // namespace kiln::verdict
