#pragma once
/// The values that the tests compare with: testdata/oracle.json, written by oracle.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "lib/stats/student.h"

namespace kiln::stats {

using Values = std::vector<double>;

inline const nlohmann::json& oracle() {
  static const nlohmann::json kOracle =
      nlohmann::json::parse(std::ifstream(KILN_SOURCE_DIR "/lib/stats/testdata/oracle.json"));
  return kOracle;
}

/// Equal to 1e-9, relative to values above 1.
inline void expect_close(double got, const nlohmann::json& wanted, const char* what) {
  const double value = wanted.get<double>();
  EXPECT_NEAR(got, value, 1e-9 * std::max(1.0, std::fabs(value))) << what;
}

inline void expect_interval(const Interval& got, const nlohmann::json& wanted, const char* what) {
  expect_close(got.low, wanted[0], what);
  expect_close(got.high, wanted[1], what);
}

}  // namespace kiln::stats
