#include "controller/scheduler/preparer.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "controller/scheduler/orders.h"
#include "lib/base/text.h"
#include "lib/igt/name.h"
#include "lib/igt/test_list.h"
#include "lib/job/load.h"
#include "lib/kernel/load_config.h"

namespace kiln::scheduler {
namespace {

PatchInfo to_info(const series::Patch& patch) {
  PatchInfo info;
  info.subject = patch.subject;
  info.file_name = patch.name;
  info.patch_id = patch.patch_id;
  info.message_id = patch.message_id;
  for (const series::FileChange& file : patch.files) {
    info.insertions += file.insertions;
    info.deletions += file.deletions;
    info.files.push_back(file.path);
  }
  info.mail = statics::as_mail(patch);
  info.added = statics::added_lines(patch);
  return info;
}

bool has_highmem(const builder::ResolvedConfig& config) {
  const kernel::ConfigValues values = kernel::parse_config(config.text);
  const auto found = values.find("HIGHMEM");
  return found != values.end() && found->second == "y";
}

/// Everything that decides what the run does and finds: the same digest may go on.
std::string digest_of(const Prepared& prepared) {
  os::Sha256 hash;
  const auto add = [&hash](std::string_view part) {
    hash.update(fmt::format("{}:", part.size()));
    hash.update(part);
  };
  const auto text = os::read_file(prepared.spec.file, 2 << 20);
  add(text ? *text : "");
  for (const BuildTarget& target : prepared.targets)
    add(target.variant + "/" + target.config + "=" + target.key);
  for (const PhaseList& list : prepared.lists) add(list.text);
  return hash.hex();
}

bool searches_commits(const job::JobSpec& spec) {
  return spec.series.kind == job::SeriesSpec::Kind::kCommits;
}

/// For tests that became worse: figures are not what is looked for. The kernels stay the job's own.
void use_commits(const CommitRange& commits, job::JobSpec* spec) {
  spec->benches.clear();
  spec->metrics.clear();
  spec->claims.clear();
  spec->source = {};
  spec->source.kind = job::SourceSpec::Kind::kGit;
  spec->source.git = commits.repository;
  spec->source.ref = commits.base;
  spec->series = {job::SeriesSpec::Kind::kCommits, commits.repository,
                  commits.base + ".." + commits.tip};
}

}  // namespace

std::optional<CommitRange> commits_of(const job::JobSpec& spec) {
  const size_t dots = spec.series.range.find("..");
  if (!searches_commits(spec) || dots == std::string::npos) return std::nullopt;
  return CommitRange{spec.series.path, spec.series.range.substr(0, dots),
                     spec.series.range.substr(dots + 2)};
}

Result<Prepared> Preparer::prepare(const JobSource& source_of_job, const Note& note,
                                   std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  Prepared prepared;
  KILN_ASSIGN(prepared.spec,
              job::load_job(source_of_job.file, source_of_job.confines, source_of_job.series));
  if (source_of_job.commits) use_commits(*source_of_job.commits, &prepared.spec);
  KILN_TRY(load_lists(source_of_job.tests, &prepared));
  std::vector<kernel::NamedConfig> configs;
  for (const std::string& name : prepared.spec.configs) {
    KILN_ASSIGN(kernel::NamedConfig config,
                kernel::load_named_config(prepared.spec.config_dir, name));
    configs.push_back(std::move(config));
  }
  KILN_ASSIGN(const intake::PreparedSource source,
              intake_.prepare(prepared.spec.source, prepared.spec.series, prepared.spec.helpers,
                              stop, note));
  prepared.source = source.description;
  prepared.source_commit = source.source_commit;
  prepared.source_tree = source.baseline_tree;
  prepared.toolchain = builder_.toolchain();
  prepared.series_title = source.series.title;
  prepared.series_author = source.series.author;
  prepared.series_message_id = source.series.message_id;
  prepared.series_version = source.series.version;
  prepared.series_answers = source.series.answers;
  for (const series::Patch& patch : source.series.patches)
    prepared.patches.push_back(to_info(patch));
  prepared.notes = source.notes;
  KILN_TRY(add_targets(source, configs, note, stop, &prepared));
  prepared.job_digest = digest_of(prepared);
  return prepared;
}

/// Results are known by their test's name: a test may stand in one phase only.
Status Preparer::load_lists(const std::vector<std::string>& only, Prepared* prepared) const {
  std::map<std::string, std::string> phase_of;
  std::vector<job::TestPhase> phases;
  for (const job::TestPhase& phase : prepared->spec.tests) {
    PhaseList out{phase.name, "", {}};
    KILN_ASSIGN(out.written, os::read_file(phase.list_file, 4 << 20));
    KILN_ASSIGN(out.list, igt::parse_test_list(out.written, phase.list_file));
    if (!only.empty())
      std::erase_if(out.list.entries, [&](const igt::TestListEntry& entry) {
        return lines_for_tests({igt::as_reported(entry.name)}, only).empty();
      });
    if (out.list.entries.empty()) continue;
    for (const igt::TestListEntry& entry : out.list.entries) {
      out.tests.push_back(igt::as_reported(entry.name));
      const auto [first, is_new] = phase_of.emplace(out.tests.back(), phase.name);
      if (is_new) continue;
      return fail(
          Error(
              ErrorKind::kBadInput,
              fmt::format("`{}` stands in phase `{}` already: its results could not be told apart",
                          entry.name, first->second))
              .at(Position{phase.list_file, entry.line, entry.column}));
    }
    out.text = igt::format_test_list(out.list.names());
    prepared->lists.push_back(std::move(out));
    phases.push_back(phase);
  }
  if (phases.empty() && !prepared->spec.tests.empty())
    return fail(ErrorKind::kBadInput,
                fmt::format("no list of {} holds any of the tests that are asked for: {}",
                            prepared->spec.file, join(only, ", ").substr(0, 300)));
  prepared->spec.tests = std::move(phases);
  if (known_tests_.empty()) return {};
  // A file that cannot be read refuses nothing: the machine is asked before its first session.
  const auto names = os::read_file(known_tests_, kMaxTestNames);
  return names ? check_tests(*prepared, *names) : Status();
}

Status Preparer::check_tests(const Prepared& prepared, std::string_view names) {
  const igt::KnownTests known(names);
  if (known.empty())
    return fail(ErrorKind::kInfrastructure, "the machine's list of its tests names none");
  for (const PhaseList& list : prepared.lists)
    KILN_TRY(igt::check_known(list.list, list.written, known));
  return {};
}

BuildTarget Preparer::make_target(const std::string& variant, const std::string& config,
                                  const std::string& tree, const builder::ResolvedConfig& resolved,
                                  const std::string& bench_digest) const {
  BuildTarget target;
  target.variant = variant;
  target.config = config;
  target.input = {tree, resolved.arch, resolved.text, builder_.toolchain(), bench_digest};
  target.key = kernel::build_key(target.input);
  return target;
}

/// Baseline and patched of each config first, then the prefixes: the order of building.
Status Preparer::add_targets(const intake::PreparedSource& source,
                             const std::vector<kernel::NamedConfig>& configs, const Note& note,
                             std::stop_token stop, Prepared* prepared) {
  KILN_ASSIGN(const std::string bench_digest, builder::folder_digest(prepared->spec.bench_files));
  std::vector<builder::ResolvedConfig> of_baseline;
  std::vector<BuildTarget> prefixes;
  for (const kernel::NamedConfig& config : configs) {
    std::vector<std::pair<std::string, std::string>> variants{{"baseline", source.baseline_tree}};
    if (!source.prefix_trees.empty()) variants.emplace_back("patched", source.patched_tree());
    for (size_t k = 1; k < source.prefix_trees.size(); ++k)
      variants.emplace_back(job::prefix_variant(static_cast<int>(k)), source.prefix_trees[k - 1]);
    if (note) note(fmt::format("resolving {}", config.name));
    std::string base_key;
    for (const auto& [variant, tree] : variants) {
      if (tree.empty()) continue;  // made when it is wanted
      KILN_ASSIGN(builder::ResolvedConfig resolved,
                  builder_.resolver().resolve(tree, config, stop));
      BuildTarget target = make_target(variant, config.name, tree, resolved, bench_digest);
      target.is_prefix = variant.starts_with("prefix-");
      if (variant == "baseline") {
        base_key = target.key;
        prepared->config_highmem[config.name] = has_highmem(resolved);
        of_baseline.push_back(std::move(resolved));
      } else {
        target.base_key = base_key;
      }
      (target.is_prefix ? prefixes : prepared->targets).push_back(std::move(target));
    }
  }
  KILN_TRY(add_coverage(source, configs, stop, prepared));
  std::move(prefixes.begin(), prefixes.end(), std::back_inserter(prepared->targets));
  return compare_configs(source.baseline_tree, of_baseline, prepared);
}

/// Cells of one architecture may differ only in what their axis asked for and what follows from it.
Status Preparer::compare_configs(const std::string& tree,
                                 const std::vector<builder::ResolvedConfig>& resolved,
                                 Prepared* prepared) const {
  for (size_t i = 1; i < resolved.size(); ++i) {
    const builder::ResolvedConfig& left = resolved[0];
    const builder::ResolvedConfig& right = resolved[i];
    if (left.arch != right.arch) continue;
    KILN_ASSIGN(const auto differences, builder_.resolver().compare(tree, left, right));
    std::vector<std::string> unexplained;
    for (const kernel::ConfigDifference& d : differences)
      if (!d.explained)
        unexplained.push_back(fmt::format("{}: {} here, {} there", d.symbol, d.left, d.right));
    if (!unexplained.empty()) {
      Error error(ErrorKind::kBadInput,
                  fmt::format("{} and {} differ in {} symbols that neither asks for: two things "
                              "would be compared at once",
                              left.name, right.name, unexplained.size()));
      error.context = std::move(unexplained);
      return fail(std::move(error).with_hint("ask for these symbols alike in both configs"));
    }
    prepared->notes.push_back(
        differences.empty()
            ? fmt::format("{} and {} resolve to the same .config", left.name, right.name)
            : fmt::format("{} and {} differ in {} symbols, all asked for or following from that",
                          left.name, right.name, differences.size()));
  }
  return {};
}

Result<std::optional<std::string>> Preparer::tree_of_part(const Prepared& prepared,
                                                          const std::string& variant,
                                                          const std::stop_token& stop) const {
  const job::JobSpec& spec = prepared.spec;
  if (const int patch = job::patch_left_out(variant); patch > 0) {
    if (searches_commits(spec))
      return fail(ErrorKind::kBadInput, "a commit is not taken out of its history");
    KILN_ASSIGN(const series::Series series, intake_.load_series(spec.series, stop));
    return intake_.tree_without(prepared.source_tree, series, static_cast<size_t>(patch), stop);
  }
  for (size_t k = 1; searches_commits(spec) && k <= prepared.patches.size(); ++k) {
    if (variant != job::prefix_variant(static_cast<int>(k))) continue;
    KILN_ASSIGN(
        std::string tree,
        intake_.tree_at(spec.series.path, prepared.patches[k - 1].patch_id, spec.helpers, stop));
    return std::optional(std::move(tree));
  }
  return std::optional<std::string>();
}

Result<std::optional<BuildTarget>> Preparer::target_of_part(const Prepared& prepared,
                                                            const std::string& variant,
                                                            const std::string& config,
                                                            std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  KILN_ASSIGN(const auto tree, tree_of_part(prepared, variant, stop));
  if (!tree) return std::optional<BuildTarget>();
  KILN_ASSIGN(const kernel::NamedConfig named,
              kernel::load_named_config(prepared.spec.config_dir, config));
  KILN_ASSIGN(const builder::ResolvedConfig resolved,
              builder_.resolver().resolve(*tree, named, stop));
  KILN_ASSIGN(const std::string bench_digest, builder::folder_digest(prepared.spec.bench_files));
  BuildTarget target = make_target(variant, config, *tree, resolved, bench_digest);
  target.is_prefix = true;
  for (const BuildTarget& other : prepared.targets)
    if (other.variant == "baseline" && other.config == config) target.base_key = other.key;
  return std::optional(std::move(target));
}

std::optional<builder::StaticRequest> Preparer::static_request_of(const Prepared& prepared) {
  if (!prepared.spec.static_checks || prepared.patches.empty()) return std::nullopt;
  if (searches_commits(prepared.spec)) return std::nullopt;  // they are in the tree already
  builder::StaticRequest request;
  // What a compiler says depends little on the config: one is enough.
  request.config = prepared.spec.configs.front();
  request.memory_bytes = prepared.spec.build_memory_bytes;
  const int all = static_cast<int>(prepared.patches.size());
  for (int k = 0; k <= all; ++k) {
    const std::string variant = k == 0     ? std::string("baseline")
                                : k == all ? std::string("patched")
                                           : job::prefix_variant(k);
    for (const BuildTarget& target : prepared.targets) {
      if (target.variant != variant || target.config != request.config) continue;
      request.arch = target.input.arch;
      request.states.push_back({target.input.tree_id, target.input.config_text});
      if (k == 0) request.base_key = target.key;
      request.last_key = target.key;
    }
  }
  for (const PatchInfo& patch : prepared.patches)
    request.patches.push_back({patch.mail, patch.files, patch.added});
  return request;
}

builder::BuildRequest Preparer::request_of(const Prepared& prepared, const BuildTarget& target) {
  builder::BuildRequest request;
  request.input = target.input;
  if (target.variant != "baseline") {
    request.base_tree_id = prepared.source_tree;
    request.base_key = target.base_key;
  }
  if (!target.input.bench_digest.empty()) request.bench_dir = prepared.spec.bench_files;
  request.timeout = prepared.spec.build_timeout;
  request.memory_bytes = prepared.spec.build_memory_bytes;
  return request;
}

}  // namespace kiln::scheduler
