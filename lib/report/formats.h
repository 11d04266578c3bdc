#pragma once
/// A run for other programs: JUnit for build servers, KCIDB for kernelci.org, CSV for tables. Pure;
/// safe for concurrent use. Hostile strings are made harmless for each medium.
#include <string>

#include "kiln/v1/report.pb.h"
#include "lib/base/result.h"

namespace kiln::report {

/// JUnit XML: one testsuite a cell, each test once with the worst of its boots, and one suite
/// "verdict" whose test cases are the findings: of those only regressions fail.
std::string to_junit(const v1::RunReport& report);

struct KcidbOptions {
  std::string origin = "kiln";  ///< the submitting CI system, [a-z0-9_]+
};
/// KCIDB I/O JSON, schema version 5.3: checkouts (a variant each), builds, tests (each result and
/// each measurement of each boot, and lost results), issues for regressions with their incidents.
/// kBadInput for an origin that KCIDB does not take.
Result<std::string> to_kcidb(const v1::RunReport& report, const KcidbOptions& options = {});

/// RFC 4180, one line a measured value, a header line first.
std::string to_csv(const v1::RunReport& report);

}  // namespace kiln::report
