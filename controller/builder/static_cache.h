#pragma once
/// What the static tools said of one state of a series, kept so that it is asked once.
#include <optional>
#include <string>

#include "lib/os/files.h"
#include "lib/statics/statics.h"

namespace kiln::builder {

/// One process a folder. An entry that cannot be read is not there.
class StaticCache {
 public:
  explicit StaticCache(os::Path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::optional<statics::State> find(const std::string& key) const;
  Status put(const std::string& key, const statics::State& state) const;
  /// Keeps it within its limit, the last used longest.
  Status collect() const;

 private:
  os::Path folder_;
};

}  // namespace kiln::builder
