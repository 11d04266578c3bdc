/// How machines were set, and the boots that do not count for it, in each view.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/report/report.h"
#include "lib/report/sample_report.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

verdict::Output of_machine() {
  verdict::Output output;
  verdict::Hygiene& one = output.hygiene.emplace_back();
  one.machine = "lab-4";
  one.usual = {"performance", "", "tsc"};
  one.celsius = 71.4;
  one.boots = 24;
  one.unfit.push_back(
      {12, "performance", "patched", "i386-highmem", 3, "heat slowed the CPUs once"});
  one.unfit.push_back({40, "canary", "baseline", "i386-highmem", 0, "turbo <is> off"});
  return output;
}

v1::RunReport report_of(const verdict::Output& output) {
  v1::RunReport report;
  fill(output, &report);
  // A section of its own only where figures are.
  *report.mutable_comparisons() = testing::hardware_report().comparisons();
  return report;
}

TEST(Hygiene, IsFilledAndFilledAgain) {
  v1::RunReport report = report_of(of_machine());
  fill(of_machine(), &report);
  ASSERT_EQ(report.hygiene_size(), 1);
  EXPECT_EQ(report.hygiene(0).usual(), "governor performance, clocksource tsc");
  EXPECT_EQ(report.hygiene(0).boots(), 24);
  ASSERT_EQ(report.hygiene(0).unfit_size(), 2);
  EXPECT_EQ(report.hygiene(0).unfit(0).session_id(), 12);
}

TEST(Hygiene, IsOneLineAndEachBootThatDoesNotCount) {
  const v1::RunReport report = report_of(of_machine());
  EXPECT_EQ(hygiene_words(report.hygiene(0)),
            "governor performance, clocksource tsc, at most 71 °C; the clock of 2 boots does not "
            "count");
  EXPECT_EQ(unfit_words(report.hygiene(0).unfit(0)),
            "session 12 (performance 3, patched/i386-highmem): heat slowed the CPUs once");
  const std::string text = to_text(report);
  EXPECT_THAT(text, HasSubstr("  Conditions of lab-4: governor performance, clocksource tsc, at"));
  EXPECT_THAT(text, HasSubstr("    session 12 (performance 3, patched/i386-highmem): heat slowed"));
  const std::string page = to_html(report);
  EXPECT_THAT(page, HasSubstr("Conditions of lab-4: governor performance"));
  EXPECT_THAT(page, HasSubstr("turbo &lt;is&gt; off"));
}

TEST(Hygiene, AMachineThatSaysNothingIsNotSpokenOf) {
  verdict::Output output;
  output.hygiene.emplace_back().machine = "qemu-1";
  const v1::RunReport report = report_of(output);
  EXPECT_THAT(to_text(report), Not(HasSubstr("Conditions")));
  EXPECT_THAT(to_html(report), Not(HasSubstr("Conditions")));
}

}  // namespace
}  // namespace kiln::report
