#pragma once
/// A job file to a Prepared job: source and series as trees, configs resolved and checked, keys,
/// lists.
#include <functional>
#include <mutex>
#include <optional>

#include "controller/builder/builder.h"
#include "controller/intake/intake.h"
#include "controller/scheduler/prepared.h"

namespace kiln::scheduler {

/// Commits of a repository, along first parents.
struct CommitRange {
  std::string repository;  ///< a folder
  std::string base, tip;   ///< commits; `base` is not one of those looked at
};

/// Those that a job of this kind searches; nullopt: it is of another kind.
std::optional<CommitRange> commits_of(const job::JobSpec& spec);

/// Where a job is read from.
struct JobSource {
  std::string file;
  std::string confines{};  ///< as for job::load_job
  std::string series{};    ///< folder or mbox instead of the job's own; "" = the job's
  /// Searched with the job's tests, instead of its source and series.
  std::optional<CommitRange> commits{};
  /// Only these of its lists, as results name them; empty = all. A phase without any is left out.
  std::vector<std::string> tests{};
};

/// Safe for concurrent use: one preparation at a time.
class Preparer {
 public:
  static constexpr uint64_t kMaxTestNames = 64U << 20;  ///< bytes of a list of all tests

  using Note = std::function<void(const std::string&)>;

  /// Both must outlive it. `known_tests` is a file with the names of all tests that the machines to
  /// come hold, one a line; "" = not known.
  Preparer(intake::Intake& intake, builder::Builder& builder, os::Path known_tests = {})
      : intake_(intake), builder_(builder), known_tests_(std::move(known_tests)) {}

  /// `note` gets a line for each long step. Errors: kBadInput with place for whatever is wrong in
  /// the job, its lists, configs or series.
  Result<Prepared> prepare(const JobSource& source, const Note& note, std::stop_token stop);

  /// The kernel of a part of the series that prepare() left out: "without-K" is the whole but patch
  /// K, "prefix-K" the first K of commits. nullopt when the other patches do not apply without K;
  /// kBadInput for a commit that is to be left out.
  Result<std::optional<BuildTarget>> target_of_part(const Prepared& prepared,
                                                    const std::string& variant,
                                                    const std::string& config,
                                                    std::stop_token stop);

  /// kBadInput at the line of the first test that is none of `names` (one a line);
  /// kInfrastructure when they name no test at all.
  static Status check_tests(const Prepared& prepared, std::string_view names);

  /// What the static tools are to look at; nullopt when the job does not want them, or has no
  /// series.
  static std::optional<builder::StaticRequest> static_request_of(const Prepared& prepared);

  /// The builder's request for a target.
  static builder::BuildRequest request_of(const Prepared& prepared, const BuildTarget& target);

 private:
  Result<std::optional<std::string>> tree_of_part(const Prepared& prepared,
                                                  const std::string& variant,
                                                  const std::stop_token& stop) const;
  /// A kernel of `tree`; keyed, and without a base yet.
  [[nodiscard]] BuildTarget make_target(const std::string& variant, const std::string& config,
                                        const std::string& tree,
                                        const builder::ResolvedConfig& resolved,
                                        const std::string& bench_digest) const;
  Status load_lists(const std::vector<std::string>& only, Prepared* prepared) const;
  Status add_targets(const intake::PreparedSource& source,
                     const std::vector<kernel::NamedConfig>& configs, const Note& note,
                     std::stop_token stop, Prepared* prepared);
  Status add_coverage(const intake::PreparedSource& source,
                      const std::vector<kernel::NamedConfig>& configs, std::stop_token stop,
                      Prepared* prepared);
  Status compare_configs(const std::string& tree,
                         const std::vector<builder::ResolvedConfig>& resolved,
                         Prepared* prepared) const;

  std::mutex mutex_;
  intake::Intake& intake_;
  builder::Builder& builder_;
  os::Path known_tests_;
};

}  // namespace kiln::scheduler
