#pragma once
/// From the counters that coverage sessions brought to what is known of each line of the series.
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/builder/kernel_make.h"
#include "controller/builder/tree_store.h"
#include "lib/reach/reach.h"

namespace kiln::builder {

/// The coverage of one config: the kernel that counted, and what was collected on it.
struct CoverageCell {
  std::string config;
  std::string build;               ///< BuildRecord::coverage_digest
  std::vector<std::string> taken;  ///< artifacts "coverage-PHASE.tar.zst", in the order of running
};

struct CoverageRequest {
  std::string base_tree;
  std::string tree;  ///< with the whole series
  std::vector<CoverageCell> cells;
};

struct Coverage {
  reach::Input input;
  std::vector<std::string> notes;
};

/// Gives an artifact's bytes; an Error of kind kBadInput beyond `max_bytes`.
using FetchArtifact =
    std::function<Result<std::string>(const std::string& digest, uint64_t max_bytes)>;

/// Runs gcov in the builder's sandbox, once for each distinct set of counters. Used by one thread.
class CoverageReader {
 public:
  /// All must outlive it; `scratch` is its own and is emptied.
  CoverageReader(const TreeStore& trees, const KernelMake& make, os::Path scratch,
                 FetchArtifact fetch)
      : trees_(trees), make_(make), scratch_(std::move(scratch)), fetch_(std::move(fetch)) {}

  /// Errors: an artifact is gone or damaged, gcov or the sandbox fails. Counters that one test left
  /// damaged (its machine crashed) are left out with a note.
  Result<Coverage> read(const CoverageRequest& request, std::stop_token stop = {});

 private:
  /// Counters of one object as they lie on disk for gcov.
  struct Counters {
    std::string object;  ///< without its extension
    std::string digest;  ///< of the content, "" = none: the object never ran
    bool operator<(const Counters& other) const {
      return std::tie(object, digest) < std::tie(other.object, other.digest);
    }
  };
  struct Take {
    std::string test;
    std::vector<Counters> counters;
  };

  Status read_changes(const CoverageRequest& request, Coverage* out) const;
  Result<reach::CellEvidence> read_cell(const CoverageCell& cell, const std::string& tree,
                                        std::stop_token stop, Coverage* out);
  void add_users(const std::string& tree, reach::CellEvidence* cell, reach::Input* input);
  Status unpack_build(const std::string& bytes, reach::CellEvidence* cell,
                      std::vector<std::string>* notes);
  Result<std::vector<Take>> unpack_taken(const std::string& bytes);
  Status keep(const Counters& counters, const std::string& content);
  Status run_gcov(std::stop_token stop) const;
  Status read_answers(std::vector<std::string>* notes);

  const TreeStore& trees_;
  const KernelMake& make_;
  os::Path scratch_;
  FetchArtifact fetch_;

  // Of the cell that is being read.
  reach::Wanted wanted_;
  std::vector<std::string> objects_;         ///< that count, without extension
  std::map<Counters, std::string> folders_;  ///< name of each one's folder in scratch_/all
  std::map<std::string, std::vector<reach::FileCounts>> answers_;  ///< by that name
  size_t damaged_ = 0;                                             ///< counters that are none
};

}  // namespace kiln::builder
