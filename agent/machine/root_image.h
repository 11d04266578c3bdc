#pragma once
/// The embedded machine's root image: made from a recipe folder, found again by its digest.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/machine/folder_use.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct RootImage {
  os::Path folder;
  std::string digest;     ///< of the recipe
  std::string test_root;  ///< where IGT's tests are inside
  std::string igt_version;
  std::shared_ptr<const FolderUse> use;  ///< the image is not removed while a copy lives
  [[nodiscard]] os::Path disk() const { return folder / "root.img"; }
  [[nodiscard]] os::Path client_key() const { return folder / "id_ed25519"; }
  [[nodiscard]] os::Path host_key() const { return folder / "host_key.pub"; }
};

/// What the root image is at, for people and for whoever plans sessions.
struct ImageNews {
  enum class State {
    kUnknown,  ///< not asked for yet
    kMaking,
    kReady,
    kBroken,  ///< can not be made; this process does not try it again
  };
  State state = State::kUnknown;
  std::string text{};         ///< "root image: downloading packages 3/62", or why it is broken
  std::string igt_version{};  ///< of kReady
  bool operator==(const ImageNews&) const = default;
};

/// Digest over the names, modes and contents of a recipe's files.
Result<std::string> recipe_digest(const os::Path& recipe);

/// Runs `RECIPE/build OUT_DIR` when no image of the recipe's present state is there. An image
/// appears under IMAGES/DIGEST by one rename, whole or not at all; those of other states of the
/// recipe are then removed, unless they are in use. Safe for concurrent use; a second caller waits
/// for the first.
///
/// A recipe that failed is not run again by this object: its error comes back at once, and
/// IMAGES/failed-DIGEST.log keeps all that it said.
class RootImages {
 public:
  RootImages(os::Path recipe, os::Path images)
      : recipe_(std::move(recipe)), images_(std::move(images)) {}

  /// Called with each piece of news, on the thread that brings it. Set before the first ensure().
  void watch(std::function<void(const ImageNews&)> watcher) { watcher_ = std::move(watcher); }
  [[nodiscard]] ImageNews news();

  /// The image if it is there already; makes none and never waits.
  std::optional<RootImage> look();
  /// `progress` gets lines for people, at most one a second but for new steps. Errors: kNoSpace,
  /// kBadInput (no recipe), kInfrastructure or kTimeout with the command and its telling lines,
  /// kCancelled.
  Result<RootImage> ensure(const std::function<void(const std::string&)>& progress,
                           std::stop_token stop);

 private:
  using Progress = std::function<void(const std::string&)>;
  Status wait_turn(std::unique_lock<std::timed_mutex>& lock, const Progress& progress,
                   const std::stop_token& stop);
  Result<RootImage> make(const std::string& digest, const Progress& progress, std::stop_token stop);
  Status build(const os::Path& target, const Progress& progress, std::stop_token stop);
  /// Keeps the log of a failed build and says where.
  Error keep_log(Error error, const os::Path& work, const os::Path& target,
                 const std::string& said);
  void remove_leftovers();
  void remove_others(const os::Path& keep);
  void tell(ImageNews news);

  // Constant after the first ensure().
  os::Path recipe_;
  os::Path images_;
  std::function<void(const ImageNews&)> watcher_{};

  std::timed_mutex mutex_;               ///< of whoever makes an image
  std::map<std::string, Error> failed_;  ///< by digest; with mutex_ held
  Sync<ImageNews> news_;
};

}  // namespace kiln::agent
