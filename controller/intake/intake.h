#pragma once
/// A job's source, helpers and series as git trees in one bare repository; nothing is checked out.
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/intake/git.h"
#include "lib/base/result.h"
#include "lib/job/spec.h"
#include "lib/os/files.h"
#include "lib/series/series.h"

namespace kiln::intake {

struct Options {
  os::Path data_dir;                  ///< holds sources.git, intake/ and tmp/
  os::Path package_dir = "/usr/src";  ///< where Debian's source packages put their tarballs
  Millis import_timeout{1'800'000};
  Millis fetch_timeout{1'800'000};
};

/// Everything a build needs to know about what is built.
struct PreparedSource {
  std::string description;    ///< "linux-source-6.1 6.1.192-1", for people
  std::string version;        ///< "6.1.192-1" for a package, else the Makefile's "6.1.192"
  os::Path git_dir;           ///< the bare repository with all the trees below
  std::string source_commit;  ///< of a git source, whole; "" = none
  std::string source_tree;    ///< without helpers
  std::string baseline_tree;  ///< source + helpers
  /// [k-1] = baseline + patches 1..k. Of commits only the last is there, the others are "": see
  /// tree_at().
  std::vector<std::string> prefix_trees;
  series::Series series;  ///< no patches when the job has no series
  std::vector<series::Patch> helpers;
  std::vector<std::string> notes;  ///< "patch 2/3 applied only with a three-way merge"

  [[nodiscard]] const std::string& patched_tree() const {
    return prefix_trees.empty() ? baseline_tree : prefix_trees.back();
  }
};

/// What is going on, for the progress line: "importing linux-source-6.1 (once)".
using Progress = std::function<void(const std::string&)>;

/// Used by one thread at a time; one process a data folder.
class Intake {
 public:
  /// Makes the repository when it is not there and removes what a killed process left.
  static Result<Intake> open(Options options);

  /// Idempotent; a second call with the same input takes some milliseconds.
  /// Errors: kBadInput for a series that does not apply (patch, file, hunk), kNotFound for a
  /// missing source with the command that brings it.
  Result<PreparedSource> prepare(const job::SourceSpec& source, const job::SeriesSpec& series,
                                 const std::string& helpers, std::stop_token stop = {},
                                 const Progress& progress = {}) const;

  /// The tree of `source` with every patch of its series but number `patch` (from 1); nullopt when
  /// the others do not apply without it.
  Result<std::optional<std::string>> tree_without(const std::string& baseline_tree,
                                                  const series::Series& series, size_t patch,
                                                  std::stop_token stop) const;

  /// The tree of a commit of the folder `repository`, with the helper patches on top; kNotFound
  /// when it has no such commit, kBadInput when they do not apply.
  Result<std::string> tree_at(const std::string& repository, const std::string& commit,
                              const std::string& helpers, std::stop_token stop) const;

  /// Only the series, parsed; needs no source.
  Result<series::Series> load_series(const job::SeriesSpec& spec, std::stop_token stop = {}) const;

  [[nodiscard]] const Git& git() const { return git_; }

 private:
  struct Source {
    std::string description;
    std::string version;
    std::string tree;
    std::string commit{};
  };
  Intake(Options options, Git git) : options_(std::move(options)), git_(std::move(git)) {}
  Result<Source> acquire(const job::SourceSpec& spec, std::stop_token stop,
                         const Progress& progress) const;
  Result<Source> from_tarball(const os::Path& tarball, const std::string& name,
                              std::stop_token stop, const Progress& progress) const;
  Result<Source> from_git(const job::SourceSpec& spec, std::stop_token stop,
                          const Progress& progress) const;
  Result<std::string> tree_version(const std::string& tree) const;
  Result<std::vector<std::string>> patch_ids(const std::vector<series::Patch>& patches) const;
  Result<series::Series> load_mbox(const os::Path& path, std::stop_token stop) const;
  Result<PreparedSource> prepare_commits(PreparedSource out, const job::SourceSpec& source,
                                         const job::SeriesSpec& series, std::stop_token stop,
                                         const Progress& progress) const;
  Result<series::Series> load_commits(const job::SeriesSpec& spec, std::stop_token stop) const;
  Result<std::string> with_helpers(const Source& source, std::span<const series::Patch> helpers,
                                   std::stop_token stop) const;
  Result<series::Series> load_range(const job::SeriesSpec& spec, std::stop_token stop) const;

  Options options_;
  Git git_;
};

}  // namespace kiln::intake
