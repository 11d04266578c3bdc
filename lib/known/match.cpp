#include "lib/known/match.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::known {
namespace {

constexpr int64_t kMostExpressionBytes = 8 << 20;  // of RE2's program and its states

bool glob_or_any(const std::string& glob, const std::string& text) {
  return glob.empty() || glob_match(glob, text);
}

void add(int64_t id, std::vector<int64_t>* ids) {
  const auto at = std::lower_bound(ids->begin(), ids->end(), id);
  if (at == ids->end() || *at != id) ids->insert(at, id);
}

}  // namespace

Matcher::Matcher(Filter filter, std::unique_ptr<re2::RE2> text)
    : filter_(std::move(filter)), text_(std::move(text)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<Matcher> Matcher::compile(Filter filter) {
  if (filter.text.empty()) return Matcher(std::move(filter), nullptr);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMostExpressionBytes);
  // The group alone would make `a)(b` out of two halves: the expression is tried by itself first.
  const RE2 alone(filter.text, options);
  if (!alone.ok())
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("`{}` is no expression: {}", filter.text, alone.error()))
                    .with_hint("RE2 syntax; \\Q...\\E takes words as they are"));
  auto text = std::make_unique<RE2>("(?m:" + filter.text + ")", options);
  return Matcher(std::move(filter), std::move(text));
}

bool Matcher::fits(const Occurrence& seen) const {
  const Filter& f = filter_;
  if (!f.outcomes.empty() &&
      std::find(f.outcomes.begin(), f.outcomes.end(), seen.outcome) == f.outcomes.end())
    return false;
  if (!glob_or_any(f.test, seen.test) || !glob_or_any(f.config, seen.config) ||
      !glob_or_any(f.machine, seen.machine))
    return false;
  return f.tag.empty() || std::any_of(seen.tags.begin(), seen.tags.end(),
                                      [&](const auto& tag) { return glob_match(f.tag, tag); });
}

bool Matcher::covers_report(const Report& report) const {
  if (filter_.signature.empty() && text_ == nullptr) return false;
  if (!filter_.signature.empty() &&
      (report.signature.empty() || !glob_match(filter_.signature, report.signature)))
    return false;
  return text_ == nullptr || RE2::PartialMatch(report.text, *text_);
}

bool Matcher::covers_result(const Occurrence& seen) const {
  if (!filter_.signature.empty()) return false;
  if (text_ == nullptr) return !seen.kernel_error;
  return RE2::PartialMatch(seen.text, *text_);
}

std::vector<const Matcher*> holding(const std::vector<Matcher>& filters, WallTime ended) {
  std::vector<const Matcher*> out;
  for (const Matcher& filter : filters)
    if (holds(filter.filter(), ended)) out.push_back(&filter);
  return out;
}

Cover cover(const std::vector<const Matcher*>& filters, const Occurrence& seen) {
  Cover out;
  size_t open = seen.reports.empty() ? 1 : seen.reports.size();
  std::vector<bool> done(open, false);
  for (const Matcher* filter : filters) {
    if (!filter->fits(seen)) continue;
    for (size_t i = 0; i < done.size(); ++i) {
      const bool covers = seen.reports.empty() ? filter->covers_result(seen)
                                               : filter->covers_report(seen.reports[i]);
      if (!covers) continue;
      add(filter->filter().id, &out.by);
      if (done[i]) continue;
      done[i] = true;
      --open;
    }
  }
  out.covered = open == 0;
  return out;
}

std::vector<Matcher> compile(const std::vector<Filter>& filters) {
  std::vector<Matcher> out;
  for (const Filter& filter : filters)
    if (auto matcher = Matcher::compile(filter)) out.push_back(std::move(*matcher));
  return out;
}

}  // namespace kiln::known
