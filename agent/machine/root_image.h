#pragma once
/// The embedded machine's root image: made from a recipe folder, found again by its digest.
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct RootImage {
  os::Path folder;
  std::string digest;     ///< of the recipe
  std::string test_root;  ///< where IGT's tests are inside
  std::string igt_version;
  [[nodiscard]] os::Path disk() const { return folder / "root.img"; }
  [[nodiscard]] os::Path client_key() const { return folder / "id_ed25519"; }
  [[nodiscard]] os::Path host_key() const { return folder / "host_key.pub"; }
};

/// Digest over the names, modes and contents of a recipe's files.
Result<std::string> recipe_digest(const os::Path& recipe);

/// Runs `RECIPE/build OUT_DIR` when no image of the recipe's present state is there. An image
/// appears under IMAGES/DIGEST by one rename, whole or not at all. Safe for concurrent use; a
/// second caller waits for the first.
class RootImages {
 public:
  RootImages(os::Path recipe, os::Path images)
      : recipe_(std::move(recipe)), images_(std::move(images)) {}
  /// `progress` gets lines for people. Errors: kNoSpace, kBadInput (no recipe), kInfrastructure
  /// with the command and its last lines.
  Result<RootImage> ensure(const std::function<void(const std::string&)>& progress,
                           std::stop_token stop);

 private:
  Status build(const os::Path& target, const std::function<void(const std::string&)>& progress,
               std::stop_token stop);
  os::Path recipe_;
  os::Path images_;
  std::timed_mutex mutex_;
};

}  // namespace kiln::agent
