#include "lib/os/eviction.h"

#include <algorithm>

namespace kiln::os {

Status evict(std::vector<CacheEntry> entries, uint64_t limit) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const CacheEntry& a, const CacheEntry& b) { return a.used < b.used; });
  uint64_t total = 0;
  for (const CacheEntry& entry : entries) total += entry.bytes;
  for (const CacheEntry& entry : entries) {
    if (total <= limit) break;
    if (entry.kept) continue;
    const Path doomed = entry.path.string() + ".tmp";
    KILN_TRY(remove_tree(doomed));  // of a removal that was cut short
    std::error_code error;
    std::filesystem::rename(entry.path, doomed, error);
    if (error && error != std::errc::no_such_file_or_directory)
      return fail(errno_error("remove", entry.path, error.value()));
    KILN_TRY(remove_tree(doomed));
    total -= std::min(total, entry.bytes);
  }
  return {};
}

Status evict_files(const Path& folder, uint64_t limit,
                   const std::function<bool(const Path& name)>& kept) {
  KILN_ASSIGN(const auto files, list_files(folder));
  std::vector<CacheEntry> entries;
  for (const Path& name : files) {
    const Path path = folder / name;
    std::error_code error;
    const auto used = std::filesystem::last_write_time(path, error);
    if (!error)
      entries.push_back({path, os::file_size(path).value_or(0), used, kept && kept(name)});
  }
  return evict(std::move(entries), limit);
}

}  // namespace kiln::os
