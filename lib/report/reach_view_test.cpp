#include "lib/report/reach_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/text.h"
#include "lib/report/golden.h"
#include "lib/report/html_parts.h"
#include "lib/report/reach_fields.h"
#include "lib/report/report.h"

namespace kiln::report {
namespace {

using testing::expect_golden;
using ::testing::HasSubstr;
using ::testing::Not;

reach::MarkedLine line(char kind, int number, const std::string& text,
                       reach::Mark mark = reach::Mark::kNone) {
  reach::MarkedLine out;
  out.kind = kind;
  out.line = number;
  out.text = text;
  out.mark = mark;
  return out;
}

reach::MarkedLine ran(int number, const std::string& text, int tests,
                      std::vector<std::string> cells = {"i386-highmem", "i386-nohighmem"}) {
  reach::MarkedLine out = line('+', number, text, reach::Mark::kExecuted);
  for (int i = 0; i < tests; ++i) out.tests.push_back("igt@gem_pread@test-" + std::to_string(i));
  out.test_count = tests;
  out.cells = std::move(cells);
  return out;
}

reach::Reach sample() {
  reach::Reach reach;
  reach.state = "measured";
  reach.cells = {"i386-highmem", "i386-nohighmem"};
  reach.notes = {"2 sets of counters could not be read"};
  reach::MarkedFile gem;
  gem.path = "drivers/gpu/drm/i915/i915_gem.c";
  reach::MarkedLine by_statement = ran(217, "\t\t\t       unlikely(page > 0));", 4);
  by_statement.why = "counted with its statement in line 216";
  reach::MarkedLine gone = line('-', 220, "\tcond_resched();", reach::Mark::kExecuted);
  gone.tests = {"igt@gem_pread@test-0"};
  gone.test_count = 1;
  gone.cells = {"i386-highmem"};
  gone.why = "removed; line 221 stands for it";
  gem.lines = {line('@', 212, "@@ -212,9 +212,8 @@"),
               line(' ', 212, "{"),
               line('-', 215, "\tvaddr = kmap(page);"),
               ran(215, "\tvaddr = kmap_local_page(page);", 4),
               ran(216, "\tret = __copy_to_user(user_data, vaddr + offset, len,", 4),
               by_statement,
               line('+', 218, "", reach::Mark::kNoCode),
               line('+', 219, "\t\tgoto <out & \"up\">;", reach::Mark::kNotExecuted),
               gone,
               ran(230, "\tkunmap_local(vaddr);", 1, {"i386-highmem"})};
  reach::MarkedFile mman;
  mman.path = "drivers/gpu/drm/i915/gem/selftests/i915_gem_mman.c";
  mman.note = "in no object of the kernels that were measured";
  mman.lines = {line('@', 156, "@@ -156,1 +156,1 @@"),
                line('+', 156, "\tvaddr = kmap_local_page(p);", reach::Mark::kNotCompiled),
                line('+', 157, "\tMACRO(p);", reach::Mark::kUnknown)};
  mman.lines[1].why = std::string(reach::kInNoObject);
  mman.lines[2].why = "no code in the touched files uses MACRO";
  reach.files = {gem, mman};
  return reach;
}

v1::RunReport sample_report() {
  v1::RunReport report;
  report.mutable_run()->set_id(412);
  report.mutable_run()->set_job_name("kmap-local-page");
  report.mutable_run()->set_title("drm/i915: replace kmap()");
  fill_reach(sample(), &report);
  v1::NotTested* place = report.add_not_tested();
  place->set_file("drivers/gpu/drm/i915/i915_gem.c");
  place->set_line(219);
  place->set_what("shmem_pread(): line 219 is not executed");
  place->set_needs("a test that takes this way through shmem_pread()");
  return report;
}

/// Every string evil.
v1::RunReport hostile_report() {
  const std::string evil = "</td><script>alert('x')</script>\x1b[31m\xff\xc2\x9b\"'&\n";
  reach::Reach reach = sample();
  for (reach::MarkedFile& file : reach.files) {
    file.path += evil;
    file.note = evil;
    for (reach::MarkedLine& each : file.lines) {
      each.text += evil;
      each.why = evil;
      each.tests = {evil};
      each.cells = {evil};
    }
  }
  reach.notes = {evil};
  reach.why = evil;
  reach.state = "partly";
  v1::RunReport report;
  report.mutable_run()->set_title(proto_string(evil));
  fill_reach(reach, &report);
  return report;
}

TEST(ReachView, GoldenViews) {
  expect_golden("reach.txt", reach_to_text(sample_report(), false));
  expect_golden("reach.html", reach_to_html(sample_report()));
}

TEST(ReachView, ColoursAreTheSameWordsPainted) {
  std::string painted = reach_to_text(sample_report(), true);
  EXPECT_THAT(painted, HasSubstr("\x1b[32m✓\x1b[0m"));
  EXPECT_THAT(painted, HasSubstr("\x1b[31m✗\x1b[0m"));
  for (size_t at = painted.find('\x1b'); at != std::string::npos; at = painted.find('\x1b'))
    painted.erase(at, painted.find('m', at) + 1 - at);
  EXPECT_EQ(painted, reach_to_text(sample_report(), false));
}

TEST(ReachView, HostileStringsDoNothing) {
  const std::string text = reach_to_text(hostile_report(), false);
  EXPECT_EQ(text, to_valid_utf8(text));
  EXPECT_THAT(text, Not(HasSubstr("\xC2\x9B")));
  for (const char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  const std::string html = reach_to_html(hostile_report());
  EXPECT_EQ(html, to_valid_utf8(html));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
}

TEST(ReachView, TheWholeInASentence) {
  v1::RunReport report;
  EXPECT_EQ(reach_words(report), "");
  EXPECT_EQ(text_reach(report), "");
  EXPECT_EQ(html_reach(report), "");
  EXPECT_EQ(reach_words(sample_report()),
            "5 of 8 changed lines with code were executed (i386-highmem, i386-nohighmem)");
  reach::Reach reach = sample();
  reach.state = "partly";
  reach.why = "i386-nohighmem has no kernel that counts";
  fill_reach(reach, &report);
  EXPECT_THAT(reach_words(report),
              HasSubstr("; not all was measured: i386-nohighmem has no kernel that counts"));
  reach = {};
  reach.state = "not-measured";
  reach.why = "the job says `coverage: false`";
  fill_reach(reach, &report);
  EXPECT_EQ(reach_words(report), "not measured: the job says `coverage: false`");
  EXPECT_EQ(text_reach(report), "REACH  not measured: the job says `coverage: false`\n");
  EXPECT_EQ(reach_to_text(report, false), "run 0  \nnot measured: the job says `coverage: false`");
  reach.state = "measured";
  reach.why = "";
  fill_reach(reach, &report);
  EXPECT_EQ(reach_words(report), "the series changes no line that has code");
}

TEST(ReachView, ALongSeriesOpensOnlyFilesWithSomethingMissed) {
  reach::Reach reach;
  reach.state = "measured";
  reach.files = {{"a.c", {}, ""}, {"b.c", {}, ""}};
  for (int i = 1; i < 1000; ++i)
    for (reach::MarkedFile& file : reach.files)
      file.lines.push_back(line('+', i, "x;", reach::Mark::kExecuted));
  reach.files[1].lines[3].mark = reach::Mark::kNotExecuted;
  v1::RunReport report;
  fill_reach(reach, &report);
  const std::string html = html_reach(report);
  EXPECT_THAT(html, HasSubstr("<details><summary><span class=\"place\">a.c</span>"));
  EXPECT_THAT(html, HasSubstr("<details open><summary><span class=\"place\">b.c</span>"));
}

TEST(ReachFields, ComeBackAsTheyWere) {
  v1::RunReport report = sample_report();
  const std::string before = report.SerializeAsString();
  fill_reach(reach_of(report), &report);
  EXPECT_EQ(report.SerializeAsString(), before);
}

TEST(ReachAlone, IsTheRunsReachAndNothingElse) {
  v1::RunReport report = sample_report();
  report.add_sessions()->set_id(1);
  const v1::RunReport alone = reach_alone(report);
  EXPECT_EQ(alone.sessions_size(), 0);
  EXPECT_EQ(alone.run().id(), 412);
  EXPECT_EQ(alone.reach_size(), 2);
  EXPECT_EQ(alone.not_tested_size(), 1);
  EXPECT_EQ(alone.reach_summary().executed(), 5);
}

}  // namespace
}  // namespace kiln::report
