/// Feeds bytes to the series reader as one message: a series or an error that renders, no more.
#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/base/text.h"
#include "lib/series/series.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto series = kiln::series::assemble({{"0001-fuzz.patch", text}}, "fuzz");
  if (!series) {
    const std::string shown = kiln::render(series.error());
    if (shown.empty() || kiln::to_valid_utf8(shown) != shown) __builtin_trap();
    return 0;
  }
  if (series->patches.empty()) __builtin_trap();
  for (const kiln::series::Patch& patch : series->patches) {
    if (patch.files.empty()) __builtin_trap();
    for (const kiln::series::FileChange& file : patch.files)
      if (file.path.empty() || file.path[0] == '/') __builtin_trap();
  }
  return 0;
}
