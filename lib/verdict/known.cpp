#include "lib/verdict/known.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/verdict/outcome.h"

namespace kiln::verdict {
namespace {

const SessionRow* session_of(const Input& input, int64_t id) {
  const auto found = std::find_if(input.sessions.begin(), input.sessions.end(),
                                  [&](const SessionRow& session) { return session.id == id; });
  return found == input.sessions.end() ? nullptr : &*found;
}

}  // namespace

known::Occurrence to_known(const Occurrence& seen, const std::string& machine,
                           const std::vector<std::string>& tags, const ResultRow* row,
                           const std::vector<const KernelReport*>& reports) {
  known::Occurrence out;
  out.test = seen.test;
  out.config = seen.config;
  out.machine = machine;
  out.tags = tags;
  out.outcome = seen.outcome;
  if (row != nullptr) {
    out.text = row->reason + "\n" + row->kernel_words;
    out.kernel_error = kernel_words_bad(row->kernel_words);
  }
  for (const KernelReport* report : reports)
    out.reports.push_back({report->signature, report->title + "\n" + report->text});
  return out;
}

std::vector<const KernelReport*> reports_of(const Occurrence& seen,
                                            const std::vector<KernelReport>& kernel) {
  std::vector<const KernelReport*> out;
  if (seen.report >= 0) {
    if (static_cast<size_t>(seen.report) < kernel.size())
      out.push_back(&kernel[static_cast<size_t>(seen.report)]);
    return out;
  }
  for (const KernelReport& report : kernel)
    if (tells_of(report, seen.test, seen.outcome)) out.push_back(&report);
  return out;
}

std::vector<Occurrence> occurrences_of(const SideView& side, const std::string& test,
                                       const std::string& config, Cls cls) {
  std::vector<Occurrence> out;
  for (const Observation& one : side.seen) {
    const Kind kind = kind_of(one.outcome);
    if (kind == Kind::kPass) continue;
    if (kind != Kind::kBad && cls != Cls::kCoverageLost && cls != Cls::kWarning) continue;
    Occurrence seen;
    seen.session_id = one.session->id;
    seen.test = test;
    seen.config = config;
    seen.outcome = one.outcome;
    if (one.row != nullptr) seen.row = static_cast<int>(one.row - one.session->results.data());
    out.push_back(std::move(seen));
  }
  return out;
}

KnownIssues::KnownIssues(const Input& input)
    : input_(&input),
      compiled_(known::compile(input.known)),
      filters_(known::holding(compiled_, input.ended)) {}

std::vector<int64_t> KnownIssues::cover(std::vector<Occurrence>* seen) const {
  if (filters_.empty() || seen->empty()) return {};
  std::set<int64_t> by;
  bool all = true;
  for (Occurrence& one : *seen) {
    const SessionRow* session = session_of(*input_, one.session_id);
    if (session == nullptr) return {};
    const bool has_row = one.row >= 0 && static_cast<size_t>(one.row) < session->results.size();
    const ResultRow* row = has_row ? &session->results[static_cast<size_t>(one.row)] : nullptr;
    known::Cover cover = known::cover(filters_, to_known(one, session->machine, session->tags, row,
                                                         reports_of(one, session->kernel)));
    all = all && cover.covered;
    by.insert(cover.by.begin(), cover.by.end());
    one.known = std::move(cover.by);
  }
  return all ? std::vector<int64_t>(by.begin(), by.end()) : std::vector<int64_t>();
}

void KnownIssues::apply(const std::vector<int64_t>& by, Judged* judged) const {
  Finding& finding = judged->finding;
  finding.bare_cls = finding.cls;
  if (by.empty()) return;
  judged->known = by;
  finding.cls = "known";
  finding.known = words(by);
  // Nothing more is asked of it: no further boots, no patch to be named.
  judged->unconfirmed = judged->only_patched = judged->no_baseline = false;
  judged->config.clear();
  judged->signature.clear();
}

std::string KnownIssues::words(const std::vector<int64_t>& ids) const {
  std::vector<std::string> parts;
  for (const known::Matcher* matcher : filters_) {
    const known::Filter& filter = matcher->filter();
    if (std::find(ids.begin(), ids.end(), filter.id) == ids.end()) continue;
    parts.push_back(fmt::format("filter {}: {}{}", filter.id, filter.reason,
                                filter.link.empty() ? "" : " (" + filter.link + ")"));
  }
  return join(parts, "; ");
}

bool may_be_known(Cls cls) {
  return cls == Cls::kRegression || cls == Cls::kWarning || cls == Cls::kFlaky ||
         cls == Cls::kCoverageLost || cls == Cls::kNotTheSeries;
}

void list_known(const Input& input, const std::vector<Judged>& judged, Output* out) {
  std::set<int64_t> used;
  for (const Judged& one : judged) {
    if (!one.known.empty()) ++out->known;
    used.insert(one.known.begin(), one.known.end());
    for (Occurrence seen : one.seen) {
      seen.finding = one.finding.id;
      out->occurrences.push_back(std::move(seen));
    }
  }
  for (const known::Filter& filter : input.known)
    if (used.count(filter.id) > 0) out->known_filters.push_back(filter);
}

}  // namespace kiln::verdict
