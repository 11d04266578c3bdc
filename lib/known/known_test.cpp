#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/known/match.h"

namespace kiln::known {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kOops = "oops: shmem_pread < i915_gem_pread_ioctl";

WallTime at(int day) {
  return WallTime(Millis(1'790'000'000'000 + day * 86'400'000LL));
}

Filter filter(int64_t id) {
  Filter f;
  f.id = id;
  f.test = "igt@gem_pread@*";
  f.author = "keeper";
  f.reason = "bug 114";
  f.created = at(0);
  return f;
}

Occurrence failed(const std::string& test = "igt@gem_pread@basic") {
  Occurrence seen;
  seen.test = test;
  seen.config = "i386-highmem";
  seen.machine = "kbl-3";
  seen.tags = {"gen9", "hardware"};
  seen.outcome = "fail";
  seen.text = "failed assertion: fd >= 0\n";
  return seen;
}

Cover cover_by(const std::vector<Filter>& filters, const Occurrence& seen) {
  const std::vector<Matcher> matchers = compile(filters);
  return cover(holding(matchers, at(1)), seen);
}

bool covers(const Filter& f, const Occurrence& seen) {
  return cover_by({f}, seen).covered;
}

TEST(Match, EachFieldNarrows) {
  EXPECT_TRUE(covers(filter(1), failed()));
  EXPECT_FALSE(covers(filter(1), failed("igt@gem_pwrite@basic")));
  const auto with = [](std::string Filter::*field, const char* glob) {
    Filter f = filter(1);
    f.*field = glob;
    return covers(f, failed());
  };
  EXPECT_TRUE(with(&Filter::machine, "kbl-*"));
  EXPECT_FALSE(with(&Filter::machine, "bdw-*"));
  EXPECT_TRUE(with(&Filter::tag, "gen?"));
  EXPECT_FALSE(with(&Filter::tag, "gen1?"));
  EXPECT_TRUE(with(&Filter::config, "*-highmem"));
  EXPECT_FALSE(with(&Filter::config, "*-nohighmem"));
  EXPECT_TRUE(with(&Filter::text, "assertion: fd >= 0$"));
  EXPECT_TRUE(with(&Filter::text, "^failed"));
  EXPECT_FALSE(with(&Filter::text, "^assertion"));
  EXPECT_FALSE(with(&Filter::signature, "*"));  // there is no report to have one
  Filter f = filter(1);
  f.outcomes = {"crash", "fail"};
  EXPECT_TRUE(covers(f, failed()));
  f.outcomes = {"crash"};
  EXPECT_FALSE(covers(f, failed()));
}

TEST(Match, LinesAreMatchedOneByOne) {
  Filter f = filter(1);
  f.text = "^second$";
  Occurrence seen = failed();
  seen.text = "first\nsecond\nthird \xff\n";
  EXPECT_TRUE(covers(f, seen));
  seen.text = "first second\n";
  EXPECT_FALSE(covers(f, seen));
}

TEST(Match, AnotherReportOnTheSameTestIsNeverHidden) {
  Occurrence seen = failed();
  seen.outcome = "crash";
  seen.reports = {{kOops, "BUG: unable to handle page fault\n"}};
  EXPECT_FALSE(covers(filter(1), seen)) << "a filter of the test alone";
  Filter other = filter(2);
  other.signature = "oops: shmem_pwrite*";
  EXPECT_FALSE(covers(other, seen)) << "a filter of another signature";
  Filter same = filter(3);
  same.signature = "oops: shmem_pread*";
  EXPECT_TRUE(covers(same, seen));
  seen.reports.push_back({"warning: i915_vma_pin", "WARNING: CPU: 0\n"});
  EXPECT_FALSE(covers(same, seen)) << "of two reports one is new";
  EXPECT_FALSE(cover_by({filter(1), other, same}, seen).covered);
}

TEST(Match, FiltersTogetherCoverWhatNoneCoversAlone) {
  Occurrence seen = failed();
  seen.reports = {{kOops, "BUG: one\n"}, {"", "i915: *ERROR* two\n"}};
  Filter first = filter(4);
  first.signature = kOops;
  Filter second = filter(9);
  second.text = "\\*ERROR\\* two";
  EXPECT_FALSE(covers(first, seen));
  const Cover both = cover_by({second, first}, seen);
  EXPECT_TRUE(both.covered);
  EXPECT_THAT(both.by, ElementsAre(4, 9));
  EXPECT_THAT(cover_by({first}, seen).by, ElementsAre(4)) << "a part is a match, too";
}

TEST(Match, WhatTheKernelSaidMustBeNamed) {
  Occurrence seen = failed();
  seen.outcome = "dmesg-warn";
  seen.text = "<3> [drm] *ERROR* CPU pipe A FIFO underrun\n";
  seen.kernel_error = true;
  EXPECT_FALSE(covers(filter(1), seen));
  Filter f = filter(1);
  f.text = "FIFO underrun";
  EXPECT_TRUE(covers(f, seen));
}

TEST(Match, AReportOutsideOfTestsIsCoveredByWhoAsksForNoTest) {
  Occurrence seen = failed("");
  seen.reports = {{"hung-task: bit_wait_io", "INFO: task rm blocked\n"}};
  Filter f = filter(1);
  f.signature = "hung-task: *";
  EXPECT_FALSE(covers(f, seen));
  f.test = "";
  EXPECT_TRUE(covers(f, seen));
  f.test = "*";
  EXPECT_TRUE(covers(f, seen));
}

TEST(Match, ExpiredAndRemovedFiltersCoverNothing) {
  Filter f = filter(1);
  f.expires = at(1);
  EXPECT_TRUE(holds(f, at(1)));
  EXPECT_FALSE(holds(f, at(2)));
  EXPECT_TRUE(holding(compile({f}), at(2)).empty());
  f.expires.reset();
  EXPECT_EQ(holding(compile({f}), at(1000)).size(), 1u);
  f.removed = true;
  EXPECT_TRUE(holding(compile({f}), at(1)).empty());
}

std::string error_of(const Filter& f) {
  const Status status = check(f);
  return status ? "" : render(status.error());
}

TEST(Check, SaysWhatIsWrongAndTheMend) {
  EXPECT_EQ(error_of(filter(1)), "");
  Filter f = filter(1);
  f.test = "*";
  EXPECT_EQ(error_of(f),
            "error: the filter would cover every failure\n  name a test (--test), a kernel report "
            "(--signature) or its words (--text)");
  f.text = "FIFO underrun";
  EXPECT_EQ(error_of(f), "");
  f.text = "(unclosed";
  EXPECT_EQ(error_of(f),
            "error: `(unclosed` is no expression: missing ): (unclosed\n  RE2 syntax; \\Q...\\E "
            "takes words as they are");
  f.text = "a)(b";
  EXPECT_THAT(error_of(f), HasSubstr("is no expression"));
  f = filter(1);
  f.outcomes = {"dmesg-warn"};
  EXPECT_EQ(error_of(f),
            "error: a filter of dmesg-warn names what the kernel said\n  --signature of the "
            "report, or --text from its words");
  f.outcomes = {"FAIL"};
  EXPECT_THAT(error_of(f), HasSubstr("`FAIL` is no outcome"));
  f = filter(1);
  f.reason = " ";
  EXPECT_THAT(error_of(f), HasSubstr("a filter needs a reason"));
  f = filter(1);
  f.author = "";
  EXPECT_THAT(error_of(f), HasSubstr("a filter needs an author"));
  f = filter(1);
  f.link = "javascript:alert(1)";
  EXPECT_EQ(error_of(f), "error: the link `javascript:alert(1)` is no https address");
  f = filter(1);
  f.expires = at(0);
  EXPECT_EQ(error_of(f), "error: the filter would have expired before it was made");
  f = filter(1);
  f.reason = "two\nlines";
  EXPECT_EQ(error_of(f), "error: the filter's reason is more than one line of text");
  f.reason = "\xff";
  EXPECT_EQ(error_of(f), "error: the filter's reason is no UTF-8");
  f.reason = std::string(2001, 'x');
  EXPECT_EQ(error_of(f), "error: the filter's reason has 2001 bytes, at most 2000 are kept");
}

TEST(Describe, IsASentence) {
  Filter f = filter(1);
  f.tag = "gen9";
  f.config = "*-highmem";
  f.outcomes = {"fail", "crash"};
  f.signature = "oops: *";
  f.text = "page fault";
  EXPECT_EQ(describe(f),
            "on machines tagged gen9, in *-highmem, igt@gem_pread@* that ends as fail or crash, "
            "with the kernel report `oops: *`, whose words match /page fault/");
  f = Filter{};
  f.machine = "kbl-3";
  f.text = "x";
  EXPECT_EQ(describe(f), "on kbl-3, any test, whose words match /x/");
}

TEST(Json, ComesBackAsItWas) {
  Filter f = filter(7);
  f.outcomes = {"fail"};
  f.text = "\"quoted\" \\d+ \xC3\xA4";
  f.expires = at(90);
  const auto back = from_json(to_json(f));
  ASSERT_TRUE(back) << render(back.error());
  EXPECT_EQ(*back, f);
  f.expires.reset();
  f.removed = true;
  EXPECT_EQ(*from_json(to_json(f)), f);
  for (const char* wrong : {"", "{}", "[]", "{\"id\":\"x\"}"}) {
    const auto error = from_json(wrong);
    ASSERT_FALSE(error) << wrong;
    EXPECT_EQ(error.error().kind, ErrorKind::kBadInput);
  }
}

}  // namespace
}  // namespace kiln::known
