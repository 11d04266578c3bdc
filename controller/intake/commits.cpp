/// Commits of a repository as a series: nothing is applied, and only those trees are fetched that a
/// search wants to build.
#include <fmt/format.h>

#include "controller/intake/apply.h"
#include "controller/intake/intake.h"
#include "lib/base/text.h"

namespace kiln::intake {
namespace {

/// What separates the records and fields of git's answer; no subject, name or path of git's has
/// them unquoted.
constexpr char kRecord = '\x1e';
constexpr char kField = '\x1f';

/// One record: "commit F first parent and others F author F subject", and the files by lines.
Result<series::Patch> read_commit(const std::string& record) {
  const std::vector<std::string> fields = split(record, kField);
  if (fields.size() != 5)
    return fail(ErrorKind::kInfrastructure, "git's list of commits cannot be read");
  series::Patch out;
  out.patch_id = fields[0];
  out.name = fields[0].substr(0, 12);
  out.author = to_valid_utf8(fields[2]);
  out.subject = to_valid_utf8(fields[3]);
  for (const std::string& line : split_lines(fields[4])) {
    if (line.empty()) continue;
    series::FileChange file;
    file.path = to_valid_utf8(line);
    out.files.push_back(std::move(file));
  }
  return out;
}

std::string first_parent(const std::string& record) {
  const std::vector<std::string> fields = split(record, kField);
  return fields.size() < 2 ? "" : fields[1].substr(0, fields[1].find(' '));
}

/// "3f9c1e0aa2bd" of a whole commit id; other names as they are.
std::string short_name(const std::string& revision) {
  const bool id =
      revision.size() == 40 && revision.find_first_not_of("0123456789abcdef") == std::string::npos;
  return id ? revision.substr(0, 12) : revision;
}

job::SourceSpec commit_of(const std::string& repository, const std::string& revision) {
  job::SourceSpec spec;
  spec.kind = job::SourceSpec::Kind::kGit;
  spec.git = repository;
  spec.ref = revision;
  return spec;
}

}  // namespace

Result<series::Series> Intake::load_commits(const job::SeriesSpec& spec,
                                            std::stop_token stop) const {
  const size_t dots = spec.range.find("..");
  if (spec.range.starts_with('-') || dots == std::string::npos)
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is not a git range", spec.range))
                    .with_hint("write it as BASE..TIP"));
  const auto bad = [&](const std::string& why) {
    return fail(ErrorKind::kBadInput, fmt::format("cannot take {} from the repository {}: {}",
                                                  spec.range, spec.path, why));
  };
  Git::Call call{{"-C", spec.path, "-c", "core.quotePath=true", "log", "--first-parent", "-m",
                  "--reverse", "--name-only", "--no-renames", "--no-color", "--no-show-signature",
                  "--format=%x1e%H%x1f%P%x1f%an <%ae>%x1f%s%x1f", spec.range, "--"}};
  call.bare = false;
  const auto text = git_.output(call, stop);
  if (!text && text.error().kind == ErrorKind::kInfrastructure) return bad(text.error().message);
  if (!text) return fail(text.error());
  const std::vector<std::string> records = split(*text, kRecord);
  if (records.size() < 2)
    return fail(ErrorKind::kBadInput,
                fmt::format("the range {} of {} holds no commits", spec.range, spec.path));
  if (records.size() - 1 > series::kMaxMessages)
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("{} of {} holds {} commits; at most {} are searched", spec.range,
                                  spec.path, records.size() - 1, series::kMaxMessages))
                    .with_hint("test a commit in the middle first"));
  Git::Call resolve{{"-C", spec.path, "rev-parse", "--verify", "--quiet", "--end-of-options",
                     spec.range.substr(0, dots) + "^{commit}"}};
  resolve.bare = false;
  KILN_ASSIGN(const std::string base, git_.output(resolve, stop));
  if (first_parent(records[1]) != base)
    return bad(fmt::format("{} is not on the line of first parents", spec.range.substr(0, dots)));
  series::Series out;
  out.title = fmt::format("{} since {}", records.size() == 2 ? "a commit" : "commits",
                          short_name(spec.range.substr(0, dots)));
  for (size_t i = 1; i < records.size(); ++i) {
    KILN_ASSIGN(series::Patch commit, read_commit(records[i]));
    out.patches.push_back(std::move(commit));
  }
  return out;
}

Result<std::string> Intake::with_helpers(const Source& source,
                                         std::span<const series::Patch> helpers,
                                         std::stop_token stop) const {
  KILN_ASSIGN(const Applied applied, apply_patches(git_, source.tree, helpers, "helper",
                                                   source.description, std::move(stop)));
  return applied.trees.empty() ? source.tree : applied.trees.back();
}

/// `out` has its source and series already.
Result<PreparedSource> Intake::prepare_commits(PreparedSource out, const job::SourceSpec& source,
                                               const job::SeriesSpec& series, std::stop_token stop,
                                               const Progress& progress) const {
  const size_t dots = series.range.find("..");
  job::SourceSpec end = commit_of(series.path, series.range.substr(0, dots));
  KILN_ASSIGN(const Source base, acquire(end, stop, progress));
  if (base.tree != out.source_tree)
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("the source `{}` is not the commit `{}` at which {} begin",
                                  source.ref, end.ref, series.range))
                    .with_hint(fmt::format("write `ref: {}` in `source`", end.ref)));
  end.ref = out.series.patches.back().patch_id;
  KILN_ASSIGN(const Source tip, acquire(end, stop, progress));
  KILN_ASSIGN(out.baseline_tree, with_helpers(base, out.helpers, stop));
  out.prefix_trees.resize(out.series.patches.size());
  KILN_ASSIGN(out.prefix_trees.back(), with_helpers(tip, out.helpers, stop));
  return out;
}

Result<std::string> Intake::tree_at(const std::string& repository, const std::string& commit,
                                    const std::string& helpers, std::stop_token stop) const {
  KILN_ASSIGN(const Source source, acquire(commit_of(repository, commit), stop, nullptr));
  if (helpers.empty()) return source.tree;
  KILN_ASSIGN(const series::Series loaded, series::load_folder(helpers));
  return with_helpers(source, loaded.patches, stop);
}

}  // namespace kiln::intake
