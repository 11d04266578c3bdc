#pragma once
/// Build outputs as files for the artifact store: same content, same bytes.
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

/// One file as a zstd frame that knows its content's size.
Status compress_file(const os::Path& source, const os::Path& target);

Result<std::string> compress(std::string_view bytes);

}  // namespace kiln::builder
