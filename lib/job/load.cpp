#include "lib/job/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>

#include "lib/base/text.h"

namespace kiln::job {
namespace {

using conf::Node;
using conf::Object;
using conf::PathKind;
using conf::Read;
using namespace std::chrono_literals;

constexpr int kFormat = 1;  // of the file, its field `kiln`

/// What reading needs beside the spec itself: fields that are combined afterwards.
struct Draft {
  JobSpec spec;
  int format = kFormat;
  std::string series{};  ///< instead of the job's own
};

/// A repository: a URL of a transport that only moves data (git's `ext::` would run a command), or
/// a folder, relative to the file.
Read repository_read(std::string* out) {
  return {
      "a URL or a folder's path",
      *out,
      [out](const Node& node) -> Status {
        std::string written;
        KILN_TRY(conf::text(&written).apply(node));
        static constexpr std::array<std::string_view, 5> kTransports{"https://", "http://",
                                                                     "git://", "ssh://", "file://"};
        const bool url = std::any_of(kTransports.begin(), kTransports.end(),
                                     [&](std::string_view t) { return written.starts_with(t); });
        // user@host:path
        const size_t colon = written.find(':');
        const bool scp = colon != std::string::npos && written.find('@') < colon &&
                         written.find('/') > colon && written[0] != '-' &&
                         written.compare(colon, 2, "::") != 0;
        const bool confined = !node.document().confines().empty();
        if (confined && ((!url && !scp) || written.starts_with("file://")))
          return fail(node.error("a job that is handed in cannot bring a repository",
                                 "a URL that the lab can reach, or `--series` for patches"));
        if (url || scp) {
          *out = std::move(written);
          return {};
        }
        if (written.find("::") != std::string::npos || written.find("://") != std::string::npos) {
          return fail(node.error(fmt::format("`{}` is no URL that Kiln fetches from", written),
                                 "https, http, git, ssh, file, or a folder"));
        }
        return conf::path(out, PathKind::kFolder).apply(node);
      },
      {}};
}

/// A word that becomes an argument of git or a package's name: no spaces, not an option.
Read word(std::string* out, std::string_view also_allowed) {
  return {"text",
          *out,
          [out, also_allowed](const Node& node) -> Status {
            KILN_TRY(conf::text(out).apply(node));
            const bool good = std::all_of(out->begin(), out->end(), [&](char c) {
              return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                     also_allowed.find(c) != std::string_view::npos;
            });
            if (good && out->front() != '-') return {};
            return fail(
                node.error(fmt::format("has only letters, digits and {}, and does not "
                                       "begin with -",
                                       also_allowed)));
          },
          {}};
}

constexpr std::string_view kRevision = "-_./~^@{}+=";  // beside letters and digits

Object source_table(SourceSpec* source) {
  return Object()
      .optional("package", word(&source->package, "-+."))
      .optional("git", repository_read(&source->git))
      .optional("ref", word(&source->ref, kRevision))
      .optional("tarball", conf::path(&source->tarball, PathKind::kFile))
      .check([source](const Node& node) -> Status {
        const bool git = node.find("git") != nullptr;
        const bool tarball = node.find("tarball") != nullptr;
        const int given = static_cast<int>(git) + static_cast<int>(tarball) +
                          static_cast<int>(node.find("package") != nullptr);
        if (given > 1)
          return fail(node.error("is one of `package`, `git` or `tarball`, not several"));
        if (!git && node.find("ref") != nullptr)
          return fail(node.error_at_field("ref", "belongs to `git`, which is missing"));
        if (git && source->ref.empty())
          return fail(node.error_at_field("git", "needs a `ref`: a branch, tag or commit"));
        source->kind = git       ? SourceSpec::Kind::kGit
                       : tarball ? SourceSpec::Kind::kTarball
                                 : SourceSpec::Kind::kPackage;
        return {};
      });
}

void use_series(SeriesSpec* series, const std::string& path) {
  series->path = path;
  series->kind =
      std::filesystem::is_directory(path) ? SeriesSpec::Kind::kFolder : SeriesSpec::Kind::kMbox;
}

/// `range` or `commits`: one of them, with both ends.
Status check_range(const Node& node, SeriesSpec* series) {
  const bool commits = node.find("commits") != nullptr;
  if (commits == (node.find("range") != nullptr))
    return fail(node.error("has one of `range` and `commits`"));
  series->kind = commits ? SeriesSpec::Kind::kCommits : SeriesSpec::Kind::kGitRange;
  const size_t dots = series->range.find("..");
  if (dots != std::string::npos && dots > 0 && dots + 2 < series->range.size()) return {};
  return fail(node.error_at_field(commits ? "commits" : "range", "is written `base..tip`"));
}

/// A path (folder or mbox), or a map with `git` and `range` or `commits`.
Read series_read(SeriesSpec* series) {
  Object range = Object()
                     .required("git", conf::path(&series->path, PathKind::kFolder))
                     .optional("range", word(&series->range, kRevision))
                     .optional("commits", word(&series->range, kRevision))
                     .check([series](const Node& node) { return check_range(node, series); });
  return {"a folder of patches, an mbox, or a map of `git` and `range` or `commits`", "none",
          [series, range](const Node& node) -> Status {
            if (node.value().type == conf::Value::Type::kMap) return range.read(node);
            std::string path;
            KILN_TRY(conf::path(&path, PathKind::kFileOrFolder).apply(node));
            use_series(series, path);
            return {};
          },
          conf::prefixed(range.fields(), ".")};
}

/// Whatever stands there: another one is taken.
Read other_series(SeriesSpec* series, const std::string& path) {
  use_series(series, path);
  return {"not looked at", "none", [](const Node& /*node*/) -> Status { return {}; }, {}};
}

Object machine_table(MachineSpec* machine) {
  return Object()
      .optional("tags", conf::text_list(&machine->tags))
      .optional("memory", conf::size(&machine->memory_bytes, 256ULL << 20, 1ULL << 40))
      .optional("cpus", conf::integer(&machine->cpus, 1, 256));
}

Object test_table(TestPhase* phase) {
  return Object()
      .required("name", conf::name(&phase->name))
      .required("list", conf::path(&phase->list_file, PathKind::kFile))
      .optional("setup", conf::text_list(&phase->setup))
      .optional("teardown", conf::text_list(&phase->teardown))
      .optional("per_test", conf::duration(&phase->per_test, 1s, 24h))
      .optional("timeout", conf::duration(&phase->timeout, 1s, 48h));
}

Object bench_table(BenchSpec* bench) {
  return Object()
      .required("name", conf::name(&bench->name))
      .required("command", conf::text(&bench->command))
      .optional("setup", conf::text_list(&bench->setup))
      .optional("timeout", conf::duration(&bench->timeout, 1s, 24h))
      .optional("wall_clock", conf::boolean(&bench->wall_clock))
      .optional("instructions", conf::boolean(&bench->instructions));
}

Read arms_read(MetricSpec* metric) {
  return {"a list of two names",
          "none: baseline and patched are compared",
          [metric](const Node& node) -> Status {
            std::vector<std::string> arms;
            KILN_TRY(conf::text_list(&arms).apply(node));
            if (arms.size() != 2)
              return fail(node.error("names the two arms that are compared, first the old one"));
            if (arms[0] == arms[1]) return fail(node.error("names the same arm twice"));
            metric->left_arm = arms[0];
            metric->right_arm = arms[1];
            return {};
          },
          {}};
}

Object metric_table(MetricSpec* metric) {
  return Object()
      .required("metric", conf::text(&metric->metric))
      .optional("kind", conf::choice<MetricSpec::Kind>(
                            &metric->kind, {{"counter", MetricSpec::Kind::kCounter},
                                            {"instructions", MetricSpec::Kind::kInstructions},
                                            {"wall-clock", MetricSpec::Kind::kWallClock}}))
      .optional("lower_is_better", conf::boolean(&metric->lower_is_better))
      .optional("margin_percent", conf::real(&metric->margin_percent, 0.001, 100))
      .optional("smallest_percent", conf::real(&metric->smallest_percent, 0, 100))
      .optional("smallest_count", conf::real(&metric->smallest_count, 0, 1e12))
      .optional("arms", arms_read(metric));
}

Status check_claim(const Node& node, const ClaimSpec& claim) {
  const auto needs = [&](const char* field) -> Status {
    if (node.find(field) != nullptr) return {};
    return fail(node.error_at_field("rule", fmt::format("needs the field `{}`", field)));
  };
  switch (claim.rule) {
    case ClaimSpec::Rule::kNone:
      return needs("why");
    case ClaimSpec::Rule::kTests:
      return needs("tests");
    case ClaimSpec::Rule::kComparison:
      KILN_TRY(needs("metric"));
      return needs("expect");
    case ClaimSpec::Rule::kMetric:
      KILN_TRY(needs("metric"));
      KILN_TRY(needs("relation"));
      return node.find("other") != nullptr ? Status{} : needs("value");
  }
  return {};
}

Object claim_table(ClaimSpec* claim) {
  return Object()
      .required("text", conf::text(&claim->text))
      .optional("rule", conf::choice<ClaimSpec::Rule>(&claim->rule,
                                                      {{"none", ClaimSpec::Rule::kNone},
                                                       {"metric", ClaimSpec::Rule::kMetric},
                                                       {"comparison", ClaimSpec::Rule::kComparison},
                                                       {"tests", ClaimSpec::Rule::kTests}}))
      .optional("metric", conf::text(&claim->metric))
      .optional("other", conf::text(&claim->other))
      .optional("config", conf::text(&claim->config))
      .optional("relation", conf::one_of(&claim->relation, {"<", "<=", "==", ">=", ">", "!="}))
      .optional("value", conf::real(&claim->value, -1e18, 1e18))
      .optional("expect", conf::one_of(&claim->expect, {"faster", "slower", "equivalent"}))
      .optional("tests", conf::text_list(&claim->tests))
      .optional("session", conf::one_of(&claim->session, {"performance", "instructions"}))
      .optional("why", conf::text(&claim->why))
      .check([claim](const Node& node) { return check_claim(node, *claim); });
}

Object not_reached_table(NotReachedSpec* spec) {
  return Object()
      .required("file", conf::text(&spec->file))
      .required("what", conf::text(&spec->what))
      .required("needs", conf::text(&spec->needs));
}

constexpr int kMostPairs = 1000;
/// Looks, where the file does not say how many pairs there are at most.
constexpr int kLooks = 4;

Object repeats_table(JobSpec* spec) {
  Read max_pairs = conf::integer(&spec->max_pairs, 0, kMostPairs);
  max_pairs.fallback = fmt::format("{} times `pairs`", kLooks);
  return Object()
      .optional("confirmations", conf::integer(&spec->confirmations, 0, 99))
      .optional("pairs", conf::integer(&spec->pairs, 0, kMostPairs))
      .optional("max_pairs", max_pairs)
      .optional("canaries", conf::integer(&spec->canaries, 0, 100))
      .optional("instruction_boots", conf::integer(&spec->instruction_boots, 0, 100))
      .optional("seed", conf::integer64(&spec->seed, UINT64_MAX))
      .check([spec](const Node& node) -> Status {
        if (node.find("max_pairs") == nullptr) return {};
        if (spec->max_pairs < spec->pairs)
          return fail(node.error_at_field(
              "max_pairs",
              fmt::format("`max_pairs` is less than `pairs`, which is {}", spec->pairs)));
        if (spec->pairs == 0 && spec->max_pairs > 0)
          return fail(node.error_at_field("max_pairs", "`max_pairs` needs `pairs`, which is 0"));
        return {};
      });
}

Status check_unique_names(const Node& node, const JobSpec& spec) {
  std::set<std::string> seen;
  for (const TestPhase& phase : spec.tests)
    if (!seen.insert(phase.name).second)
      return fail(
          node.error_at_field("tests", fmt::format("two phases are named `{}`", phase.name)));
  seen.clear();
  for (const BenchSpec& bench : spec.benches)
    if (!seen.insert(bench.name).second)
      return fail(
          node.error_at_field("benches", fmt::format("two benches are named `{}`", bench.name)));
  seen.clear();
  for (const std::string& config : spec.configs)
    if (!seen.insert(config).second)
      return fail(node.error_at_field("configs", fmt::format("`{}` is listed twice", config)));
  return {};
}

/// Each config has its file; the nearest one that is there is named.
Status check_configs_exist(const Node& node, const JobSpec& spec) {
  std::error_code code;
  std::vector<std::string> known;
  for (const auto& entry : std::filesystem::directory_iterator(spec.config_dir, code)) {
    if (entry.path().extension() == ".yaml") known.push_back(entry.path().stem().string());
  }
  std::sort(known.begin(), known.end());
  const conf::Value::Member* field = node.find("configs");
  if (field == nullptr) return {};
  const Node list = node.member(*field);
  for (size_t i = 0; i < spec.configs.size(); ++i) {
    if (std::find(known.begin(), known.end(), spec.configs[i]) != known.end()) continue;
    const std::string near = nearest(spec.configs[i], known);
    return fail(list.item(i).error(
        fmt::format("there is no {}.yaml in {}", spec.configs[i], spec.config_dir),
        near.empty() ? "there are: " + join(known, ", ")
                     : fmt::format("did you mean `{}`?", near)));
  }
  return {};
}

/// A claim about a config that the job does not run could never be decided.
Status check_claims_configs(const Node& node, const JobSpec& spec) {
  for (size_t i = 0; i < spec.claims.size(); ++i) {
    const std::string& config = spec.claims[i].config;
    if (config.empty() ||
        std::find(spec.configs.begin(), spec.configs.end(), config) != spec.configs.end())
      continue;
    const Node claim = node.member(*node.find("claims")).item(i);
    const std::string near = nearest(config, spec.configs);
    return fail(claim.member(*claim.find("config"))
                    .error(fmt::format("`{}` is not among the job's configs", config),
                           near.empty() ? "" : fmt::format("did you mean `{}`?", near)));
  }
  return {};
}

Status check_job(const Node& node, Draft* draft) {
  JobSpec& spec = draft->spec;
  if (draft->format != kFormat) {
    return fail(node.error_at_field(
        "kiln", fmt::format("this Kiln reads format {}, not {}", kFormat, draft->format)));
  }
  if (spec.configs.empty())
    return fail(node.error_at_field("configs", "names at least one config"));
  if (spec.tests.empty() && spec.benches.empty())
    return fail(node.error("has neither `tests` nor `benches`: nothing would be run"));
  if (!spec.benches.empty() && spec.bench_files.empty())
    return fail(
        node.error_at_field("benches", "need `bench_files`: the folder with their programs"));
  if (spec.series.kind == SeriesSpec::Kind::kCommits && spec.source.kind != SourceSpec::Kind::kGit)
    return fail(node.error_at_field(
        "series", "`commits` need a `source` of git, whose `ref` is the commit before the first"));
  if (spec.title.empty()) spec.title = spec.name;
  if (spec.max_pairs == 0) spec.max_pairs = std::min(kMostPairs, kLooks * spec.pairs);
  if (spec.config_dir.empty()) {
    spec.config_dir = (std::filesystem::path(node.document().folder()) / "../kernel-configs")
                          .lexically_normal()
                          .string();
    if (!conf::is_inside(spec.config_dir, node.document().confines()))
      return fail(node.error("`config_dir` leads out of the job's files"));
  }
  KILN_TRY(check_unique_names(node, spec));
  KILN_TRY(check_configs_exist(node, spec));
  return check_claims_configs(node, spec);
}

Object job_table(Draft* draft) {
  JobSpec* spec = &draft->spec;
  return Object()
      .required("kiln", conf::integer(&draft->format, 1, 1000))
      .required("name", conf::name(&spec->name))
      .optional("title", conf::text(&spec->title))
      .optional("source", conf::object(source_table(&spec->source)))
      .optional("series", draft->series.empty() ? series_read(&spec->series)
                                                : other_series(&spec->series, draft->series))
      .optional("helpers", conf::path(&spec->helpers, PathKind::kFolder))
      .optional("bench_files", conf::path(&spec->bench_files, PathKind::kFolder))
      .required("configs", conf::text_list(&spec->configs))
      .optional("config_dir", conf::path(&spec->config_dir, PathKind::kFolder))
      .optional("machine", conf::object(machine_table(&spec->machine)))
      .optional("cmdline", conf::text(&spec->cmdline))
      .optional("modules_checked", conf::text_list(&spec->modules_checked))
      .optional("tests", conf::list_of<TestPhase>(&spec->tests, test_table))
      .optional("benches", conf::list_of<BenchSpec>(&spec->benches, bench_table))
      .optional("metrics", conf::list_of<MetricSpec>(&spec->metrics, metric_table))
      .optional("claims", conf::list_of<ClaimSpec>(&spec->claims, claim_table))
      .optional("not_reached", conf::list_of<NotReachedSpec>(&spec->not_reached, not_reached_table))
      .optional("coverage", conf::boolean(&spec->coverage))
      .optional("static_checks", conf::boolean(&spec->static_checks))
      .optional("repeats", conf::object(repeats_table(spec)))
      .optional("time_budget", conf::duration(&spec->time_budget, 1min, 720h))
      .optional("boot_timeout", conf::duration(&spec->boot_timeout, 5s, 1h))
      .optional("build_timeout", conf::duration(&spec->build_timeout, 10s, 48h))
      .optional("build_memory", conf::size(&spec->build_memory_bytes, 512ULL << 20, 1ULL << 42))
      .check([draft](const Node& node) { return check_job(node, draft); });
}

}  // namespace

Result<JobSpec> load_job(const std::string& path, const std::string& confines,
                         const std::string& series) {
  KILN_ASSIGN(conf::Document document, conf::load(path));
  document.set_confines(confines);
  Draft draft;
  draft.series = series;
  KILN_TRY(job_table(&draft).read(Node(document)));
  std::error_code code;
  draft.spec.file = std::filesystem::absolute(path, code).lexically_normal().string();
  return std::move(draft.spec);
}

std::vector<conf::FieldDoc> job_fields() {
  Draft draft;
  return job_table(&draft).fields();
}

}  // namespace kiln::job
