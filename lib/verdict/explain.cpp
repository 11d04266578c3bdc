#include "lib/verdict/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.h"
#include "lib/job/plan.h"
#include "lib/verdict/bisection.h"
#include "lib/verdict/outcome.h"

namespace kiln::verdict {
namespace {

/// "in shmem_pread (drivers/gpu/drm/i915/i915_gem.c:233)" of the innermost function.
std::string place_of(const KernelReport& report) {
  if (report.frames.empty()) return "";
  const auto& frame = report.frames.front();
  if (frame.file.empty()) return " in " + frame.function;
  return fmt::format(" in {} ({}:{})", frame.function, frame.file, frame.line);
}

std::string what_happened(const Finding& finding) {
  std::string out;
  if (finding.test.empty()) {
    out = finding.summary;
    if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
    return out + ".";
  }
  out = "The test " + finding.test;
  if (!finding.also.empty())
    out += fmt::format(", and {} more of the same cause,", finding.also.size());
  out += " gives " + finding.summary;
  if (!finding.kernel.empty() && finding.summary.find(finding.kernel[0].title) == std::string::npos)
    out += fmt::format("; the kernel says \"{}\"{}", finding.kernel[0].title,
                       place_of(finding.kernel[0]));
  return out + ".";
}

/// N of "N/M subject", 0 when there is none.
int patch_number(const std::string& patch) {
  int number = 0;
  const auto [end, code] = std::from_chars(patch.data(), patch.data() + patch.size(), number);
  return code == std::errc() && end != patch.data() + patch.size() && *end == '/' ? number : 0;
}

const BisectionStep* step_of(const Finding& finding, const std::string& variant) {
  const auto found = std::find_if(finding.bisection.begin(), finding.bisection.end(),
                                  [&](const BisectionStep& s) { return s.variant == variant; });
  return found == finding.bisection.end() || found->runs == 0 ? nullptr : &*found;
}

/// "patch 2/3 brings it: bad in 2 of 2 boots with the patches up to it, in 0 of 2 up to the one
/// before, and in 0 of 2 with all but it"
std::string culprit_words(const Input& input, const Finding& finding) {
  const int number = patch_number(finding.patch);
  if (number == 0) return "";
  const int all = static_cast<int>(input.patch_subjects.size());
  std::string out = fmt::format("patch {}/{} brings it", number, all);
  const BisectionStep* with = step_of(finding, variant_of(number, all));
  const BisectionStep* before = step_of(finding, variant_of(number - 1, all));
  if (with == nullptr || before == nullptr) return out;
  out += fmt::format(": bad in {} of {} up to it, in {} of {} up to the one before", with->bad,
                     count_of(with->runs, "boot", "boots"), before->bad, before->runs);
  if (const BisectionStep* without = step_of(finding, job::without_variant(number)))
    out += fmt::format(", and in {} of {} with all but it", without->bad, without->runs);
  return out;
}

/// Never "100 %": counts of boots cannot say that.
std::string sure_words(double confidence) {
  return confidence > 0.9999 ? "more than 99.99 %" : fmt::format("{:.4g} %", 100 * confidence);
}

std::string why_regression(const Input& input, const Finding& finding) {
  std::string out;
  if (finding.test.empty() && finding.kernel.empty()) {
    out =
        "It is laid to the series: both sides were measured in pairs of boots on one machine, and "
        "the whole interval of the change is on the worse side";
  } else {
    out =
        "It is laid to the series: the same machine booted both kernels in turns and only the "
        "series differs between them";
    if (finding.confidence > 0) out += ", which is " + sure_words(finding.confidence) + " sure";
  }
  const std::string culprit = culprit_words(input, finding);
  if (!culprit.empty()) out += "; " + culprit;
  return out + ".";
}

std::string why_flaky(const Judged& judged) {
  if (judged.only_patched)
    return "It is neither laid to the series nor is the series cleared: it went bad with it alone, "
           "but in too few of the boots.";
  return "It is not laid to the series: it goes bad now and then, and not more often with the "
         "series than without.";
}

std::string why_static(const Judged& judged) {
  if (judged.tool == statics::kCheckpatch)
    return "It is the patch as it is written, whatever it does when it runs.";
  return "It is laid to the patch: the same tool does not say it of the source before it.";
}

std::string why_warning(const Judged& judged) {
  if (!judged.tool.empty()) return why_static(judged);
  if (judged.no_baseline)
    return "Whether it is the series cannot be said: the baseline gave no result to hold it "
           "against.";
  if (judged.unconfirmed)
    return "Whether it is the series cannot be said yet: too few boots on both sides show it.";
  return "It is not called a regression: it is bad on both sides, in different ways.";
}

std::string why_not_the_series(const Finding& finding) {
  std::string out = "It is not laid to the series: it is as bad without it";
  if (finding.interaction.find("HIGHMEM") != std::string::npos)
    out += ", and the config decides: " + finding.interaction;
  return out + ".";
}

std::string why_build(const Finding& finding) {
  if (finding.cls == "build-failure")
    return finding.patch.empty()
               ? "It is laid to the series: the baseline builds with the same config and compiler."
               : fmt::format(
                     "It is laid to patch {}: the kernel builds without it, with the same "
                     "config and compiler.",
                     finding.patch);
  return "It is laid to the series: the baseline's build with the same config and compiler does "
         "not "
         "say it.";
}

std::string why(const Input& input, const Judged& judged, const std::string& cls) {
  const Finding& finding = judged.finding;
  if (cls == "regression") return why_regression(input, finding);
  if (cls == "fix")
    return "The series repairs it, or removes what failed: without it the same boots stay bad.";
  if (cls == "flaky") return why_flaky(judged);
  if (cls == "warning") return why_warning(judged);
  if (cls == "coverage-lost")
    return "Nothing shows it to be broken, but what the series does there is not seen any more.";
  if (cls == "not-the-series") return why_not_the_series(finding);
  if (cls == "new-test") return "It did not run without the series, so that nothing is compared.";
  if (cls == "build-failure" || cls == "build-warning") return why_build(finding);
  if (judged.foreign)
    return "It is not laid to the series, which touches nothing of that driver: the tests' own "
           "outcomes count, what this report did to them does not.";
  return "It says nothing of the series: a machine or a tool failed, not the kernel under test.";
}

}  // namespace

std::string explain(const Input& input, const Judged& judged) {
  const Finding& finding = judged.finding;
  const bool known = finding.cls == "known";
  std::string out = what_happened(finding) + " ";
  if (known) {
    out += fmt::format("It is a known issue and does not count here ({}).", finding.known);
  } else {
    out += why(input, judged, finding.cls);
  }
  if (!finding.prior.empty() && !known) {
    out.pop_back();
    out += fmt::format(" ({}).", finding.prior);
  }
  return out;
}

std::string subject_of(const Finding& finding) {
  if (!finding.subject.empty()) return finding.subject;
  if (!finding.test.empty()) return finding.test;
  if (finding.cls == "infrastructure") return "";
  if (!finding.kernel.empty()) return "kernel report: " + name_of(finding.kernel[0]);
  return finding.summary;
}

}  // namespace kiln::verdict
