#include "lib/report/kernel_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/report/html_parts.h"
#include "lib/report/text_parts.h"

namespace kiln::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::KernelReport warning() {
  v1::KernelReport report;
  report.set_kind("warning");
  report.set_title("WARNING: CPU: 1 PID: 412 at mm/highmem.c:622 kunmap_local_indexed+0x1/0x2");
  report.set_text("[ 71.1] WARNING: x\n[ 71.2] EIP: shmem_pread+0x2c/0x60 [i915]\n");
  const auto add = [&](const char* function, const char* file, int line, bool inlined) {
    v1::Frame* frame = report.add_frames();
    frame->set_function(function);
    frame->set_module("i915");
    frame->set_file(file);
    frame->set_line(line);
    frame->set_inlined(inlined);
  };
  add("kunmap_local", "include/linux/highmem-internal.h", 120, true);
  add("shmem_pread", "drivers/gpu/drm/i915/i915_gem.c", 233, false);
  add("i915_gem_pread_ioctl", "", 0, false);
  return report;
}

TEST(KernelWords, ADecodedReport) {
  v1::KernelReport report = warning();
  report.set_subsystem("i915");
  report.set_times(3);
  report.set_late(true);
  report.set_seen("this warning already happens on base");
  EXPECT_THAT(
      kernel_report_lines(report, 4),
      ElementsAre("WARNING: CPU: 1 PID: 412 at mm/highmem.c:622 kunmap_local_indexed+0x1/0x2",
                  "in i915; came 3 times; the test had ended already; this warning already happens "
                  "on base",
                  "kunmap_local include/linux/highmem-internal.h:120 (inlined)",
                  "shmem_pread drivers/gpu/drm/i915/i915_gem.c:233",
                  "i915_gem_pread_ioctl [i915]"));
}

TEST(KernelWords, OneThatIsNot) {
  v1::KernelReport report = warning();
  report.clear_frames();
  EXPECT_THAT(kernel_report_places(report), IsEmpty());
  EXPECT_EQ(kernel_report_facts(report), "");
  EXPECT_THAT(
      kernel_report_lines(report, 4),
      ElementsAre("WARNING: CPU: 1 PID: 412 at mm/highmem.c:622 kunmap_local_indexed+0x1/0x2",
                  "EIP: shmem_pread+0x2c/0x60 [i915]"));
  EXPECT_THAT(kernel_report_lines({}, 4), IsEmpty());
}

TEST(KernelWords, StandInAFinding) {
  v1::Finding finding;
  finding.set_class_("regression");
  finding.set_test("igt@gem_pread@basic");
  *finding.add_kernel() = warning();
  finding.mutable_kernel(0)->set_subsystem("i915");
  const std::string text = text_finding(finding);
  EXPECT_THAT(text, HasSubstr("in i915\n"));
  EXPECT_THAT(text, HasSubstr("shmem_pread drivers/gpu/drm/i915/i915_gem.c:233\n"));
  const std::string html = html_finding(finding);
  EXPECT_THAT(html, HasSubstr("in i915"));
  EXPECT_THAT(html, HasSubstr("<li class=\"mono\">shmem_pread "
                              "drivers/gpu/drm/i915/i915_gem.c:233</li>"));
}

}  // namespace
}  // namespace kiln::report
