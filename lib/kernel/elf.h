#pragma once
/// The GNU build id of an ELF file (vmlinux, a module). Bounded: reads headers and notes only.
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::kernel {

/// Build id as lower-case hex of a 32- or 64-bit little-endian ELF file, from its note segments,
/// else from its note sections (a relocatable module has no segments).
/// kBadInput when it is no ELF file or is cut off, kNotFound when it has no build id.
Result<std::string> elf_build_id(const os::Path& path);

/// Build id out of raw note data (/sys/kernel/notes), "" when there is none.
std::string build_id_of_notes(std::string_view notes, size_t align = 4);

}  // namespace kiln::kernel
