#include "controller/scheduler/report_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::scheduler {
namespace {

using testing::ElementsAre;

TEST(ReportBuilder, AWarningIsNewAsTheVerdictCountsIt) {
  Prepared prepared;
  std::map<std::string, kernel::BuildRecord> records;
  for (const char* variant : {"baseline", "patched"}) {
    BuildTarget target;
    target.variant = variant;
    target.config = "hm";
    target.key = variant;
    prepared.targets.push_back(target);
    records[variant].key = variant;
    records[variant].state = "built";
  }
  records["baseline"].warnings = {{"a.c", 10, "unused"}};
  // The old one has moved, one more of its kind is new.
  records["patched"].warnings = {{"a.c", 14, "unused"}, {"a.c", 20, "unused"}, {"b.c", 1, "x"}};
  const job::Plan plan;
  ReportInput input;
  input.prepared = &prepared;
  input.plan = &plan;
  input.records = &records;
  const v1::RunReport report = build_report(input);
  ASSERT_EQ(report.builds_size(), 2);
  EXPECT_FALSE(report.builds(0).warnings(0).is_new());
  std::vector<std::string> fresh;
  for (const v1::CompilerWarning& warning : report.builds(1).warnings())
    if (warning.is_new()) fresh.push_back(warning.file() + ":" + std::to_string(warning.line()));
  EXPECT_THAT(fresh, ElementsAre("a.c:20", "b.c:1"));
}

}  // namespace
}  // namespace kiln::scheduler
