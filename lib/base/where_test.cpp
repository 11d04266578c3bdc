#include "lib/base/where.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

const std::vector<std::string> kKeys = {"class", "config", "test"};

const Where::Row kRow = {{"class", {"regression"}},
                         {"config", {"i386-highmem", "HIGHMEM on"}},
                         {"test", {"igt@gem_pread@basic"}}};

bool holds(const std::string& text) {
  const auto where = Where::parse(text, kKeys);
  EXPECT_TRUE(where) << render(where.error());
  return where && where->matches(kRow);
}

/// The same as dashboards/src/lib/filter.test.ts looks at.
TEST(Where, WantsAllTermsAndAnyOfATermsValues) {
  EXPECT_TRUE(holds("class:regression config:*highmem test:gem_*"));
  EXPECT_TRUE(holds("class:flaky,regression"));
  EXPECT_FALSE(holds("class:flaky"));
  EXPECT_FALSE(holds("class:regress")) << "a class is no part of a word";
  EXPECT_TRUE(holds("-class:flaky"));
  EXPECT_FALSE(holds("-class:regression"));
  EXPECT_TRUE(holds("config:\"HIGHMEM on\""));
  EXPECT_TRUE(holds(""));
}

TEST(Where, TakesATestsNameWithOrWithoutIgtAndAPartOfIt) {
  EXPECT_TRUE(holds("test:igt@gem_pread@*"));
  EXPECT_TRUE(holds("test:pread"));
  EXPECT_FALSE(holds("test:kms_*"));
  EXPECT_TRUE(holds("PREAD"));
  EXPECT_TRUE(holds("gem_*basic"));
  EXPECT_FALSE(holds("'; DROP TABLE findings --"));
}

TEST(Where, SaysWhatItDoesNotKnow) {
  EXPECT_EQ(render(Where::parse("clas:regression", kKeys).error()),
            "error: no field `clas`\n  there are class, config, test, and words without one");
  EXPECT_EQ(Where::parse("test:", kKeys).error().message, "`test:` names no value");
  EXPECT_EQ(Where::parse(std::string(3000, 'x'), kKeys).error().kind, ErrorKind::kBadInput);
}

TEST(Where, AKeyCanBeTakenOutForWhoAsksForIt) {
  auto where = Where::parse("config:X* test:gem", kKeys);
  EXPECT_EQ(where->take("config"), "x*");
  EXPECT_TRUE(where->matches(kRow)) << "only the test is left";
  EXPECT_EQ(where->take("class"), "");
  EXPECT_EQ(Where::parse("test:a,b", kKeys)->take("test").error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(Where::parse("-test:a", kKeys)->take("test").error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kiln
