#include "lib/verdict/foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/text.h"
#include "lib/dmesg/subsystem.h"
#include "lib/verdict/observe.h"
#include "lib/verdict/outcome.h"

namespace kiln::verdict {
namespace {

constexpr size_t kMostEvidence = 6;

/// Boots of one side in which a report was seen.
struct Side {
  std::set<int64_t> seen;
  int boots = 0;
  [[nodiscard]] std::string words() const {
    return fmt::format("{} of {}", seen.size(), count_of(boots, "boot", "boots"));
  }
};

struct Foreign {
  const KernelReport* report = nullptr;
  std::map<std::string, std::map<std::string, Side>> configs;  ///< config -> variant
  std::set<std::string> tests;
};

bool is_side(const std::string& variant) {
  return variant == "baseline" || variant == "patched";
}

int boots_of(const Input& input, const std::string& config, const std::string& variant) {
  return static_cast<int>(
      std::count_if(input.sessions.begin(), input.sessions.end(), [&](const SessionRow& session) {
        return session.config == config && session.variant == variant && usable(session);
      }));
}

std::map<std::string, Foreign> collect(const Input& input) {
  std::map<std::string, Foreign> out;
  for (const SessionRow& session : input.sessions) {
    if (!usable(session) || !is_side(session.variant)) continue;
    for (const KernelReport& report : session.kernel) {
      if (!report.foreign) continue;
      Foreign& one = out[name_of(report)];
      if (one.report == nullptr) one.report = &report;
      one.configs[session.config][session.variant].seen.insert(session.id);
      if (!report.test.empty()) one.tests.insert(report.test);
    }
  }
  for (auto& [name, one] : out)
    for (auto& [config, sides] : one.configs)
      for (const char* variant : {"baseline", "patched"})
        sides[variant].boots = boots_of(input, config, variant);
  return out;
}

}  // namespace

void add_patch(const std::string& subject, const std::vector<std::string>& files, Input* input) {
  input->patch_subjects.push_back(subject);
  std::vector<std::string>& touched = input->touched_files;
  for (const std::string& file : files)
    if (std::find(touched.begin(), touched.end(), file) == touched.end()) touched.push_back(file);
}

void mark_foreign(Input* input) {
  for (SessionRow& session : input->sessions)
    for (KernelReport& report : session.kernel)
      report.foreign =
          dmesg::is_foreign({report.kind, report.title, report.frames}, input->touched_files);
}

std::string own_words(const ResultRow& row, const std::vector<KernelReport>& kernel) {
  const bool any = std::any_of(kernel.begin(), kernel.end(),
                               [](const KernelReport& report) { return report.foreign; });
  if (!any || row.kernel_words.empty()) return row.kernel_words;
  std::set<std::string, std::less<>> theirs;
  for (const KernelReport& report : kernel)
    if (report.foreign)
      for (const std::string& line : split_lines(report.text))
        theirs.insert(std::string(message_of(line)));
  std::string out;
  for (const std::string& line : split_lines(row.kernel_words))
    if (!theirs.contains(message_of(line))) out += line + "\n";
  return out;
}

std::vector<Judged> foreign_findings(const Input& input) {
  std::vector<Judged> out;
  for (const auto& [name, one] : collect(input)) {
    Judged judged;
    judged.foreign = true;
    Finding& finding = judged.finding;
    finding.cls = "infrastructure";
    finding.subject = name;
    const std::string whose =
        one.report->subsystem.empty() ? "another driver" : one.report->subsystem;
    std::vector<std::string> where;
    for (const auto& [config, sides] : one.configs) {
      const Side& with = sides.at("patched");
      const Side& without = sides.at("baseline");
      where.push_back(fmt::format("{} with the series and {} without it ({})", with.words(),
                                  without.words(), config));
      for (const auto& [variant, side] : sides) {
        CellCounts counts{variant, config, {}, {side.seen.begin(), side.seen.end()}};
        const int seen = static_cast<int>(side.seen.size());
        if (seen > 0) counts.outcomes["report"] = seen;
        if (side.boots > seen) counts.outcomes["clean"] = side.boots - seen;
        finding.counts.push_back(std::move(counts));
        for (const int64_t id : side.seen)
          if (finding.evidence.size() < kMostEvidence)
            finding.evidence.push_back(fmt::format("session {}: {}", id, one.report->title));
      }
    }
    finding.summary =
        fmt::format("the kernel reports \"{}\" of {}, which the series does not touch: in {}",
                    one.report->title, whose, join(where, ", in "));
    if (!one.tests.empty())
      finding.evidence.push_back(
          "while it ran: " +
          join(std::vector<std::string>(one.tests.begin(), one.tests.end()), ", "));
    finding.kernel.push_back(*one.report);
    out.push_back(std::move(judged));
  }
  return out;
}

void say_what_is_old(const Input& input, Finding* finding) {
  if (finding->cls == to_string(Cls::kNotTheSeries)) return;  // the class says it
  for (KernelReport& report : finding->kernel) {
    if (report.foreign || !report.seen.empty()) continue;
    std::map<std::string, Side> by_config;
    for (const SessionRow& session : input.sessions) {
      if (session.variant != "baseline" || !usable(session)) continue;
      for (const KernelReport& other : session.kernel)
        if (name_of(other) == name_of(report)) by_config[session.config].seen.insert(session.id);
    }
    std::vector<std::string> where;
    for (auto& [config, side] : by_config) {
      side.boots = boots_of(input, config, "baseline");
      where.push_back(fmt::format("{} without the series ({})", side.words(), config));
    }
    const std::string what = report.kind.empty() ? "report" : report.kind;
    if (!where.empty()) {
      report.seen = fmt::format("this {} already happens on base: in {}", what, join(where, ", "));
      continue;
    }
    for (const ReportHistory& old : input.old_reports)
      if (old.signature == report.signature && old.boots > 0)
        report.seen = fmt::format("this {} is old: seen without a series in {} of earlier runs",
                                  what, count_of(old.boots, "boot", "boots"));
  }
}

}  // namespace kiln::verdict
