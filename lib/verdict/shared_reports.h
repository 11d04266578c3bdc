#pragma once
/// Tests of one config that went bad with the same kernel report are one cause: one of them is
/// confirmed, and speaks for the others. Pure.
#include <map>
#include <set>
#include <string>

#include "lib/verdict/classify.h"

namespace kiln::verdict {

/// A confirmed regression that another test is told by.
struct Speaker {
  std::string test;
  std::string signature;
  double confidence = 0;
};

struct SharedReports {
  /// Tests that need no boots of their own for now: one of the same report is being confirmed.
  std::set<std::string> waiting;
  /// Tests seen once, with the report that came again in the confirming boots of the speaker.
  std::map<std::string, Speaker> told_by;
};

/// Of all tests that went bad in the first boots with a kernel report which no boot without the
/// series has, by signature: the first in planned order that still can be confirmed is; when it
/// turns out to be no regression, or its report does not come again, the next one's turn comes.
SharedReports shared_reports(const Input& input, const ConfigView& view,
                             const stats::RateRules& rules);

}  // namespace kiln::verdict
