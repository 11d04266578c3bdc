#pragma once
/// What goes of a cache that has grown too large: the least recently used, whole or not at all.
#include <filesystem>
#include <functional>
#include <vector>

#include "lib/os/files.h"

namespace kiln::os {

/// A file or folder of a cache.
struct CacheEntry {
  Path path;
  uint64_t bytes = 0;
  std::filesystem::file_time_type used{};
  bool kept = false;  ///< in use: stays whatever the limit says
};

/// Removes entries, the least recently used first, until the rest takes at most `limit` bytes. Each
/// gets the name PATH.tmp before it goes: a half-removed one is never taken for whole, and whoever
/// opens the cache removes what has that name. An entry that is gone already is no error.
Status evict(std::vector<CacheEntry> entries, uint64_t limit);

/// The same for a cache whose entries are the files below `folder`, used when they were last
/// written; `kept` is asked of each name.
Status evict_files(const Path& folder, uint64_t limit,
                   const std::function<bool(const Path& name)>& kept = nullptr);

}  // namespace kiln::os
