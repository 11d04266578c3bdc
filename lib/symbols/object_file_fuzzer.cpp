/// Feeds bytes to the readers of object files, thin archives and addr2line's words: a series'
/// author decides what they say. No code may lie outside of the file.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/symbols/addr2line.h"
#include "lib/symbols/object_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace symbols = kiln::symbols;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  if (const auto functions = symbols::find_functions(file, {"first", "second", "f"})) {
    const std::less_equal<> not_after;
    for (const symbols::Function& function : functions->found) {
      const std::string_view code = function.code;
      if (code.empty()) continue;
      if (!not_after(file.data(), code.data()) ||
          !not_after(code.data() + code.size(), file.data() + file.size()))
        __builtin_trap();
    }
  }
  if (const auto members = symbols::thin_archive_members(file)) {
    size_t bytes = 0;
    for (const std::string& member : *members) bytes += member.size();
    if (bytes > size) __builtin_trap();
  }
  for (const auto& [address, places] : symbols::read_addr2line(file, "/kiln/src", "/kiln/obj"))
    if (places.empty()) __builtin_trap();
  return 0;
}
