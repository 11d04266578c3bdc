#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "lib/base/text.h"
#include "lib/job/plan.h"
#include "lib/verdict/findings.h"

namespace kiln::verdict {
namespace {

using kernel::Warning;
using WarningCounts = std::map<std::pair<std::string, std::string>, int>;

/// K of "prefix-K", the series' length for "patched", 0 for anything else.
int prefix_length(const Input& input, const std::string& variant) {
  const int all = static_cast<int>(input.patch_subjects.size());
  if (variant == "patched") return all;
  constexpr std::string_view kPrefix = "prefix-";
  if (!variant.starts_with(kPrefix)) return 0;
  int k = 0;
  const char* end = variant.data() + variant.size();
  const auto parsed = std::from_chars(variant.data() + kPrefix.size(), end, k);
  return parsed.ec == std::errc() && parsed.ptr == end && k > 0 && k <= all ? k : 0;
}

const BuildRow* find_build(const Input& input, const std::string& variant,
                           const std::string& config) {
  const auto found = std::find_if(input.builds.begin(), input.builds.end(), [&](const BuildRow& b) {
    return b.variant == variant && b.config == config;
  });
  return found == input.builds.end() ? nullptr : &*found;
}

/// "2/3 drm/i915/gt: ...", or "" when the step before was not built and so cannot clear itself.
/// `shows(row)`: does this build have the fault?
template <typename Shows>
std::string patch_of(const Input& input, const std::string& config, Shows shows) {
  const int all = static_cast<int>(input.patch_subjects.size());
  for (int k = 1; k <= all; ++k) {
    const BuildRow* row = find_build(input, fmt::format("prefix-{}", k), config);
    if (row == nullptr && k == all) row = find_build(input, "patched", config);
    if (row == nullptr) return "";
    if (shows(*row)) return fmt::format("{}/{} {}", k, all, input.patch_subjects[k - 1]);
  }
  return "";
}

/// Rows of a config with the series or a part of it, shortest part first.
std::vector<const BuildRow*> with_series(const Input& input, const std::string& config) {
  std::vector<const BuildRow*> rows;
  for (const BuildRow& row : input.builds)
    if (row.config == config && row.variant != "baseline" && !job::is_coverage(row.variant))
      rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [&](const BuildRow* a, const BuildRow* b) {
    return prefix_length(input, a->variant) < prefix_length(input, b->variant);
  });
  return rows;
}

std::string cell_of(const BuildRow& row) {
  return row.variant + "/" + row.config;
}

/// Adds to the finding of the same key, or opens one.
Finding& finding_for(const std::string& key, std::map<std::string, size_t>* at,
                     std::vector<Judged>* out) {
  const auto [found, is_new] = at->emplace(key, out->size());
  if (is_new) out->emplace_back();
  return (*out)[found->second].finding;
}

void failures(const Input& input, const std::string& config, std::map<std::string, size_t>* at,
              std::vector<Judged>* out) {
  const BuildRow* baseline = find_build(input, "baseline", config);
  if (baseline != nullptr && baseline->record.state == "failed") {
    Finding& finding = finding_for("baseline|" + baseline->record.error, at, out);
    finding.cls = "infrastructure";
    finding.summary =
        "the baseline does not build, with or without the series: " + baseline->record.error;
    finding.evidence.push_back(fmt::format("{}: {}", cell_of(*baseline), baseline->record.error));
    return;
  }
  const std::string patch =
      patch_of(input, config, [](const BuildRow& row) { return row.record.state == "failed"; });
  for (const BuildRow* row : with_series(input, config)) {
    if (row->record.state != "failed") continue;
    Finding& finding = finding_for("failure|" + patch + row->record.error, at, out);
    const bool whole =
        prefix_length(input, row->variant) == static_cast<int>(input.patch_subjects.size());
    if (finding.summary.empty()) {
      finding.cls = "build-failure";
      finding.patch = patch;
      finding.summary = whole ? "does not build with the series: " + row->record.error
                              : fmt::format("does not build with the first {} of {} patches: {}",
                                            prefix_length(input, row->variant),
                                            input.patch_subjects.size(), row->record.error);
    }
    finding.evidence.push_back(fmt::format("{}: {}", cell_of(*row), row->record.error));
  }
}

WarningCounts count_warnings(const BuildRow& row) {
  WarningCounts out;
  for (const Warning& warning : row.record.warnings) ++out[{warning.file, warning.text}];
  return out;
}

void warnings(const Input& input, const std::string& config, std::map<std::string, size_t>* at,
              std::vector<Judged>* out) {
  const BuildRow* baseline = find_build(input, "baseline", config);
  if (baseline == nullptr || baseline->record.state == "failed") return;
  const WarningCounts old = count_warnings(*baseline);
  const auto is_new = [&](const BuildRow& row, const std::pair<std::string, std::string>& what) {
    const WarningCounts counts = count_warnings(row);
    const auto here = counts.find(what);
    const auto before = old.find(what);
    return here != counts.end() && here->second > (before == old.end() ? 0 : before->second);
  };
  for (const BuildRow* row : with_series(input, config)) {
    std::set<std::pair<std::string, std::string>> told;
    for (const Warning& warning : row->record.warnings) {
      const std::pair what(warning.file, warning.text);
      if (!is_new(*row, what) || !told.insert(what).second) continue;
      Finding& finding = finding_for("warning|" + what.first + "|" + what.second, at, out);
      if (finding.summary.empty()) {
        finding.cls = "build-warning";
        finding.summary = fmt::format("new compiler warning in {}:{}: {}", warning.file,
                                      warning.line, warning.text);
        finding.patch = patch_of(input, config, [&](const BuildRow& r) { return is_new(r, what); });
      }
      finding.evidence.push_back(
          fmt::format("{}: {}:{}", cell_of(*row), warning.file, warning.line));
    }
  }
}

}  // namespace

std::vector<Judged> build_findings(const Input& input) {
  std::vector<Judged> out;
  std::map<std::string, size_t> at;
  std::set<std::string> configs;
  for (const std::string& config : input.job.configs)
    if (configs.insert(config).second) failures(input, config, &at, &out);
  for (const std::string& config : configs) warnings(input, config, &at, &out);
  return out;
}

}  // namespace kiln::verdict
