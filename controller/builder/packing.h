#pragma once
/// Build outputs as files for the artifact store: same content, same bytes.
#include <functional>
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::builder {

/// Where outputs go: the blob store, or a folder in tests. Safe for concurrent use.
class ArtifactSink {
 public:
  virtual ~ArtifactSink() = default;
  /// Keeps a copy of the file and returns the sha256 of its bytes. Idempotent.
  virtual Result<std::string> put_file(const os::Path& path) = 0;
  virtual Result<std::string> put(std::string_view bytes) = 0;
  [[nodiscard]] virtual bool has(const std::string& digest) const = 0;
};

/// `folder` as tar.zst: entries sorted, times 0, owner 0, modes 0644/0755; symbolic links that
/// point out of it are left away.
Status pack_folder(const os::Path& folder, const os::Path& target, std::stop_token stop = {});

/// Calls `visit` with the name and content of each regular file in a tar (compressed or not). The
/// bytes may come from a test machine: kBadInput when they are no archive or hold more than
/// `max_bytes`; an archive that is cut off gives what came before.
Status read_tar(std::string_view bytes, uint64_t max_bytes,
                const std::function<Status(const std::string& name, std::string content)>& visit);

/// One file as a zstd frame that knows its content's size.
Status compress_file(const os::Path& source, const os::Path& target);

Result<std::string> compress(std::string_view bytes);

}  // namespace kiln::builder
