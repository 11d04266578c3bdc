#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/verdict/known.h"

namespace kiln::verdict {
namespace {

/// Signatures whose history is looked up; a flood of them is no report's own habit.
constexpr size_t kMostReportHistories = 50;

/// One signature in one config: in which sessions of each side.
struct Sighting {
  KernelReport report;
  std::string config;
  size_t config_index = 0;
  std::set<std::string> tests;  ///< planned ones in which it came
  bool anywhere = false;        ///< it came outside of them as well
  std::vector<int64_t> patched;
  std::vector<int> at;      ///< in the reports of each
  bool functional = false;  ///< seen where tests ran, not in a boot that measured
};

bool ran_tests(const SessionRow& session) {
  return session.purpose == "functional" || session.purpose == "confirmation";
}

/// A boot's tests that went bad, and never do without the series: their outcomes tell of the
/// reports that came with them.
using Telling = std::map<int64_t, std::vector<std::pair<const TestView*, std::string_view>>>;

Telling telling_tests(const ConfigView& view) {
  Telling out;
  for (const TestView& test : view.tests) {
    if (test.baseline.count(Kind::kBad) > 0) continue;
    for (const Observation& one : test.patched.seen)
      if (kind_of(one.outcome) == Kind::kBad) out[one.session->id].emplace_back(&test, one.outcome);
  }
  return out;
}

bool has_result(const SessionRow& session, const KernelReport& report) {
  return std::any_of(session.results.begin(), session.results.end(), [&](const ResultRow& row) {
    return row.test == report.test || tells_of(report, row.test, row.outcome);
  });
}

/// Lateness of an emulated machine's timers, in a boot that only measures: it says that the host
/// was busy, and no further boot could confirm it. In a test it counts by the test's outcome alone.
bool is_hosts_delay(const SessionRow& session, const KernelReport& report) {
  return session.emulated && (!ran_tests(session) || has_result(session, report)) &&
         (report.kind == "hung-task" || report.kind == "lockup" || report.kind == "rcu-stall");
}

/// Reports that no test's difference tells of. A test that skips says nothing of them, and one that
/// is bad without the series too would hide them.
bool stands_alone(const SessionRow& session, const KernelReport& report, const Telling& telling) {
  if (!ran_tests(session) || report.test.empty()) return true;
  const auto found = telling.find(session.id);
  return found == telling.end() ||
         std::none_of(found->second.begin(), found->second.end(), [&](const auto& one) {
           return tells_of(report, one.first->test, one.second);
         });
}

/// Where the report came: in planned tests, or anywhere.
void add_place(const Input& input, const KernelReport& report, Sighting* sighting) {
  bool placed = false;
  if (!report.late && !report.test.empty())
    for (const std::string& planned : input.planned_tests)
      if (covers(planned, report.test)) {
        sighting->tests.insert(planned);
        placed = true;
      }
  sighting->anywhere = sighting->anywhere || !placed;
}

/// Could the report have come in this boot? A confirming boot runs only what it was asked for.
bool could_come(const SessionRow& session, const Sighting& sighting) {
  if (sighting.anywhere || session.only_tests.empty()) return true;
  return std::any_of(session.only_tests.begin(), session.only_tests.end(),
                     [&](const std::string& test) { return sighting.tests.contains(test); });
}

/// Per config, what was seen with the series in any boot and never without it.
std::vector<Sighting> sightings(const Input& input, const std::vector<ConfigView>& views) {
  std::vector<Sighting> out;
  for (size_t c = 0; c < views.size(); ++c) {
    std::map<std::string, size_t> at;
    const Telling telling = telling_tests(views[c]);
    std::set<std::string> without;  // any report without the series clears the signature
    for (const SessionRow& session : input.sessions) {
      if (session.config != views[c].config || !usable(session)) continue;
      for (const KernelReport& report : session.kernel) {
        if (report.foreign) continue;
        if (session.variant == "baseline") without.insert(name_of(report));
        if (is_hosts_delay(session, report)) continue;
        if (session.variant != "patched" || !stands_alone(session, report, telling)) continue;
        const auto [found, is_new] = at.emplace(name_of(report), out.size());
        if (is_new) out.push_back({report, views[c].config, c, {}, false, {}, {}, false});
        Sighting& sighting = out[found->second];
        if (ran_tests(session)) add_place(input, report, &sighting);
        if (sighting.patched.empty() || sighting.patched.back() != session.id) {
          sighting.patched.push_back(session.id);
          sighting.at.push_back(static_cast<int>(&report - session.kernel.data()));
        }
        sighting.functional = sighting.functional || ran_tests(session);
      }
    }
    std::erase_if(out, [&](const Sighting& s) {
      return s.config_index == c && without.count(name_of(s.report)) > 0;
    });
  }
  return out;
}

/// Usable sessions of one side of the kind in which the report was seen.
int boots(const Input& input, const Sighting& sighting, const std::string& variant) {
  return static_cast<int>(
      std::count_if(input.sessions.begin(), input.sessions.end(), [&](const SessionRow& session) {
        return session.config == sighting.config && session.variant == variant && usable(session) &&
               ran_tests(session) == sighting.functional &&
               (!sighting.functional || could_come(session, sighting));
      }));
}

/// Boots with and without the report, as failures of the two sides.
struct Sighted {
  int with = 0;     ///< boots with the series
  int without = 0;  ///< and without
  int seen = 0;     ///< of `with`
  stats::RateDecision decision;
};

Sighted weigh(const Input& input, const Sighting& sighting) {
  Sighted out;
  out.with = boots(input, sighting, "patched");
  out.without = boots(input, sighting, "baseline");
  out.seen = std::min(out.with, static_cast<int>(sighting.patched.size()));
  out.decision =
      stats::decide_rates({0, out.without, out.seen, out.with}, {}, rate_rules(input.job));
  return out;
}

/// The report in each of the boots that had it.
std::vector<Occurrence> occurrences_of(const Input& input, const Sighting& sighting) {
  std::vector<Occurrence> out;
  for (const SessionRow& session : input.sessions) {
    const auto& ids = sighting.patched;
    const auto found = std::find(ids.begin(), ids.end(), session.id);
    if (found == ids.end()) continue;
    Occurrence seen;
    seen.session_id = session.id;
    seen.report = sighting.at[static_cast<size_t>(found - ids.begin())];
    seen.test = session.kernel[static_cast<size_t>(seen.report)].test;
    seen.config = sighting.config;
    seen.outcome = "report";
    out.push_back(std::move(seen));
  }
  return out;
}

/// " while igt@gem_pread@basic runs", "" when it is not one test.
std::string while_words(const Sighting& sighting) {
  if (sighting.anywhere || sighting.tests.size() != 1) return "";
  return fmt::format(" while {} runs", *sighting.tests.begin());
}

}  // namespace

std::vector<Judged> kernel_findings(const Input& input, const std::vector<ConfigView>& views) {
  std::vector<Judged> out;
  std::map<std::string, size_t> at;
  std::map<std::string, std::vector<size_t>> configs;
  for (const Sighting& sighting : sightings(input, views)) {
    const std::string& name = name_of(sighting.report);
    const auto [with, without, seen, decision] = weigh(input, sighting);
    const bool sure = decision.answer == stats::RateAnswer::kRegression;
    const auto [found, is_new] = at.emplace(name, out.size());
    if (is_new) {
      out.emplace_back();
      Finding& fresh = out.back().finding;
      fresh.summary = fmt::format(
          "the kernel reports \"{}\"{} in {} of {} with the series and in 0 of {} without it "
          "({}){}",
          sighting.report.title, while_words(sighting), seen, count_of(with, "boot", "boots"),
          without, sighting.config, sure ? "" : "; not confirmed by further boots");
      fresh.kernel.push_back(sighting.report);
      fresh.cls = to_string(Cls::kWarning);
      out.back().unconfirmed = true;
    }
    Judged& judged = out[found->second];
    Finding& finding = judged.finding;
    if (decision.answer == stats::RateAnswer::kAsBefore && finding.cls != "regression") {
      finding.cls = to_string(Cls::kFlaky);
      judged.unconfirmed = false;
    }
    if (sure) {
      finding.cls = to_string(Cls::kRegression);
      judged.unconfirmed = false;
      judged.config = sighting.config;
      judged.signature = name;
      finding.confidence = decision.confidence;
    }
    configs[name].push_back(sighting.config_index);
    finding.interaction = interaction_of(views, configs[name], Cls::kRegression);
    finding.counts.push_back({"baseline", sighting.config, {{"clean", without}}, {}});
    CellCounts patched{"patched", sighting.config, {{"report", seen}}, sighting.patched};
    if (with > seen) patched.outcomes["clean"] = with - seen;
    finding.counts.push_back(std::move(patched));
    for (const int64_t id : sighting.patched)
      if (finding.evidence.size() < 6)
        finding.evidence.push_back(fmt::format("session {}: {}", id, sighting.report.title));
    for (Occurrence& boot : occurrences_of(input, sighting)) judged.seen.push_back(std::move(boot));
  }
  const KnownIssues known(input);
  for (Judged& judged : out) {
    judged.finding.only_patched = true;
    known.apply(known.cover(&judged.seen), &judged);
  }
  return out;
}

std::vector<std::string> reports_to_look_up(const Input& input) {
  std::set<std::string> with;
  std::set<std::string> without;
  for (const SessionRow& session : input.sessions)
    for (const KernelReport& report : session.kernel)
      if (!report.foreign && !report.signature.empty())
        (session.variant == "baseline" ? without : with).insert(report.signature);
  std::vector<std::string> out;
  std::set_difference(with.begin(), with.end(), without.begin(), without.end(),
                      std::back_inserter(out));
  if (out.size() > kMostReportHistories) out.resize(kMostReportHistories);
  return out;
}

std::map<std::string, KernelSuspicion> kernel_suspicions(const Input& input,
                                                         const std::vector<ConfigView>& views) {
  std::map<std::string, KernelSuspicion> out;
  for (const Sighting& sighting : sightings(input, views)) {
    if (!sighting.functional) continue;
    const stats::RateDecision decision = weigh(input, sighting).decision;
    if (decision.answer != stats::RateAnswer::kMore) continue;
    KernelSuspicion& one = out[sighting.config];
    one.boots_each = std::max(one.boots_each, decision.more_each);
    one.anywhere = one.anywhere || sighting.anywhere;
    one.tests.insert(sighting.tests.begin(), sighting.tests.end());
  }
  return out;
}

}  // namespace kiln::verdict
