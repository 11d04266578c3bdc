/// Fuzzes test lists and joblist.txt: what is accepted survives being written and read again.
#include <cstdint>
#include <cstdlib>

#include "lib/igt/results.h"
#include "lib/igt/test_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)kiln::igt::parse_joblist(text, 100);
  const auto list = kiln::igt::parse_test_list(text, "x");
  if (!list) {
    if (kiln::render(list.error()).empty()) std::abort();
    return 0;
  }
  const auto names = list->names();
  const auto again = kiln::igt::parse_test_list(kiln::igt::format_test_list(names), "y");
  if (!again || again->names() != names) std::abort();
  if (!kiln::igt::without_finished(names, names).empty()) std::abort();
  return 0;
}
