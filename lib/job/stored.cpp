#include "lib/job/stored.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace nlohmann {
/// Durations are whole milliseconds.
template <>
struct adl_serializer<kiln::Millis> {
  static void to_json(json& out, const kiln::Millis& value) { out = value.count(); }
  static void from_json(const json& in, kiln::Millis& value) {
    value = kiln::Millis(in.get<int64_t>());
  }
};
}  // namespace nlohmann

namespace kiln::job {

// The words below are on disk: they may be added to, never changed.
NLOHMANN_JSON_SERIALIZE_ENUM(SourceSpec::Kind, {{SourceSpec::Kind::kPackage, "package"},
                                                {SourceSpec::Kind::kGit, "git"},
                                                {SourceSpec::Kind::kTarball, "tarball"}})
NLOHMANN_JSON_SERIALIZE_ENUM(SeriesSpec::Kind, {{SeriesSpec::Kind::kNone, "none"},
                                                {SeriesSpec::Kind::kFolder, "folder"},
                                                {SeriesSpec::Kind::kMbox, "mbox"},
                                                {SeriesSpec::Kind::kGitRange, "range"},
                                                {SeriesSpec::Kind::kCommits, "commits"}})
NLOHMANN_JSON_SERIALIZE_ENUM(MetricSpec::Kind, {{MetricSpec::Kind::kWallClock, "wall-clock"},
                                                {MetricSpec::Kind::kCounter, "counter"},
                                                {MetricSpec::Kind::kInstructions, "instructions"}})
NLOHMANN_JSON_SERIALIZE_ENUM(ClaimSpec::Rule, {{ClaimSpec::Rule::kNone, "none"},
                                               {ClaimSpec::Rule::kMetric, "metric"},
                                               {ClaimSpec::Rule::kComparison, "comparison"},
                                               {ClaimSpec::Rule::kTests, "tests"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SourceSpec, kind, package, git, ref, tarball)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SeriesSpec, kind, path, range)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MachineSpec, tags, memory_bytes, cpus)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TestPhase, name, list_file, setup, teardown,
                                                per_test, timeout)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(BenchSpec, name, setup, command, timeout,
                                                wall_clock, instructions)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MetricSpec, metric, kind, lower_is_better,
                                                margin_percent, smallest_percent, smallest_count,
                                                left_arm, right_arm)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ClaimSpec, text, rule, metric, other, config,
                                                relation, value, expect, tests, why, session)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(NotReachedSpec, file, what, needs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(JobSpec, file, name, title, source, series, helpers,
                                                bench_files, configs, config_dir, machine, cmdline,
                                                modules_checked, tests, benches, metrics, claims,
                                                not_reached, coverage, static_checks, confirmations,
                                                pairs, max_pairs, canaries, instruction_boots, seed,
                                                time_budget, boot_timeout, build_timeout,
                                                build_memory_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StoredList, phase, text, tests)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StoredPatch, subject, file_name, patch_id,
                                                message_id, insertions, deletions, files)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StoredSeries, title, author, message_id, version,
                                                answers, patches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StoredJob, spec, lists, config_highmem, series,
                                                source_commit)

std::string to_json(const StoredJob& job) {
  nlohmann::json json;
  to_json(json, job);
  // What is no UTF-8 (a name in a patch) is replaced: the document must stay readable.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<StoredJob> stored_job(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    StoredJob job;
    from_json(json, job);
    return job;
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorKind::kBadInput, fmt::format("the stored job cannot be read: {}", e.what()));
  }
}

}  // namespace kiln::job
