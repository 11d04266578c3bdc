#pragma once
/// Where the functions of a stack lie in a build's object files. Internal.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/dmesg/stack.h"
#include "lib/os/files.h"

namespace kiln::symbols {

/// A function that may be the one of an entry.
struct Candidate {
  size_t entry = 0;  ///< of the stack
  std::string unit;  ///< "drivers/gpu/drm/i915/i915_gem.o"
  std::string section;
  uint64_t function = 0;   ///< offset of the function in its section
  uint64_t address = 0;    ///< of the entry's instruction in its section
  std::string code;        ///< of the function
  bool has_lines = false;  ///< the unit carries line information itself
};

struct Located {
  std::vector<Candidate> candidates;  ///< by entry; several where a name is not unique
  std::vector<std::string> notes;     ///< why an entry has none
};

Located locate(const std::vector<dmesg::StackEntry>& stack, const os::Path& objects);

}  // namespace kiln::symbols
