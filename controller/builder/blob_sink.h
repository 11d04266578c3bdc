#pragma once
/// Build outputs into the artifact store.
#include "controller/builder/packing.h"
#include "lib/blob/blob_store.h"

namespace kiln::builder {

/// Safe for concurrent use; the store outlives it.
class BlobSink final : public ArtifactSink {
 public:
  explicit BlobSink(blob::BlobStore& store) : store_(store) {}
  Result<std::string> put_file(const os::Path& path) override { return store_.put_file(path); }
  Result<std::string> put(std::string_view bytes) override { return store_.put(bytes); }
  [[nodiscard]] bool has(const std::string& digest) const override { return store_.has(digest); }

 private:
  blob::BlobStore& store_;
};

}  // namespace kiln::builder
