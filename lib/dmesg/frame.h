#pragma once
/// One function of a kernel report's stack. Plain data.
#include <string>

namespace kiln::dmesg {

struct Frame {
  std::string function{};  ///< without a compiler's suffix (.isra.0, .cold)
  std::string module{};    ///< "" = built into the kernel
  std::string file{};      ///< relative to the source's root, "" = not decoded
  int line = 0;
  bool inlined = false;  ///< into the next frame that is not
  bool operator==(const Frame&) const = default;
};

}  // namespace kiln::dmesg
