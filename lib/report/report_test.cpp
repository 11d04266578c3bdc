#include "lib/report/report.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "lib/base/text.h"
#include "lib/report/golden.h"
#include "lib/report/html_parts.h"
#include "lib/report/paragraph.h"
#include "lib/report/sample_report.h"

namespace kiln::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace testing;  // NOLINT: samples

TEST(Text, GoldenMails) {
  expect_golden("clean.txt", to_text(clean_report()));
  expect_golden("broken.txt", to_text(broken_report()));
  expect_golden("hardware.txt", to_text(hardware_report()));
  expect_golden("hostile.txt", to_text(hostile_report()));
}

TEST(Text, LinesKeepTo72ColumnsButForNamesAndCommands) {
  for (const v1::RunReport& report : {clean_report(), broken_report(), hardware_report()})
    for (const std::string& line : split_lines(to_text(report))) {
      if (width_of(line) <= kColumns) continue;
      // Only a single word (a name, an id) or a command may be longer.
      const std::string rest(trim(line));
      EXPECT_TRUE(rest.find(' ') == std::string::npos || line.starts_with("Reproduce") ||
                  line.starts_with("In-Reply-To"))
          << line;
    }
}

TEST(Text, HasNoControlBytesWhateverWasPrinted) {
  for (const char c : to_text(hostile_report()))
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << static_cast<int>(c);
  EXPECT_THAT(to_text(hostile_report()), Not(HasSubstr("\xC2\x9B")));
}

TEST(Text, ALongConfigsNameKeepsItsDistance) {
  v1::RunReport report = clean_report();
  for (v1::Cell& cell : *report.mutable_cells())
    if (cell.config() == "i386-highmem") cell.set_config("i386-nohighmem-debug");
  EXPECT_THAT(to_text(report), HasSubstr("\n  i386-nohighmem-debug  baseline  "));
}

TEST(Text, OfAnEmptyReportIsShortAndSafe) {
  EXPECT_EQ(to_text({}), "Subject: : no verdict yet\n\nVerdict:");
  EXPECT_THAT(to_html({}), HasSubstr("</html>"));
}

TEST(Html, GoldenPages) {
  expect_golden("clean.html", to_html(clean_report()));
  expect_golden("broken.html", to_html(broken_report()));
  expect_golden("hardware.html", to_html(hardware_report()));
  expect_golden("hostile.html", to_html(hostile_report()));
}

TEST(Html, HasNoOutsideReferenceAndNoScript) {
  for (const v1::RunReport& report : {clean_report(), broken_report(), hostile_report()}) {
    std::string html = to_html(report);
    const std::string namespace_name = "http://www.w3.org/2000/svg";  // a name, nothing is fetched
    if (const size_t at = html.find(namespace_name); at != std::string::npos)
      html.erase(at, namespace_name.size());
    for (const char* never :
         {"http://", "https://", "src=", "<script", "@import", "url(", "onload"})
      EXPECT_THAT(html, Not(HasSubstr(never))) << never;
    EXPECT_EQ(html, to_valid_utf8(html));
  }
}

TEST(Html, EscapesEverythingThatMeansSomething) {
  EXPECT_EQ(escape("<a href=\"x\" b='y'>&</a>"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
  EXPECT_EQ(escape(std::string("a\0b\x1b\n\tc\xff", 8)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\n\tc\xEF\xBF\xBD");
}

TEST(Html, TagsAreBalanced) {
  for (const v1::RunReport& report :
       {clean_report(), broken_report(), hardware_report(), hostile_report()}) {
    const std::string html = to_html(report);
    for (const char* tag : {"section", "article", "table", "tr", "td", "th", "div", "ul", "li",
                            "details", "figure", "svg", "p", "h3", "pre", "tbody", "thead"}) {
      const auto count = [&](const std::string& what) {
        size_t n = 0;
        for (size_t at = html.find(what); at != std::string::npos; at = html.find(what, at + 1))
          ++n;
        return n;
      };
      const std::string name(tag);
      EXPECT_EQ(count("<" + name + ">") + count("<" + name + " "), count("</" + name + ">")) << tag;
    }
  }
}

TEST(Json, IsTheMessage) {
  const v1::RunReport report = broken_report();
  const auto json = message_to_json(report);
  ASSERT_TRUE(json);
  EXPECT_THAT(*json, StartsWith("{"));
  EXPECT_THAT(*json, EndsWith("}"));
  EXPECT_THAT(*json, HasSubstr("\"exit_code\": 1"));
  EXPECT_THAT(*json, HasSubstr("\"class\": \"regression\""));
  v1::RunReport back;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(*json, &back).ok());
  EXPECT_EQ(back.SerializeAsString().size(), report.SerializeAsString().size());
}

TEST(Json, HoldsWhatIsNoUtf8) {
  const auto json = message_to_json(hostile_report());
  ASSERT_TRUE(json) << render(json.error());
  EXPECT_EQ(*json, to_valid_utf8(*json));
}

TEST(Fill, ReplacesTheVerdictAndKeepsTheRest) {
  v1::RunReport report = broken_report();
  verdict::testing::Rows rows;
  rows.functional();
  fill(verdict::judge(rows.input), &report);
  EXPECT_EQ(report.findings_size(), 0);
  EXPECT_EQ(report.verdict().result(), "no-regression");
  EXPECT_EQ(report.comparisons_size(), 0);
  EXPECT_EQ(report.builds_size(), 4);
}

TEST(Fill, StringsForProtoAreCleaned) {
  EXPECT_EQ(proto_string(std::string("a\0b\xff", 4)), "ab\xEF\xBF\xBD");
}

}  // namespace
}  // namespace kiln::report
