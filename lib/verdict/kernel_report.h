#pragma once
/// One report of the kernel's (oops, WARN, ...), as lib/dmesg cuts it. Plain data.
#include <string>
#include <vector>

#include "lib/dmesg/frame.h"

namespace kiln::verdict {

struct KernelReport {
  std::string kind{};
  std::string title{};
  std::string signature{};
  std::string text{};                  ///< raw bytes
  std::string test{};                  ///< that caused it, "" = none known
  std::string subsystem{};             ///< whose code it is, "" = not known
  std::vector<dmesg::Frame> frames{};  ///< innermost first; with file and line once decoded
  std::string seen{};                  ///< "this oops already happens on base"; the verdict's word
  bool foreign = false;                ///< of a driver the series cannot concern (foreign.h)
  bool late = false;                   ///< `test` had ended already when the report came
  int times = 0;                       ///< how often in this session for this test, 0 = not counted
};

}  // namespace kiln::verdict
