#include "lib/patchwork/patchwork.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "lib/http/testing.h"
#include "lib/os/files.h"
#include "lib/report/sample_report.h"

namespace kiln::patchwork {
namespace {

using http::testing::LocalServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config config_of(Dialect dialect, const std::string& url = "https://patchwork.example.org") {
  Config config;
  config.dialect = dialect;
  config.url = url;
  config.token = "secret";
  config.project = "intel-gfx";
  config.target_url = "https://lab.example.org/run/{run}";
  return config;
}

v1::RunReport regression() {
  v1::RunReport report = report::testing::broken_report();
  for (v1::Finding& finding : *report.mutable_findings())
    if (finding.class_() == "regression") finding.set_patch("2/3 drm/i915/gt: Replace kmap()");
  return report;
}

std::vector<std::string> states(const std::vector<Check>& checks) {
  std::vector<std::string> out;
  for (const Check& check : checks) out.push_back(check.state);
  return out;
}

TEST(Checks, ThePatchAtFaultAndTheSeriesFail) {
  const auto checks = checks_of(regression(), config_of(Dialect::kPatchwork));
  ASSERT_TRUE(checks) << render(checks.error());
  EXPECT_THAT(states(*checks), ElementsAre("success", "fail", "fail"));
  EXPECT_EQ((*checks)[0].description,
            "nothing is laid to this patch; the series' verdict is at 3/3");
  EXPECT_THAT((*checks)[1].description, HasSubstr("igt@gem_pread@basic: "));
  EXPECT_THAT((*checks)[2].description, HasSubstr("Do not apply yet: 1 regression"));
  EXPECT_EQ((*checks)[2].target_url, "https://lab.example.org/run/412");
}

TEST(Checks, WithoutACulpritTheSeriesFails) {
  const auto checks = checks_of(report::testing::broken_report(), config_of(Dialect::kPatchwork));
  EXPECT_THAT(states(*checks), ElementsAre("success", "success", "fail"));
}

TEST(Checks, FreedesktopGetsOneForTheSeries) {
  const auto checks = checks_of(regression(), config_of(Dialect::kFreedesktop));
  EXPECT_THAT(states(*checks), ElementsAre("failure"));
  EXPECT_THAT(states(*checks_of(report::testing::clean_report(), config_of(Dialect::kFreedesktop))),
              ElementsAre("success"));
}

TEST(Checks, LookTwiceIsAWarning) {
  v1::RunReport report = report::testing::clean_report();
  report.mutable_verdict()->set_flaky(1);
  EXPECT_THAT(states(*checks_of(report, config_of(Dialect::kFreedesktop))), ElementsAre("warning"));
}

TEST(Checks, WithoutAVerdictThereIsNothingToPost) {
  v1::RunReport report = report::testing::clean_report();
  report.mutable_verdict()->set_result("infrastructure");
  report.mutable_verdict()->set_headline("No verdict: qemu-1 is gone.");
  EXPECT_EQ(render(checks_of(report, config_of(Dialect::kPatchwork)).error()),
            "error: run 412 says nothing of the series: No verdict: qemu-1 is gone.\n"
            "  only a verdict is posted");
  report = report::testing::clean_report();
  report.mutable_series()->clear_patches();
  EXPECT_EQ(render(checks_of(report, config_of(Dialect::kPatchwork)).error()),
            "error: run 412 tested no series");
}

TEST(DryRun, ShowsEachRequestWithoutTheToken) {
  const Config config = config_of(Dialect::kFreedesktop);
  const v1::RunReport report = regression();
  EXPECT_EQ(dry_run(*checks_of(report, config), report, config),
            "POST https://patchwork.example.org/api/1.0/series/{series}/revisions/{revision}/"
            "test-results/\n"
            "{\"test_name\":\"kiln\",\"state\":\"failure\",\"url\":\"https://lab.example.org/run/"
            "412\",\"summary\":\"" +
                report.verdict().headline() + "\"}\n");
  const Config other = config_of(Dialect::kPatchwork);
  const std::string text = dry_run(*checks_of(report, other), report, other);
  EXPECT_THAT(text, HasSubstr("POST https://patchwork.example.org/api/1.2/patches/{id of 2/3 "
                              "drm/i915/gt: Replace kmap() with kmap_local_page()}/checks/\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("secret")));
}

TEST(Target, IsANumberAndARevision) {
  EXPECT_EQ(parse_target("1234")->series, 1234);
  EXPECT_EQ(parse_target("1234/2")->revision, 2);
  for (const char* wrong : {"", "x", "12/", "12/0", "12/x", "-1", "1 2"})
    EXPECT_EQ(render(parse_target(wrong).error()), std::string("error: `") + wrong +
                                                       "` is no series in Patchwork\n"
                                                       "  its number, or number/revision");
}

class Posting : public ::testing::Test {
 protected:
  void answer(const std::string& path, const std::string& json) {
    local_.server().Get(path, [json](const httplib::Request&, httplib::Response& response) {
      response.set_content(json, "application/json");
    });
  }
  void accept(const std::string& path) {
    local_.server().Post(path, [](const httplib::Request&, httplib::Response& response) {
      response.status = 201;
      response.set_content("{}", "application/json");
    });
  }
  Status post_it(Dialect dialect, const Target& target = {}) {
    const Config config = config_of(dialect, local_.url());
    const v1::RunReport report = regression();
    return post(*checks_of(report, config), report, config, target, client_,
                [this](const std::string& line) { told_.push_back(line); });
  }
  /// What was posted, in order: path and body.
  std::vector<std::pair<std::string, nlohmann::json>> posted() {
    std::vector<std::pair<std::string, nlohmann::json>> out;
    for (const httplib::Request& request : local_.asked())
      if (request.method == "POST")
        out.emplace_back(request.path, nlohmann::json::parse(request.body));
    return out;
  }

  LocalServer local_;
  http::CurlClient client_;
  std::vector<std::string> told_;
};

TEST_F(Posting, PatchworkFindsTheSeriesByItsCoverLetter) {
  answer("/api/1.2/covers/", R"json([{"id": 9, "series": [{"id": 77, "version": 2}]}])json");
  answer("/api/1.2/series/77/",
         R"json({"id": 77, "version": 2, "patches": [{"id": 101}, {"id": 102}, {"id": 103}]})json");
  accept(R"(/api/1\.2/patches/\d+/checks/)");
  const Status done = post_it(Dialect::kPatchwork);
  ASSERT_TRUE(done) << render(done.error());
  const auto got = posted();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[1].first, "/api/1.2/patches/102/checks/");
  EXPECT_EQ(got[1].second.at("state"), "fail");
  EXPECT_EQ(got[1].second.at("context"), "kiln");
  EXPECT_EQ(got[1].second.at("target_url"), "https://lab.example.org/run/412");
  EXPECT_THAT(told_, ElementsAre("patch 101 (1/3): success", "patch 102 (2/3): fail",
                                 "patch 103 (3/3): fail"));
  const httplib::Request first = local_.asked().front();
  EXPECT_EQ(first.get_param_value("msgid"), "20230417103851.5015-1-dev@example.org");
  EXPECT_EQ(first.get_param_value("project"), "intel-gfx");
  EXPECT_EQ(first.get_header_value("Authorization"), "Token secret");
}

TEST_F(Posting, ASeriesOfAnotherSizeIsNotTheOneThatWasTested) {
  answer("/api/1.2/series/5/", R"json({"patches": [{"id": 1}]})json");
  EXPECT_EQ(render(post_it(Dialect::kPatchwork, {5, 0}).error()),
            "error: series 5 has 1 patches in Patchwork, the run tested 3");
  EXPECT_TRUE(posted().empty());
}

TEST_F(Posting, FreedesktopFindsTheSeriesByItsName) {
  answer("/api/1.0/projects/intel-gfx/series/", R"json({"count": 2, "results": [
    {"id": 3, "name": "drm/i915: Replace kmap() with kmap_local_page()", "n_patches": 3, "version": 2},
    {"id": 4, "name": "drm/i915: Replace kmap() with kmap_local_page()", "n_patches": 1, "version": 1}]
})json");
  accept("/api/1.0/series/3/revisions/2/test-results/");
  const Status done = post_it(Dialect::kFreedesktop);
  ASSERT_TRUE(done) << render(done.error());
  ASSERT_EQ(posted().size(), 1U);
  EXPECT_EQ(posted()[0].second.at("test_name"), "kiln");
  EXPECT_EQ(posted()[0].second.at("state"), "failure");
  EXPECT_EQ(local_.asked().front().get_header_value("Authorization"), "APIToken secret");
  EXPECT_EQ(local_.asked().front().get_param_value("name"),
            "drm/i915: Replace kmap() with kmap_local_page()");
}

TEST_F(Posting, FreedesktopAsksForTheNewestRevisionOfANamedSeries) {
  answer("/api/1.0/series/3/", R"json({"id": 3, "version": 4})json");
  accept("/api/1.0/series/3/revisions/4/test-results/");
  ASSERT_TRUE(post_it(Dialect::kFreedesktop, {3, 0}));
  ASSERT_TRUE(post_it(Dialect::kFreedesktop, {3, 4}));
  EXPECT_EQ(posted().size(), 2U);
}

TEST_F(Posting, TwoSeriesOfOneNameAreNotGuessed) {
  answer("/api/1.0/projects/intel-gfx/series/", R"json({"results": [
    {"id": 3, "name": "drm/i915: Replace kmap() with kmap_local_page()", "n_patches": 3, "version": 2},
    {"id": 4, "name": "drm/i915: Replace kmap() with kmap_local_page()", "n_patches": 3, "version": 1}]
})json");
  EXPECT_EQ(render(post_it(Dialect::kFreedesktop).error()),
            "error: Patchwork knows 2 series named `drm/i915: Replace kmap() with "
            "kmap_local_page()` with 3 patches\n  name it: --series NUMBER/REVISION");
}

TEST_F(Posting, ARefusalIsToldInTheServersWords) {
  answer("/api/1.2/series/5/", R"json({"patches": [{"id": 1}, {"id": 2}, {"id": 3}]})json");
  local_.server().Post("/api/1.2/patches/1/checks/", [](const httplib::Request&,
                                                        httplib::Response& response) {
    response.status = 403;
    response.set_content(R"json({"detail": "You do not have permission"})json", "application/json");
  });
  const Status done = post_it(Dialect::kPatchwork, {5, 0});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kPermission);
  EXPECT_EQ(render(done.error()),
            "error: POST " + local_.url() +
                "/api/1.2/patches/1/checks/ answers 403: {\"detail\": \"You do not have "
                "permission\"}");
}

TEST_F(Posting, AnswersOfAnotherShapeAreErrors) {
  for (const char* wrong :
       {"[]", "{}", R"json({"patches": 3})json", "no json", R"json({"patches": [1, 2, 3]})json",
        R"json({"patches": [{"id": "x"}, {}, null]})json"}) {
    LocalServer local;
    local.server().Get("/api/1.2/series/5/",
                       [wrong](const httplib::Request&, httplib::Response& response) {
                         response.set_content(wrong, "application/json");
                       });
    const Config config = config_of(Dialect::kPatchwork, local.url());
    const v1::RunReport report = regression();
    const Status done = post(*checks_of(report, config), report, config, {5, 0}, client_,
                             [](const std::string&) {});
    ASSERT_FALSE(done) << wrong;
    EXPECT_EQ(done.error().kind, ErrorKind::kInfrastructure) << wrong;
  }
}

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = *os::make_temp_dir("/tmp", "patchwork"); }
  void TearDown() override { (void)os::remove_tree(folder_); }
  Result<Config> load(const std::string& yaml, unsigned mode = 0600) {
    EXPECT_TRUE(os::write_atomic(path(), yaml, mode));
    return load_config(path());
  }
  [[nodiscard]] std::string path() const { return (folder_ / "patchwork.yaml").string(); }
  os::Path folder_;
};

TEST_F(ConfigFile, IsRead) {
  const auto config = load(
      "dialect: freedesktop\nurl: https://patchwork.freedesktop.org/\ntoken: abc123\n"
      "project: intel-gfx\ncontext: Kiln-CI\ntarget_url: https://lab/run/{run}\n");
  ASSERT_TRUE(config) << render(config.error());
  EXPECT_EQ(config->dialect, Dialect::kFreedesktop);
  EXPECT_EQ(config->url, "https://patchwork.freedesktop.org");
  EXPECT_EQ(config->context, "Kiln-CI");
}

TEST_F(ConfigFile, ATokenThatOthersMayReadIsRefused) {
  EXPECT_EQ(render(load("url: https://x\ntoken: abc\n", 0644).error()),
            "error: " + path() + " holds a token, and others may read it\n  chmod 600 " + path());
}

TEST_F(ConfigFile, MistakesAreShownWithTheirPlace) {
  EXPECT_THAT(render(load("url: http://example.org\ntoken: abc\n").error()),
              HasSubstr("`url` is not https: a token would be readable on its way"));
  EXPECT_THAT(render(load("url: https://x\n").error()), HasSubstr("token"));
  EXPECT_THAT(render(load("url: https://x\ntoken: \"a b\"\n").error()),
              HasSubstr("has only letters, digits and -_."));
  EXPECT_THAT(render(load("dialect: freedesktop\nurl: https://x\ntoken: abc\n").error()),
              HasSubstr("freedesktop.org's dialect needs a `project`"));
  EXPECT_THAT(render(load("dialct: patchwork\nurl: https://x\ntoken: abc\n").error()),
              HasSubstr("`dialect`"));
}

}  // namespace
}  // namespace kiln::patchwork
