/// Whole logs and what is cut out of them, against testdata/NAME.reports. KILN_ACCEPT=1 in the
/// environment writes those anew; look at the difference before committing it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lib/base/text.h"
#include "lib/dmesg/report.h"
#include "lib/os/files.h"

namespace kiln::dmesg {
namespace {

const os::Path kFolder = os::Path(KILN_SOURCE_DIR) / "lib/dmesg/testdata";

std::string describe(const Report& report) {
  std::string out =
      fmt::format("lines {}-{}: {}\n", report.first_line, report.last_line, report.title);
  out += fmt::format("  {}\n", report.signature);
  out += fmt::format("  subsystem {}", report.subsystem.empty() ? "-" : report.subsystem);
  if (!report.comm.empty()) out += fmt::format(", comm {}", report.comm);
  if (!report.test.empty())
    out += fmt::format(", test {}{}", report.test, report.late ? " (late)" : "");
  if (report.times > 1) out += fmt::format(", {} times", report.times);
  if (report.kernel_time) out += fmt::format(", at {:.6f}", *report.kernel_time);
  out += "\n";
  std::vector<std::string> frames;
  for (const Frame& frame : report.frames)
    frames.push_back(frame.module.empty() ? frame.function
                                          : fmt::format("{} [{}]", frame.function, frame.module));
  if (!frames.empty()) out += "  " + join(frames, " < ") + "\n";
  const auto lines = split_lines(to_valid_utf8(report.text));
  out += fmt::format("  {} lines of text: {}\n", lines.size(), trim(lines.front()));
  if (lines.size() > 1) out += fmt::format("  ... {}\n", trim(lines.back()));
  return out;
}

TEST(Golden, EveryLogOfTestdata) {
  int logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".log") continue;
    ++logs;
    const auto log = os::read_file(entry.path());
    ASSERT_TRUE(log) << render(log.error());
    std::string got;
    for (const Report& report : cut_reports(*log)) got += describe(report);
    const os::Path path = os::Path(entry.path()).replace_extension(".reports");
    if (std::getenv("KILN_ACCEPT") != nullptr) {
      ASSERT_TRUE(os::write_atomic(path, got)) << path;
      continue;
    }
    const auto wanted = os::read_file(path);
    ASSERT_TRUE(wanted) << render(wanted.error());
    EXPECT_EQ(got, *wanted) << entry.path() << "; KILN_ACCEPT=1 accepts what is cut now";
  }
  EXPECT_GE(logs, 19);
}

}  // namespace
}  // namespace kiln::dmesg
