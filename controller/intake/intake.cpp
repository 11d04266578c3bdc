#include "controller/intake/intake.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "controller/intake/apply.h"
#include "lib/base/text.h"

namespace kiln::intake {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Trees of one source + helpers + series, as kept under intake/.
struct Kept {
  std::string baseline_tree;
  std::vector<std::string> prefix_trees;
  std::vector<std::string> patch_ids;
  std::vector<std::string> notes;
};

std::string key_of(const std::string& source_tree, const std::vector<series::Patch>& helpers,
                   const std::vector<series::Patch>& patches) {
  os::Sha256 hash;
  hash.update("kiln-intake-1" + source_tree);
  for (const auto* list : {&helpers, &patches}) {
    hash.update(fmt::format("|{}", list->size()));
    for (const series::Patch& p : *list) {
      hash.update(fmt::format(":{}:", p.diff.size()));
      hash.update(p.diff);
    }
  }
  return hash.hex();
}

std::optional<Kept> read_kept(const os::Path& path) {
  const auto text = os::read_file(path, 4 << 20);
  if (!text) return std::nullopt;
  const json j = json::parse(*text, nullptr, false);
  if (!j.is_object()) return std::nullopt;
  try {
    using List = std::vector<std::string>;
    return Kept{j.at("baseline").get<std::string>(), j.at("prefixes").get<List>(),
                j.at("patch_ids").get<List>(), j.at("notes").get<List>()};
  } catch (const json::exception&) {
    return std::nullopt;  // written by another version: made again
  }
}

Status write_kept(const os::Path& path, const Kept& kept) {
  const json j{{"baseline", kept.baseline_tree},
               {"prefixes", kept.prefix_trees},
               {"patch_ids", kept.patch_ids},
               {"notes", kept.notes}};
  return os::write_atomic(path, j.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace

Result<Intake> Intake::open(Options options) {
  const os::Path scratch = options.data_dir / "tmp" / "intake";
  KILN_TRY(os::remove_tree(scratch));
  KILN_TRY(os::make_dirs(options.data_dir / "intake"));
  KILN_ASSIGN(Git git, Git::open(options.data_dir / "sources.git", scratch));
  return Intake(std::move(options), std::move(git));
}

Result<PreparedSource> Intake::prepare(const job::SourceSpec& source, const job::SeriesSpec& series,
                                       const std::string& helpers, std::stop_token stop,
                                       const Progress& progress) const {
  PreparedSource out;
  KILN_ASSIGN(out.series, load_series(series, stop));
  if (!helpers.empty()) {
    KILN_ASSIGN(series::Series loaded, series::load_folder(helpers));
    out.helpers = std::move(loaded.patches);
  }
  KILN_ASSIGN(Source acquired, acquire(source, stop, progress));
  out.description = acquired.description;
  out.version = acquired.version;
  out.git_dir = git_.dir();
  out.source_tree = acquired.tree;
  out.source_commit = acquired.commit;
  if (series.kind == job::SeriesSpec::Kind::kCommits)
    return prepare_commits(std::move(out), source, series, stop, progress);
  const os::Path cache = options_.data_dir / "intake" /
                         (key_of(acquired.tree, out.helpers, out.series.patches) + ".json");
  std::optional<Kept> kept = read_kept(cache);
  if (kept) {
    std::vector<std::string> objects = kept->prefix_trees;
    objects.push_back(kept->baseline_tree);
    KILN_ASSIGN(const bool there, git_.has(objects));
    if (!there || kept->prefix_trees.size() != out.series.patches.size() ||
        kept->patch_ids.size() != out.series.patches.size())
      kept.reset();
  }
  if (!kept) {
    if (progress) progress("applying the patches");
    Kept fresh;
    KILN_ASSIGN(Applied base, apply_patches(git_, acquired.tree, out.helpers, "helper",
                                            acquired.description, stop));
    fresh.baseline_tree = base.trees.empty() ? acquired.tree : base.trees.back();
    const std::string onto =
        acquired.description + (out.helpers.empty() ? "" : " with the helper patches");
    KILN_ASSIGN(Applied patched,
                apply_patches(git_, fresh.baseline_tree, out.series.patches, "series", onto, stop));
    fresh.prefix_trees = patched.trees;
    fresh.notes = base.notes;
    fresh.notes.insert(fresh.notes.end(), patched.notes.begin(), patched.notes.end());
    KILN_ASSIGN(fresh.patch_ids, patch_ids(out.series.patches));
    KILN_TRY(write_kept(cache, fresh));
    kept = std::move(fresh);
  }
  out.baseline_tree = kept->baseline_tree;
  out.prefix_trees = kept->prefix_trees;
  out.notes = kept->notes;
  for (size_t i = 0; i < out.series.patches.size(); ++i)
    out.series.patches[i].patch_id = kept->patch_ids[i];
  return out;
}

Result<std::optional<std::string>> Intake::tree_without(const std::string& baseline_tree,
                                                        const series::Series& series, size_t patch,
                                                        std::stop_token stop) const {
  std::vector<series::Patch> others = series.patches;
  if (patch == 0 || patch > others.size())
    return fail(ErrorKind::kInternal, fmt::format("the series has no patch {}", patch));
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(patch) - 1);
  if (others.empty()) return std::optional(baseline_tree);
  auto applied = apply_patches(git_, baseline_tree, others, "series", "the baseline", stop);
  if (!applied && applied.error().kind == ErrorKind::kBadInput) return std::optional<std::string>();
  if (!applied) return fail(applied.error());
  return std::optional(applied->trees.back());
}

Result<std::vector<std::string>> Intake::patch_ids(
    const std::vector<series::Patch>& patches) const {
  std::vector<std::string> ids;
  for (const series::Patch& patch : patches) {
    Git::Call call{{"patch-id", "--stable"}};
    call.stdin_text = patch.diff;
    KILN_ASSIGN(const std::string text, git_.output(call));
    ids.push_back(text.substr(0, text.find(' ')));
  }
  return ids;
}

Result<series::Series> Intake::load_series(const job::SeriesSpec& spec,
                                           std::stop_token stop) const {
  switch (spec.kind) {
    case job::SeriesSpec::Kind::kNone:
      return series::Series{};
    case job::SeriesSpec::Kind::kFolder:
      return series::load_folder(spec.path);
    case job::SeriesSpec::Kind::kMbox:
      return load_mbox(spec.path, stop);
    case job::SeriesSpec::Kind::kGitRange:
      return load_range(spec, stop);
    case job::SeriesSpec::Kind::kCommits:
      return load_commits(spec, stop);
  }
  return fail(ErrorKind::kInternal, "unknown kind of series");
}

Result<series::Series> Intake::load_mbox(const os::Path& path, std::stop_token stop) const {
  const auto size = os::file_size(path);
  if (!size)
    return fail(ErrorKind::kBadInput, fmt::format("the mbox {} is not there", path.string()));
  if (*size > series::kMaxSeriesBytes)
    return fail(ErrorKind::kBadInput,
                fmt::format("{} is {}: not a patch series (the limit is {})", path.string(),
                            human_bytes(*size), human_bytes(series::kMaxSeriesBytes)));
  KILN_ASSIGN(const std::string raw, os::read_file(path, series::kMaxSeriesBytes));
  if (!raw.starts_with("From "))  // one message as a mail reader saves it
    return series::assemble({{path.filename().string(), raw}}, path.string());
  KILN_ASSIGN(const os::Path folder, os::make_temp_dir(git_.scratch(), "mbox-"));
  Git::Call call{
      {"mailsplit", "--keep-cr", "-d5", "-o" + folder.string(), fs::absolute(path).string()}};
  KILN_TRY(git_.output(call, stop));
  KILN_ASSIGN(const std::vector<os::Path> files, os::list_files(folder));
  std::vector<series::Message> messages;
  for (const os::Path& file : files) {
    KILN_ASSIGN(std::string text, os::read_file(folder / file, series::kMaxSeriesBytes));
    messages.push_back(
        {fmt::format("message {} of {}", messages.size() + 1, path.filename().string()),
         std::move(text)});
  }
  KILN_TRY(os::remove_tree(folder));
  return series::assemble(std::move(messages), path.string());
}

Result<series::Series> Intake::load_range(const job::SeriesSpec& spec, std::stop_token stop) const {
  if (spec.range.starts_with('-') || spec.range.find("..") == std::string::npos)
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is not a git range", spec.range))
                    .with_hint("write it as BASE..TIP"));
  KILN_ASSIGN(const os::Path folder, os::make_temp_dir(git_.scratch(), "range-"));
  Git::Call call{{"-C", spec.path, "format-patch", "--quiet", "--no-signature", "--no-cover-letter",
                  "--numbered", "--no-renames", "-o", folder.string(), spec.range, "--"}};
  call.bare = false;
  const auto result = git_.output(call, stop);
  if (!result && result.error().kind == ErrorKind::kInfrastructure)
    return fail(ErrorKind::kBadInput, fmt::format("cannot take {} from the repository {}: {}",
                                                  spec.range, spec.path, result.error().message));
  if (!result) return fail(result.error());
  auto loaded = series::load_folder(folder);
  KILN_TRY(os::remove_tree(folder));
  if (!loaded && loaded.error().message.starts_with("no patch in"))
    return fail(ErrorKind::kBadInput,
                fmt::format("the range {} of {} holds no commits", spec.range, spec.path));
  return loaded;
}

}  // namespace kiln::intake
