#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/text.h"
#include "lib/report/html_parts.h"
#include "lib/report/paragraph.h"
#include "lib/report/report.h"
#include "lib/report/sample_report.h"
#include "lib/report/text_parts.h"

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::NightTest night_test(const std::string& name, const std::string& variant = "baseline") {
  v1::NightTest test;
  test.set_test(name);
  test.set_config("i386-highmem");
  test.set_variant(variant);
  test.set_before("pass in 1 of 1 boot");
  test.set_now("fail in 1 of 1 boot");
  return test;
}

v1::RunReport night() {
  v1::RunReport report = testing::clean_report();
  v1::LastGoodNight* night = report.mutable_last_good_night();
  night->set_schedule("drm-tip");
  night->set_run_id(398);
  night->set_source_tree("3f9c1e0000000000000000000000000000000000");
  night->set_source_tree_now("8a1c2bd000000000000000000000000000000000");
  night->set_nights_since(3);
  *night->add_regressed() = night_test("igt@gem_pread@basic");
  *night->add_worse() = night_test("igt@gem_pwrite@basic", "patched");
  return report;
}

TEST(LastGoodNight, StandsInTheMail) {
  EXPECT_EQ(text_last_good_night(night()),
            "SINCE THE LAST GOOD NIGHT  run 398 (3 nights ago, tree 3f9c1e000000 ->\n"
            "      8a1c2bd00000): 1 regressed, 1 worse in too few boots to be sure\n"
            "  regressed igt@gem_pread@basic (i386-highmem): pass in 1 of 1 boot, now\n"
            "              fail in 1 of 1 boot\n"
            "  worse?    igt@gem_pwrite@basic (i386-highmem, with the series): pass\n"
            "              in 1 of 1 boot, now fail in 1 of 1 boot\n");
  EXPECT_THAT(to_text(night()), HasSubstr("\nSINCE THE LAST GOOD NIGHT  run 398"));
  EXPECT_EQ(text_last_good_night(testing::clean_report()), "");
}

TEST(LastGoodNight, NoneWasGoodAndNothingDiffersAreSaid) {
  v1::RunReport report = night();
  report.mutable_last_good_night()->clear_regressed();
  report.mutable_last_good_night()->clear_worse();
  EXPECT_THAT(text_last_good_night(report), HasSubstr("every test ends as it did\n"));
  report.mutable_last_good_night()->set_run_id(0);
  EXPECT_THAT(text_last_good_night(report),
              HasSubstr("no earlier night of drm-tip was good: nothing\n"));
}

TEST(LastGoodNight, AMailNamesTheFirstOnesAndThePageAll) {
  v1::RunReport report = night();
  for (int i = 0; i < 30; ++i)
    *report.mutable_last_good_night()->add_lost() = night_test("igt@gem_x@" + std::to_string(i));
  EXPECT_THAT(text_last_good_night(report), HasSubstr("            and 10 more\n"));
  EXPECT_THAT(html_last_good_night(report), HasSubstr("igt@gem_x@29 (i386-highmem)"));
}

TEST(LastGoodNight, StandsOnThePageWithALinkToIt) {
  const std::string html = to_html(night());
  EXPECT_THAT(html, HasSubstr("<a href=\"#last-good-night\">Since the last good night</a>"));
  EXPECT_THAT(html, HasSubstr("<section id=\"last-good-night\"><h2>Since the last good night"));
  EXPECT_THAT(html, HasSubstr("<li>igt@gem_pread@basic (i386-highmem): pass in 1 of 1 boot"));
  EXPECT_THAT(to_html(testing::clean_report()), Not(HasSubstr("last-good-night")));
}

TEST(LastGoodNight, StandsInJson) {
  const auto json = message_to_json(night());
  ASSERT_TRUE(json) << render(json.error());
  EXPECT_THAT(*json, HasSubstr("\"last_good_night\": {"));
  EXPECT_THAT(*json, HasSubstr("\"source_tree_now\": \"8a1c2bd"));
}

TEST(LastGoodNight, NamesFromMachinesAreHarmless) {
  v1::RunReport report = night();
  report.mutable_last_good_night()->mutable_regressed(0)->set_test("igt@<b>\x1b[2J");
  EXPECT_THAT(text_last_good_night(report), Not(HasSubstr("\x1b")));
  EXPECT_THAT(html_last_good_night(report), Not(HasSubstr("<b>")));
}

}  // namespace
}  // namespace kiln::report
