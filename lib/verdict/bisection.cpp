#include "lib/verdict/bisection.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/job/plan.h"
#include "lib/stats/culprit.h"

namespace kiln::verdict {
namespace {

/// Boots of one variant that ran what the finding is about.
struct Boots {
  int bad = 0;
  int runs = 0;
  int tries = 0;  ///< whatever came of them
  std::vector<int64_t> session_ids;
};

bool is_about(const SessionRow& session, const std::string& variant, const std::string& config) {
  if (session.variant != variant || session.config != config) return false;
  return session.purpose == "functional" || session.purpose == "confirmation" ||
         session.purpose == "bisection";
}

bool has_signature(const SessionRow& session, const std::string& signature) {
  return std::any_of(session.kernel.begin(), session.kernel.end(),
                     [&](const KernelReport& report) { return name_of(report) == signature; });
}

/// The test's outcome in this boot is bad; nullopt: the boot says nothing of it.
std::optional<bool> is_bad(const SessionRow& session, const Judged& judged) {
  if (!judged.signature.empty()) return has_signature(session, judged.signature);
  const std::string& test = judged.finding.test;
  for (const ResultRow& row : session.results) {
    if (row.test != test) continue;
    return kind_of(outcome_in(session, row)) == Kind::kBad;
  }
  // A dynamic subtest that this prefix does not bring, or whose parent ended before it.
  return std::nullopt;
}

Boots boots_of(const Input& input, const Judged& judged, const std::string& variant) {
  Boots out;
  for (const SessionRow& session : input.sessions) {
    if (!is_about(session, variant, judged.config)) continue;
    ++out.tries;
    if (!usable(session)) continue;
    const std::optional<bool> bad = is_bad(session, judged);
    if (!bad) continue;
    ++out.runs;
    out.bad += *bad ? 1 : 0;
    out.session_ids.push_back(session.id);
  }
  return out;
}

bool build_failed(const Input& input, const std::string& variant, const std::string& config) {
  return std::any_of(input.builds.begin(), input.builds.end(), [&](const BuildRow& row) {
    return row.variant == variant && row.config == config && row.record.state == "failed";
  });
}

/// Index = number of patches applied, 0 to all.
std::vector<stats::PrefixRuns> prefix_runs(const Input& input, const Judged& judged) {
  const int all = static_cast<int>(input.patch_subjects.size());
  std::vector<stats::PrefixRuns> out;
  for (int k = 0; k <= all; ++k) {
    const std::string variant = variant_of(k, all);
    const Boots boots = boots_of(input, judged, variant);
    stats::PrefixRuns runs;
    runs.failures = boots.bad;
    runs.runs = boots.runs;
    const bool inner = k > 0 && k < all;
    runs.testable = inner && !build_failed(input, variant, judged.config) &&
                    boots.runs < kMostBootsOfAPrefix &&
                    boots.tries - boots.runs < kMostBisectionTries;
    out.push_back(runs);
  }
  return out;
}

/// The series without the culprit is booted once, where it can be made: of the last patch it is the
/// prefix before, which is there already.
bool wants_proof(const Input& input, const Judged& judged, int culprit) {
  if (culprit == static_cast<int>(input.patch_subjects.size())) return false;
  const std::string variant = job::without_variant(culprit);
  if (build_failed(input, variant, judged.config)) return false;
  const auto& never = input.not_revertible;
  if (std::find(never.begin(), never.end(), culprit) != never.end()) return false;
  return boots_of(input, judged, variant).tries == 0;
}

/// The tests that show the finding; all of them for a report that belongs to none.
std::vector<std::string> tests_of(const Input& input, const Judged& judged) {
  if (!judged.signature.empty()) return input.planned_tests;
  for (const std::string& planned : input.planned_tests)
    if (covers(planned, judged.finding.test)) return {planned};
  return {judged.finding.test};
}

bool wants_patch(const Input& input, const Judged& judged) {
  return judged.finding.cls == "regression" && !judged.config.empty() &&
         !input.patch_subjects.empty();
}

/// "2/3 drm/i915/gt: ...", or "2/3 to 3/3" when what lies between could not be booted.
std::string patch_words(const Input& input, const stats::Culprit& culprit) {
  const size_t all = input.patch_subjects.size();
  if (culprit.first == culprit.last)
    return fmt::format("{}/{} {}", culprit.last, all,
                       input.patch_subjects[static_cast<size_t>(culprit.last) - 1]);
  if (culprit.first == 1 && static_cast<size_t>(culprit.last) == all) return "";
  return fmt::format("{}/{} to {}/{}", culprit.first, all, culprit.last, all);
}

/// The finding's culprit, when the boots so far have decided it to be one patch; else 0.
int culprit_of(const stats::Culprit& culprit) {
  return culprit.decided && culprit.first == culprit.last ? culprit.last : 0;
}

void add_boot(const Input& input, const Judged& judged, const std::string& variant,
              std::vector<BisectionBoot>* out) {
  auto found = std::find_if(out->begin(), out->end(), [&](const BisectionBoot& boot) {
    return boot.config == judged.config && boot.variant == variant;
  });
  if (found == out->end()) found = out->insert(out->end(), {judged.config, variant, {}});
  for (const std::string& test : tests_of(input, judged))
    if (std::find(found->tests.begin(), found->tests.end(), test) == found->tests.end())
      found->tests.push_back(test);
}

std::string step_words(const Input& input, const BisectionStep& step) {
  const size_t all = input.patch_subjects.size();
  std::string name = step.variant;
  if (step.variant == "baseline") name = "without the series";
  if (step.variant == "patched") name = "with the whole series";
  if (step.variant.starts_with("prefix-"))
    name = fmt::format("with patches 1 to {} of {}", step.variant.substr(7), all);
  if (const int patch = job::patch_left_out(step.variant); patch > 0)
    name = fmt::format("with the series but patch {}", patch);
  return fmt::format("{}: bad in {} of {}", name, step.bad, count_of(step.runs, "boot", "boots"));
}

void add_steps(const Input& input, int culprit, Judged* judged) {
  const int all = static_cast<int>(input.patch_subjects.size());
  std::vector<std::string> variants;
  for (int k = 0; k <= all; ++k) variants.push_back(variant_of(k, all));
  if (culprit > 0) variants.push_back(job::without_variant(culprit));
  std::vector<std::string> words;
  for (const std::string& variant : variants) {
    const Boots boots = boots_of(input, *judged, variant);
    if (boots.runs == 0) continue;
    judged->finding.bisection.push_back(
        {variant, judged->config, boots.bad, boots.runs, boots.session_ids});
    words.push_back(step_words(input, judged->finding.bisection.back()));
  }
  if (words.size() > 2) judged->finding.evidence.push_back("bisection: " + join(words, "; "));
}

bool has_report(const Finding& finding, const std::string& signature) {
  return std::any_of(finding.kernel.begin(), finding.kernel.end(),
                     [&](const KernelReport& report) { return report.signature == signature; });
}

/// Regressions of tests that are one, for all that can be seen.
bool are_one(const Judged& a, const Judged& b) {
  for (const Judged* one : {&a, &b})
    if (one->finding.cls != "regression" || one->finding.test.empty() ||
        one->finding.patch.empty() || one->config.empty())
      return false;
  if (a.config != b.config || a.finding.patch != b.finding.patch || a.known != b.known ||
      a.finding.interaction != b.finding.interaction)
    return false;
  return std::any_of(b.finding.kernel.begin(), b.finding.kernel.end(),
                     [&](const KernelReport& report) {
                       return !report.signature.empty() && has_report(a.finding, report.signature);
                     });
}

void take_in(Judged* to, Judged one) {
  Finding& finding = to->finding;
  finding.also.push_back(one.finding.test);
  finding.also.insert(finding.also.end(), one.finding.also.begin(), one.finding.also.end());
  for (KernelReport& report : one.finding.kernel)
    if (!has_report(finding, report.signature)) finding.kernel.push_back(std::move(report));
  to->seen.insert(to->seen.end(), one.seen.begin(), one.seen.end());
}

}  // namespace

std::string variant_of(int patches, int all) {
  if (patches == 0) return "baseline";
  return patches == all ? "patched" : job::prefix_variant(patches);
}

void name_patches(const Input& input, std::vector<Judged>* judged) {
  for (Judged& one : *judged) {
    if (!wants_patch(input, one)) continue;
    const stats::Culprit culprit = stats::find_culprit(prefix_runs(input, one), {});
    if (culprit.decided && one.finding.patch.empty())
      one.finding.patch = patch_words(input, culprit);
    add_steps(input, culprit_of(culprit), &one);
  }
}

void join_causes(std::vector<Judged>* judged) {
  std::vector<Judged> out;
  for (Judged& one : *judged) {
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&](const Judged& other) { return are_one(other, one); });
    if (same == out.end()) {
      out.push_back(std::move(one));
    } else {
      take_in(&*same, std::move(one));
    }
  }
  *judged = std::move(out);
}

std::vector<BisectionBoot> bisection_boots(const Input& input) {
  std::vector<BisectionBoot> out;
  const std::vector<ConfigView> views = observe(input);
  std::vector<Judged> judged = test_findings(input, views);
  for (Judged& one : kernel_findings(input, views)) judged.push_back(std::move(one));
  std::erase_if(judged, [&](const Judged& one) { return !wants_patch(input, one); });
  const int all = static_cast<int>(input.patch_subjects.size());
  for (const std::string& config : input.job.configs) {
    std::vector<stats::Culprit> culprits;
    std::vector<const Judged*> open;
    for (const Judged& one : judged) {
      if (one.config != config) continue;
      stats::Culprit culprit = stats::find_culprit(prefix_runs(input, one), {});
      if (const int patch = culprit_of(culprit); patch > 0 && wants_proof(input, one, patch))
        add_boot(input, one, job::without_variant(patch), &out);
      if (culprit.decided) continue;
      culprits.push_back(std::move(culprit));
      open.push_back(&one);
    }
    const std::optional<int> next = stats::next_prefix(culprits);
    if (!next || *next <= 0 || *next >= all) continue;
    for (const Judged* one : open) add_boot(input, *one, variant_of(*next, all), &out);
  }
  return out;
}

}  // namespace kiln::verdict
