#pragma once
/// zstd over files with bounded memory.
#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/base/result.h"
#include "lib/blob/file.h"

namespace kiln::blob {

/// Does a sample of the file (its first piece, and one from the middle) shrink by a fifth?
Result<bool> worth_compressing(File* file);

/// All of `from` as one frame (level 3, content size stored, checksum) into `to`.
Status compress(File* from, File* to);

/// The content size that the frame states. kInternal when it states none.
Result<uint64_t> content_size(File* from);

/// The content in pieces, until sink returns false. kInternal when the frame is damaged or cut.
Status decompress(File* from, const std::function<bool(std::string_view)>& sink);

}  // namespace kiln::blob
