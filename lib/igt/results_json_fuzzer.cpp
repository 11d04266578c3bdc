/// Fuzzes the reader of results.json.
#include <cstdint>
#include <cstdlib>

#include "lib/igt/results.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kiln::igt::Limits limits;
  limits.max_tests = 50;
  limits.text_bytes = 1024;
  const auto results = kiln::igt::parse_results_json(
      std::string_view(reinterpret_cast<const char*>(data), size), limits);
  if (results.tests.size() > limits.max_tests) std::abort();
  for (const auto& test : results.tests) {
    if (test.outcome.empty() || test.out.size() > 1024 + 64) std::abort();
  }
  return 0;
}
