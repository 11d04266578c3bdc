#include "controller/intake/apply.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/text.h"

namespace kiln::intake {
namespace {

/// What git said about the first thing that did not fit.
struct Refusal {
  std::string file;
  int old_line = 0;  ///< start of the hunk, 0 = git named none
  std::string words;
};

Refusal read_refusal(const std::string& output) {
  Refusal refusal;
  for (const std::string& raw : split_lines(to_valid_utf8(output))) {
    std::string_view line = raw;
    if (!line.starts_with("error: ")) continue;
    line.remove_prefix(7);
    if (line.starts_with("patch failed: ")) {
      line.remove_prefix(14);
      const size_t colon = line.rfind(':');
      if (colon == std::string_view::npos) continue;
      refusal.file = line.substr(0, colon);
      const std::string_view number = line.substr(colon + 1);
      std::from_chars(number.data(), number.data() + number.size(), refusal.old_line);
      refusal.words = "the lines it changes are not there";
      return refusal;
    }
    for (const std::string_view ending : {": does not exist in index", ": already exists in index",
                                          ": No such file or directory", ": patch does not apply"})
      if (line.ends_with(ending)) {
        refusal.file = line.substr(0, line.size() - ending.size());
        refusal.words = ending == ": already exists in index" ? "the file is there already"
                        : ending == ": patch does not apply"  ? "the lines it changes are not there"
                                                              : "there is no such file";
        return refusal;
      }
    if (refusal.words.empty()) refusal.words = line;
  }
  if (refusal.words.empty()) refusal.words = "git apply gave no reason";
  return refusal;
}

/// Place of the refused hunk in the patch: "hunk 2 of 5".
std::string describe_hunk(const series::Patch& patch, const Refusal& refusal, Position& position) {
  for (const series::FileChange& file : patch.files) {
    if (file.path != refusal.file && file.old_path != refusal.file) continue;
    for (size_t i = 0; i < file.hunks.size(); ++i) {
      if (file.hunks[i].old_start != refusal.old_line) continue;
      position.line = file.hunks[i].patch_line;
      return fmt::format(", hunk {} of {} (at line {})", i + 1, file.hunks.size(),
                         refusal.old_line);
    }
  }
  return {};
}

class Applier {
 public:
  Applier(const Git& git, const TempIndex& index, std::stop_token stop)
      : git_(git), index_(index), stop_(std::move(stop)) {}

  Status read_tree(const std::string& tree) {
    return discard(git_.output(call({"read-tree", tree}), stop_));
  }
  Result<std::string> write_tree() { return git_.output(call({"write-tree"}), stop_); }
  Result<os::Exit> apply(const series::Patch& patch, std::vector<std::string> options) {
    std::vector<std::string> arguments{"apply", "--cached", "--whitespace=nowarn"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.emplace_back("-");
    Git::Call c = call(std::move(arguments));
    c.stdin_text = patch.diff;
    return git_.run(c, stop_);
  }

 private:
  [[nodiscard]] Git::Call call(std::vector<std::string> arguments) const {
    Git::Call c{std::move(arguments)};
    c.index_file = index_.path();
    return c;
  }
  static Status discard(Result<std::string> result) {
    if (!result) return fail(std::move(result).error());
    return {};
  }
  const Git& git_;
  const TempIndex& index_;
  std::stop_token stop_;
};

}  // namespace

Result<Applied> apply_patches(const Git& git, const std::string& base_tree,
                              std::span<const series::Patch> patches, const std::string& what,
                              const std::string& onto, std::stop_token stop) {
  Applied applied;
  if (patches.empty()) return applied;
  KILN_ASSIGN(const TempIndex index, TempIndex::make(git.scratch()));
  Applier applier(git, index, stop);
  KILN_TRY(applier.read_tree(base_tree));
  std::string tree = base_tree;
  for (size_t k = 0; k < patches.size(); ++k) {
    const series::Patch& patch = patches[k];
    const std::string label =
        fmt::format("{} patch {}/{} `{}`", what, k + 1, patches.size(), patch.subject);
    KILN_ASSIGN(os::Exit exact, applier.apply(patch, {}));
    if (!exact.ok()) {
      KILN_ASSIGN(const os::Exit merged, applier.apply(patch, {"--3way"}));
      if (!merged.ok()) {
        const Refusal refusal = read_refusal(exact.err);
        KILN_TRY(applier.read_tree(tree));
        KILN_ASSIGN(const os::Exit reversed, applier.apply(patch, {"--reverse", "--check"}));
        Error error;
        error.kind = ErrorKind::kBadInput;
        Position position{patch.name, patch.diff_line, 0};
        const std::string hunk = describe_hunk(patch, refusal, position);
        error.message =
            fmt::format("{} does not apply: {}{}: {}", label, refusal.file, hunk, refusal.words);
        error.position = position;
        error.context.push_back(fmt::format("tried on {}{}: git apply, then git apply --3way", onto,
                                            k == 0 ? "" : fmt::format(" with patches 1..{}", k)));
        error.context.emplace_back("nothing was built");
        error.hint = reversed.ok() ? "this source holds the patch already"
                                   : "rebase the series on this source, or name another `source`";
        return fail(std::move(error));
      }
      applied.notes.push_back(label + " applied only with a three-way merge");
    }
    KILN_ASSIGN(tree, applier.write_tree());
    applied.trees.push_back(tree);
  }
  return applied;
}

}  // namespace kiln::intake
