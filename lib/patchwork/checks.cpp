#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.h"
#include "lib/patchwork/patchwork.h"
#include "lib/patchwork/wire.h"

namespace kiln::patchwork {
namespace {

constexpr size_t kMostDescription = 250;  // what a table shows of it

/// Patchwork says "fail" where freedesktop.org says "failure".
std::string word_of(const std::string& state, Dialect dialect) {
  return state == "fail" && dialect == Dialect::kFreedesktop ? "failure" : state;
}

/// The series as a whole: warning where a person should look.
std::string series_state(const v1::RunReport& report) {
  const v1::Verdict& verdict = report.verdict();
  if (verdict.result() == "regression") return "fail";
  const bool look = verdict.result() != "no-regression" || verdict.lost() > 0 ||
                    verdict.warnings() > 0 || verdict.flaky() > 0;
  return look ? "warning" : "success";
}

/// N of "N/M subject".
int patch_number(const std::string& patch) {
  int number = 0;
  const auto [end, code] = std::from_chars(patch.data(), patch.data() + patch.size(), number);
  return code == std::errc() && end != patch.data() + patch.size() && *end == '/' ? number : 0;
}

std::string shortened(std::string_view bytes) {
  std::string text = to_valid_utf8(bytes);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (text.size() <= kMostDescription) return text;
  size_t at = kMostDescription;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return text.substr(0, at) + " ...";
}

std::string report_url(const v1::RunReport& report, const Config& config) {
  std::string url = config.target_url;
  const size_t at = url.find("{run}");
  if (at != std::string::npos) url.replace(at, 5, std::to_string(report.run().id()));
  return url;
}

Check check(const v1::RunReport& report, const Config& config, int patch, const std::string& state,
            std::string_view description) {
  return {patch, word_of(state, config.dialect), config.context, shortened(description),
          report_url(report, config)};
}

/// The worst that is said of one patch, and in which words.
Check check_of_patch(const v1::RunReport& report, const Config& config, int patch) {
  const int all = report.series().patches_size();
  std::string state = "success";
  std::string words =
      all == 1
          ? report.verdict().headline()
          : fmt::format("nothing is laid to this patch; the series' verdict is at {0}/{0}", all);
  if (patch == all) {
    state = series_state(report);
    words = report.verdict().headline();
  }
  for (const v1::Finding& finding : report.findings()) {
    if (patch_number(finding.patch()) != patch) continue;
    const bool fails = finding.class_() == "regression" || finding.class_() == "build-failure";
    const bool warns = finding.class_() == "build-warning" || finding.class_() == "warning";
    if (fails && (state != "fail" || patch < all)) {
      state = "fail";
      words = finding.test().empty() ? finding.summary()
                                     : fmt::format("{}: {}", finding.test(), finding.summary());
      break;
    }
    if (warns && state == "success") {
      state = "warning";
      words = finding.summary();
    }
  }
  return check(report, config, patch, state, words);
}

}  // namespace

Result<std::vector<Check>> checks_of(const v1::RunReport& report, const Config& config) {
  const std::string& result = report.verdict().result();
  if (result != "no-regression" && result != "regression" && result != "inconclusive")
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("run {} says nothing of the series: {}",
                                                report.run().id(), report.verdict().headline()))
            .with_hint("only a verdict is posted"));
  if (report.series().patches().empty())
    return fail(ErrorKind::kBadInput, fmt::format("run {} tested no series", report.run().id()));
  std::vector<Check> out;
  if (config.dialect == Dialect::kFreedesktop) {
    out.push_back(check(report, config, 0, series_state(report), report.verdict().headline()));
    return out;
  }
  for (int patch = 1; patch <= report.series().patches_size(); ++patch)
    out.push_back(check_of_patch(report, config, patch));
  return out;
}

std::string dry_run(const std::vector<Check>& checks, const v1::RunReport& report,
                    const Config& config) {
  std::string out;
  for (const Check& each : checks) {
    const std::string id =
        each.patch == 0
            ? "{series}"
            : fmt::format("{{id of {}/{} {}}}", each.patch, report.series().patches_size(),
                          to_valid_utf8(report.series().patches(each.patch - 1).subject()));
    const std::string place = config.dialect == Dialect::kFreedesktop
                                  ? freedesktop_results(config.url, "{series}", "{revision}")
                                  : patch_checks(config.url, id);
    out += fmt::format("POST {}\n{}\n", place, body_of(each, config.dialect));
  }
  return out;
}

Result<Target> parse_target(const std::string& text) {
  Target target;
  const char* end = text.data() + text.size();
  auto [at, code] = std::from_chars(text.data(), end, target.series);
  if (code == std::errc() && at != end && *at == '/') {
    const auto rest = std::from_chars(at + 1, end, target.revision);
    at = rest.ptr;
    code = rest.ec;
    if (target.revision <= 0) code = std::errc::invalid_argument;
  }
  if (code != std::errc() || at != end || target.series <= 0)
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is no series in Patchwork", text))
                    .with_hint("its number, or number/revision"));
  return target;
}

}  // namespace kiln::patchwork
