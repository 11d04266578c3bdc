#include "lib/report/kernel_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {

std::string kernel_report_facts(const v1::KernelReport& report) {
  std::vector<std::string> facts;
  if (!report.subsystem().empty()) facts.push_back("in " + clean_line(report.subsystem()));
  if (report.times() > 1) facts.push_back(fmt::format("came {} times", report.times()));
  if (report.late()) facts.emplace_back("the test had ended already");
  if (!report.seen().empty()) facts.push_back(clean_line(report.seen()));
  return join(facts, "; ");
}

std::vector<std::string> kernel_report_places(const v1::KernelReport& report) {
  std::vector<std::string> out;
  const bool decoded = std::any_of(report.frames().begin(), report.frames().end(),
                                   [](const v1::Frame& frame) { return frame.line() > 0; });
  if (!decoded) return out;
  for (const v1::Frame& frame : report.frames()) {
    std::string line = clean_line(frame.function());
    if (frame.line() > 0) line += fmt::format(" {}:{}", clean_line(frame.file()), frame.line());
    if (frame.line() <= 0 && !frame.module().empty())
      line += fmt::format(" [{}]", clean_line(frame.module()));
    if (frame.inlined()) line += " (inlined)";
    out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> kernel_report_lines(const v1::KernelReport& report, size_t most) {
  std::vector<std::string> places = kernel_report_places(report);
  std::vector<std::string> out;
  if (places.empty()) {
    out = telling_lines(report, most);
  } else {
    out.push_back(clean_line(report.title()));
    for (size_t i = 0; i < places.size() && out.size() < most; ++i)
      out.push_back(std::move(places[i]));
  }
  if (const std::string facts = kernel_report_facts(report); !facts.empty())
    out.insert(out.begin() + (out.empty() ? 0 : 1), facts);
  return out;
}

}  // namespace kiln::report
