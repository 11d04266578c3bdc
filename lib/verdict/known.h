#pragma once
/// Known issues applied to what a run's findings rest on. Pure.
#include <string>
#include <vector>

#include "lib/known/match.h"
#include "lib/verdict/findings.h"

namespace kiln::verdict {

/// What filters are asked about: one test in one boot, or one report outside of tests. The one way
/// to it, so that judging and the preview of a filter agree. `row` may be null: no result.
known::Occurrence to_known(const Occurrence& seen, const std::string& machine,
                           const std::vector<std::string>& tags, const ResultRow* row,
                           const std::vector<const KernelReport*>& reports);

/// The reports of a session that belong to an occurrence.
std::vector<const KernelReport*> reports_of(const Occurrence& seen,
                                            const std::vector<KernelReport>& kernel);

/// What one side's boots showed of a test, passes left out; of a test that only goes bad now and
/// then, or stopped to run, the skips and missing results, too.
std::vector<Occurrence> occurrences_of(const SideView& side, const std::string& test,
                                       const std::string& config, Cls cls);

/// The filters of an input that hold for its run, compiled once.
class KnownIssues {
 public:
  explicit KnownIssues(const Input& input);
  KnownIssues(const KnownIssues&) = delete;
  KnownIssues& operator=(const KnownIssues&) = delete;

  /// Fills `known` of each, and says which filters together cover all of them (ids, ascending);
  /// empty when one is not covered, or there is none.
  std::vector<int64_t> cover(std::vector<Occurrence>* seen) const;
  /// Turns the finding known when `by` names filters. The class stays in bare_cls.
  void apply(const std::vector<int64_t>& by, Judged* judged) const;

 private:
  [[nodiscard]] std::string words(const std::vector<int64_t>& ids) const;
  const Input* input_;
  std::vector<known::Matcher> compiled_;
  std::vector<const known::Matcher*> filters_;  ///< of compiled_: those that hold
};

/// Can known issues cover a finding of this class?
bool may_be_known(Cls cls);

/// Numbers, counts and names what the output tells of known issues; `judged` are in their final
/// order, their ids given.
void list_known(const Input& input, const std::vector<Judged>& judged, Output* out);

}  // namespace kiln::verdict
