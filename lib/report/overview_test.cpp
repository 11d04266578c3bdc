#include "lib/report/overview.h"

#include <gtest/gtest.h>

namespace kiln::report {
namespace {

TEST(Overview, ShowsCellsBuildsAndSessions) {
  v1::RunReport report;
  report.mutable_run()->set_id(4);
  report.mutable_run()->set_title("kmap\x1b[31m");
  report.mutable_run()->set_state("done");
  report.mutable_run()->set_elapsed_seconds(61);
  report.mutable_run()->set_source("linux-source-6.1");
  report.mutable_verdict()->set_headline("No regression.");
  report.mutable_verdict()->set_results_got(3);
  report.mutable_verdict()->set_results_planned(3);
  v1::OutcomeCount* count = report.add_outcome_counts();
  count->set_variant("patched");
  count->set_config("hm");
  (*count->mutable_outcomes())["skip"] = 1;
  (*count->mutable_outcomes())["pass"] = 2;
  v1::Session* session = report.add_sessions();
  session->set_id(9);
  session->set_purpose("functional");
  session->set_variant("patched");
  session->set_config("hm");
  session->set_ending("tested");
  session->set_elapsed_seconds(30);
  EXPECT_EQ(overview_to_text(report),
            "run 4  kmap [31m  (done)\n"
            "No regression.\n"
            "1 min 01 s, 3 of 3 planned results, linux-source-6.1\n"
            "\nCELLS\n"
            "  patched/hm                           2 pass, 1 skip\n"
            "\nSESSIONS (kiln log RUN SESSION)\n"
            "      9  functional    patched/hm                           30 s         tested\n"
            "\nnext: kiln report 4\n");
}

TEST(Overview, SaysWhatIsKeptAndWhatIsGone) {
  v1::RunReport report;
  report.mutable_run()->set_kept_by("anna\x1b[31m");
  report.mutable_run()->set_kept_why("for the list");
  EXPECT_NE(overview_to_text(report).find(": for the list\n"), std::string::npos);
  EXPECT_EQ(overview_to_text(report).find('\x1b'), std::string::npos);
  report.mutable_run()->mutable_artifacts_cleared()->set_seconds(1'790'000'000);
  EXPECT_NE(overview_to_text(report).find("logs and kernels were cleared away on 2026-09-2"),
            std::string::npos);
}

}  // namespace
}  // namespace kiln::report
