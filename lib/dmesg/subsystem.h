#pragma once
/// Whose code a kernel report is about, and whether a series can have to do with it. Pure.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dmesg/frame.h"

namespace kiln::dmesg {

/// What is looked at of a report.
struct Origin {
  std::string_view kind;
  std::string_view title;
  std::span<const Frame> frames;  ///< innermost first
};

/// "i915", "drm", "virtio_net", "ext4", "mm", ...; "" = cannot be told. By the files of decoded
/// frames, by modules, by functions' prefixes, else by the title. A helper's caller counts: an
/// oops in mm or drm code below an i915 function is i915's.
std::string subsystem_of(const Origin& origin);

/// The same for a source file: "drivers/gpu/drm/i915/i915_gem.c" -> "i915". "" for headers, which
/// belong to whoever includes them.
std::string subsystem_of_file(std::string_view path);

/// Of a series: the subsystems of its files, sorted, each once.
std::vector<std::string> subsystems_of(std::span<const std::string> touched_files);

/// Whether the report is of a driver that cannot have to do with a series that touches these
/// files: a network driver's oops while i915 is changed. Such a report is the machine's own
/// trouble. When in doubt it is not foreign: never for a report of unknown origin, of core code
/// (mm, the scheduler, locking, file systems, the network's core) or of graphics, never for
/// damaged memory, which anybody may stumble on, never when the series touches core code or common
/// headers, or when one of the stack's functions is of a touched subsystem.
bool is_foreign(const Origin& origin, std::span<const std::string> touched_files);

}  // namespace kiln::dmesg
