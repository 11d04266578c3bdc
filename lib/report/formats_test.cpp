#include "lib/report/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/report/mail_header.h"
#include "lib/report/sample_report.h"

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace testing;  // NOLINT: samples

TEST(MailSubject, IsFoldedAtBlanks) {
  EXPECT_EQ(mail_subject("Re: [PATCH v2 0/3] drm/i915: Replace kmap() with kmap_local_page(): no "
                         "regression"),
            "Subject: Re: [PATCH v2 0/3] drm/i915: Replace kmap() with\n"
            " kmap_local_page(): no regression\n");
}

TEST(MailSubject, IsOneFieldWhateverItHolds) {
  EXPECT_EQ(mail_subject("a\r\nBcc: everybody@example.org"),
            "Subject: a Bcc: everybody@example.org\n");
}

TEST(MailSubject, OtherCharactersBecomeEncodedWords) {
  EXPECT_EQ(mail_subject("drm: Größe der Karte"),
            "Subject: drm: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?= der Karte\n");
  EXPECT_EQ(mail_subject("not =?UTF-8?Q?one?="),
            "Subject: not =?UTF-8?Q?=3D=3FUTF=2D8=3FQ=3Fone=3F=3D?=\n");
  for (const std::string& line : split_lines(mail_subject(std::string(100, '\xE5') + "x")))
    EXPECT_LE(line.size(), 76U) << line;
}

TEST(MailSubject, HasALength) {
  EXPECT_LT(mail_subject(std::string(5000, 'x')).size(), 400U);
}

TEST(MessageId, OnlyWhatIsOne) {
  EXPECT_EQ(message_id_field("a.b-1@example.org"), "<a.b-1@example.org>");
  EXPECT_EQ(message_id_field(" <a@b> "), "<a@b>");
  for (const char* wrong :
       {"", "a", "@b", "a@", "a b@c", "a@b>c", "a@b@c", "a@b\nBcc: x", "\xC3\xA4@b"})
    EXPECT_EQ(message_id_field(wrong), "") << wrong;
}

TEST(Csv, QuotesWhatMustBeAndDisarmsFormulas) {
  v1::RunReport report;
  report.mutable_run()->set_id(7);
  v1::Session* session = report.add_sessions();
  session->set_id(3);
  session->set_purpose("performance");
  session->set_pair(2);
  session->set_patched_first(true);
  session->set_variant("patched");
  session->set_config("a,b");
  v1::Measurement* m = session->add_measurements();
  m->set_metric("=HYPERLINK(\"x\")");
  m->set_unit("ns");
  m->set_value(0.1);
  v1::Measurement* none = session->add_measurements();
  none->set_metric("m");
  none->set_value(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(
      to_csv(report),
      "run,session,purpose,pair,order,config,variant,machine,bench,metric,unit,value,excluded\r\n"
      "7,3,performance,2,BA,\"a,b\",patched,,,\"'=HYPERLINK(\"\"x\"\")\",ns,0.1,\r\n"
      "7,3,performance,2,BA,\"a,b\",patched,,,m,,,not a number\r\n");
}

TEST(Junit, AKnownIssueIsNoFailure) {
  v1::RunReport report = broken_report();
  for (v1::Finding& finding : *report.mutable_findings())
    if (finding.class_() == "regression") {
      finding.set_class_("known");
      finding.set_known("filter 3: bug 114");
    }
  const std::string xml = to_junit(report);
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"known issue, filter 3: bug 114: crash\" />"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"known issue, filter 3: bug 114\" />"));
  EXPECT_THAT(xml, Not(HasSubstr("<error type=\"crash\"")));
}

TEST(Junit, HoldsNoCharacterThatXmlCannot) {
  const std::string xml = to_junit(hostile_report());
  EXPECT_EQ(xml, to_valid_utf8(xml));
  for (const char c : xml)
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << static_cast<int>(c);
  EXPECT_THAT(xml, Not(HasSubstr("<script>")));
  EXPECT_THAT(xml, Not(HasSubstr("&#27;")));
}

TEST(Junit, WithoutAVerdictSomethingIsRed) {
  v1::RunReport report;
  report.mutable_verdict()->set_exit_code(3);
  report.mutable_verdict()->set_result("infrastructure");
  report.mutable_verdict()->set_headline("No verdict: the machine is gone.");
  EXPECT_THAT(
      to_junit(report),
      HasSubstr("<error type=\"infrastructure\" message=\"No verdict: the machine is gone.\" />"));
}

TEST(Kcidb, IdsAreTheRuns) {
  const auto json = to_kcidb(broken_report(), {"my_lab"});
  ASSERT_TRUE(json) << render(json.error());
  const auto document = nlohmann::json::parse(*json);
  EXPECT_EQ(document.at("checkouts").at(1).at("id"), "my_lab:run-1795554900-412-patched");
  EXPECT_EQ(document.at("builds").at(1).at("id"), "my_lab:run-1795554900-412-patched-i386-highmem");
  EXPECT_EQ(document.at("tests").at(0).at("path"), "igt.gem_pread.basic");
  EXPECT_EQ(document.at("version").at("major"), 5);
}

TEST(Kcidb, AnOriginIsAWord) {
  EXPECT_EQ(
      render(to_kcidb({}, {"My Lab"}).error()),
      "error: `My Lab` is no origin\n  letters a to z, digits and _, as registered with KCIDB");
  EXPECT_FALSE(to_kcidb({}, {""}));
}

}  // namespace
}  // namespace kiln::report
