#pragma once
/// Source trees on disk, by git tree id. A tree's files are never changed in place: trees share
/// inodes. One process a folder; safe for concurrent use by different trees only.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/intake/git.h"

namespace kiln::builder {

/// A file that differs between two trees.
struct TreeChange {
  char status = 'M';    ///< A, M, D or T
  bool regular = true;  ///< a plain file on both sides
  std::string path;
};

/// A tree as a build sees it: a folder, and files to lay over it.
struct SourceView {
  os::Path root;
  std::vector<std::pair<std::string, os::Path>> overlays;  ///< path in the tree, file with its text
};

class TreeStore {
 public:
  /// Removes half-written trees. `root` is DATA/trees.
  static Result<TreeStore> open(const intake::Git& git, os::Path root);

  /// Files that differ, sorted by path.
  Result<std::vector<TreeChange>> changes(const std::string& from, const std::string& to) const;

  /// The difference as a unified diff, without renames.
  Result<std::string> diff(const std::string& from, const std::string& to) const;

  /// One file's text in a tree. kNotFound when it is not there, kBadInput beyond `max_bytes`.
  Result<std::string> text(const std::string& tree, const std::string& path,
                           size_t max_bytes) const;

  /// The tree in a folder of its own. The first one is checked out; another is a hard-linked clone
  /// of the nearest one there with the differing files replaced.
  Result<os::Path> folder(const std::string& tree, std::stop_token stop = {}) const;

  /// `tree` as seen from `base` (a tree, "" = none): when only a few plain files differ, the base's
  /// folder and those files, without a clone. Their times are set to now, so that a make in the
  /// base's objects rebuilds what depends on them.
  Result<SourceView> view(const std::string& tree, const std::string& base,
                          std::stop_token stop = {}) const;

  /// Removes the least recently used trees until the rest takes at most `bytes`; never those in
  /// `keep`.
  Status collect(uint64_t bytes, const std::vector<std::string>& keep) const;

 private:
  TreeStore(const intake::Git& git, os::Path root) : git_(git), root_(std::move(root)) {}
  Status check_out(const std::string& tree, const os::Path& target,
                   const std::vector<std::string>* paths, std::stop_token stop) const;
  Result<std::optional<std::string>> nearest(const std::string& tree) const;
  Status clone(const std::string& from, const std::string& to, const os::Path& target,
               std::stop_token stop) const;
  Status freshen(const os::Path& folder, const std::vector<TreeChange>& changes) const;

  intake::Git git_;
  os::Path root_;
};

}  // namespace kiln::builder
