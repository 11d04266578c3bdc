#pragma once
/// Whole rendered texts against files in testdata/. KILN_ACCEPT=1 in the environment writes them
/// anew; look at the difference before committing it. For tests only.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "lib/os/files.h"

namespace kiln::report::testing {

inline void expect_golden(const std::string& name, const std::string& got) {
  const os::Path path = os::Path(KILN_SOURCE_DIR) / "lib/report/testdata" / name;
  if (std::getenv("KILN_ACCEPT") != nullptr) {
    ASSERT_TRUE(os::write_atomic(path, got)) << path;
    return;
  }
  const auto wanted = os::read_file(path);
  ASSERT_TRUE(wanted) << path << ": " << render(wanted.error());
  EXPECT_EQ(got, *wanted) << name << " differs; KILN_ACCEPT=1 accepts what is rendered now";
}

}  // namespace kiln::report::testing
