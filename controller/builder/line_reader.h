#pragma once
/// A build as lib/symbols decodes it: its sources, objects and compiler in the build sandbox.
#include "controller/builder/kernel_make.h"
#include "lib/symbols/decode.h"

namespace kiln::builder {

/// Not safe for concurrent use. What it is given must outlive it.
class LineReader final : public symbols::Build {
 public:
  LineReader(const KernelMake& make, SourceView sources, os::Path objects, Millis timeout)
      : make_(make),
        sources_(std::move(sources)),
        objects_(std::move(objects)),
        timeout_(timeout) {}

  // symbols::Build
  [[nodiscard]] os::Path objects() const override { return objects_; }
  [[nodiscard]] std::string objects_inside() const override { return kObjectsInside; }
  [[nodiscard]] std::string sources_inside() const override { return kSourceInside; }
  [[nodiscard]] std::string out_inside() const override { return kOutInside; }
  Status run(const std::string& script, const os::Path& out, std::stop_token stop) override;

 private:
  const KernelMake& make_;
  SourceView sources_;
  os::Path objects_;
  Millis timeout_;
};

}  // namespace kiln::builder
