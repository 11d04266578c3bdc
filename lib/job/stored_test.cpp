#include "lib/job/stored.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/job/load.h"

namespace kiln::job {
namespace {

using testing::HasSubstr;

/// Stands for a value of any type: how many of them an aggregate takes is how many fields it has.
struct Any {
  template <typename T>
  operator T() const;  // NOLINT: that it converts is its use
};

template <typename T, typename... Fields>
constexpr size_t fields() {
  if constexpr (requires { T{Fields{}..., Any{}}; }) {
    return fields<T, Fields..., Any>();
  } else {
    return sizeof...(Fields);
  }
}

template <typename T>
size_t stored_fields(const nlohmann::json& json) {
  EXPECT_EQ(json.size(), fields<T>());
  return json.size();
}

StoredJob founding() {
  StoredJob job;
  auto spec = load_job(KILN_SOURCE_DIR "/jobs/kmap-local-page.yaml");
  EXPECT_TRUE(spec) << (spec ? "" : render(spec.error()));
  job.spec = *spec;
  job.lists = {{"gem", "igt@gem_pread@basic\n", {"igt@gem_pread@basic"}}};
  job.config_highmem = {{"i386-highmem", true}, {"i386-nohighmem", false}};
  job.series = {"[PATCH v2 0/1] drm: x", "A <a@example.org>", "id@example.org", 2, {"v1@x"}, {}};
  job.series.patches = {{"drm: x", "0001-x.patch", "abc", "p1@x", 3, 4, {"drivers/a.c"}}};
  return job;
}

TEST(Stored, EveryFieldOfTheSpecIsKept) {
  const auto json = nlohmann::json::parse(to_json(founding()));
  stored_fields<StoredJob>(json);
  const auto& spec = json.at("spec");
  stored_fields<JobSpec>(spec);
  stored_fields<SourceSpec>(spec.at("source"));
  stored_fields<SeriesSpec>(spec.at("series"));
  stored_fields<MachineSpec>(spec.at("machine"));
  stored_fields<TestPhase>(spec.at("tests").at(0));
  stored_fields<BenchSpec>(spec.at("benches").at(0));
  stored_fields<MetricSpec>(spec.at("metrics").at(0));
  stored_fields<ClaimSpec>(spec.at("claims").at(0));
  stored_fields<NotReachedSpec>(spec.at("not_reached").at(0));
  stored_fields<StoredList>(json.at("lists").at(0));
  stored_fields<StoredSeries>(json.at("series"));
  stored_fields<StoredPatch>(json.at("series").at("patches").at(0));
}

TEST(Stored, ComesBackAsItWas) {
  const StoredJob job = founding();
  const std::string json = to_json(job);
  const auto back = stored_job(json);
  ASSERT_TRUE(back) << render(back.error());
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->spec.time_budget, job.spec.time_budget);
  EXPECT_EQ(back->spec.metrics.size(), job.spec.metrics.size());
  EXPECT_EQ(back->spec.metrics[0].kind, MetricSpec::Kind::kCounter);
  EXPECT_EQ(back->spec.claims.back().rule, job.spec.claims.back().rule);
  EXPECT_EQ(back->series.patches[0].files[0], "drivers/a.c");
  EXPECT_FALSE(back->config_highmem.at("i386-nohighmem"));
}

TEST(Stored, AnOlderDocumentKeepsTheDefaultsOfWhatItDoesNotKnow) {
  const auto job = stored_job(R"({"spec":{"name":"old","confirmations":1}})");
  ASSERT_TRUE(job) << render(job.error());
  EXPECT_EQ(job->spec.name, "old");
  EXPECT_EQ(job->spec.confirmations, 1);
  EXPECT_EQ(job->spec.pairs, JobSpec{}.pairs);
}

TEST(Stored, AnythingElseIsRefused) {
  for (const char* wrong :
       {"", "[]", "{\"spec\":3}", "{\"lists\":{}}", "{\"spec\":{\"pairs\":\"x\"}}"}) {
    const auto job = stored_job(wrong);
    ASSERT_FALSE(job) << wrong;
    EXPECT_THAT(render(job.error()), HasSubstr("error: the stored job cannot be read: "));
  }
}

TEST(Stored, BytesThatAreNoTextAreReplaced) {
  StoredJob job = founding();
  job.series.author = "\xff";
  const auto back = stored_job(to_json(job));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->series.author, "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace kiln::job
