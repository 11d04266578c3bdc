#include "agent/test/metrics.h"

#include <gmock/gmock.h>

namespace kiln::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Metrics, AreReadFromAmongOtherLines) {
  const auto m = read_metrics(
      "loading\nkiln-metric kmap/t2/ns_per_page 123.5 ns\r\nkiln-metric tlb 0 count\nend\n",
      "kmap");
  ASSERT_EQ(m.values.size(), 2U);
  EXPECT_EQ(m.values[0].bench, "kmap");
  EXPECT_EQ(m.values[0].metric, "kmap/t2/ns_per_page");
  EXPECT_EQ(m.values[0].value, 123.5);
  EXPECT_EQ(m.values[0].unit, "ns");
  EXPECT_EQ(m.values[1].value, 0);
  EXPECT_THAT(m.refused, IsEmpty());
}

TEST(Metrics, BadLinesAreRefusedWithTheReason) {
  const auto m = read_metrics(
      "kiln-metric a 1\nkiln-metric a nan ns\nkiln-metric a 1x ns\nkiln-metric a;b 1 ns\n"
      "kiln-metric a 1 n\xff\nkiln-metric  a 1 ns\nkiln-metric ok 1 ns\nkiln-metric ok 2 ns\n"
      "kiln-metrics no 1 ns\n",
      "b");
  ASSERT_EQ(m.values.size(), 1U);
  EXPECT_EQ(m.values[0].value, 1);
  EXPECT_THAT(m.refused, ElementsAre("not `kiln-metric NAME VALUE UNIT`: \"kiln-metric a 1\"",
                                     "bad number: \"kiln-metric a nan ns\"",
                                     "bad number: \"kiln-metric a 1x ns\"",
                                     "bad name: \"kiln-metric a;b 1 ns\"",
                                     "bad unit: \"kiln-metric a 1 n\xEF\xBF\xBD\"",
                                     "not `kiln-metric NAME VALUE UNIT`: \"kiln-metric  a 1 ns\"",
                                     "the name came before: \"kiln-metric ok 2 ns\""));
}

TEST(Metrics, AreBounded) {
  std::string text;
  for (int i = 0; i < 10'005; ++i) text += "kiln-metric m" + std::to_string(i) + " 1 ns\n";
  const auto m = read_metrics(text, "b");
  EXPECT_EQ(m.values.size(), 10'000U);
  EXPECT_EQ(m.refused.size(), 5U);
}

TEST(Metrics, ANameMayTellAParameter) {
  const Metrics metrics =
      read_metrics("kiln-metric kmap/threads=2/tlb_flushes 1234 count\n", "kmap");
  ASSERT_EQ(metrics.values.size(), 1U);
  EXPECT_EQ(metrics.values[0].metric, "kmap/threads=2/tlb_flushes");
  EXPECT_TRUE(metrics.refused.empty());
}

}  // namespace
}  // namespace kiln::agent
