#pragma once
/// A kernel report's stack as files and lines.
///
/// Kiln's kernels are built without debug information. It is made for the compilations that a
/// stack names, and only when there is a stack to decode: each is compiled once more with -g, which
/// changes no code, and what comes out must be the kernel's function byte for byte, else its lines
/// are not believed (docs/decisions/0007-lines-on-demand.md).
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/dmesg/frame.h"
#include "lib/dmesg/stack.h"
#include "lib/os/files.h"

namespace kiln::symbols {

/// A finished build, as decoding needs it.
class Build {
 public:
  virtual ~Build() = default;
  /// Its object folder on this computer, as make left it.
  [[nodiscard]] virtual os::Path objects() const = 0;
  /// The same folder, the sources, and run()'s folder for results, by the names they have in run().
  [[nodiscard]] virtual std::string objects_inside() const = 0;
  [[nodiscard]] virtual std::string sources_inside() const = 0;
  [[nodiscard]] virtual std::string out_inside() const = 0;
  /// Runs a shell's script in the object folder, which it cannot change, with the build's sources
  /// and tools, nothing else of this computer, and `out` to write to. A failing script is no Error.
  virtual Status run(const std::string& script, const os::Path& out, std::stop_token stop) = 0;
};

struct Decoded {
  /// Innermost first; a function's frame follows those that were inlined into it.
  std::vector<dmesg::Frame> frames;
  int with_line = 0;               ///< functions of the stack (not inlined ones) that got a line
  std::vector<std::string> notes;  ///< why others got none, a sentence each
};

/// `temp` is a folder for files that are removed again. Errors are of this computer (no space,
/// stopped, time out); a function that cannot be decoded keeps its frame without a line.
Result<Decoded> decode(const std::vector<dmesg::StackEntry>& stack, Build& build,
                       const os::Path& temp, std::stop_token stop = {});

}  // namespace kiln::symbols
