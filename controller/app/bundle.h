#pragma once
/// A job that was handed in with its files: written below a folder of its own, from which it is
/// read as if it stood there. Everything in it is hostile.
#include <cstdint>
#include <string>

#include "controller/scheduler/preparer.h"
#include "kiln/v1/lab.pb.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct BundleLimits {
  uint64_t max_bytes = 64ULL << 20;
  size_t max_files = 5000;
};

/// Files of one submission; a folder that was not kept is removed with it.
class Bundle {
 public:
  /// A new folder in `parent`, which is made when missing.
  static Result<Bundle> create(const os::Path& parent, BundleLimits limits = {});
  ~Bundle();
  Bundle(Bundle&& other) noexcept;
  Bundle& operator=(Bundle&&) = delete;
  Bundle(const Bundle&) = delete;

  /// kBadInput: a path that leaves the folder, too many files, too many bytes.
  Status add(const v1::SubmitFile& part);
  /// kBadInput when no such file or folder was added.
  [[nodiscard]] Status find(const std::string& path) const;
  /// What the job's paths may not leave.
  [[nodiscard]] os::Path root() const { return folder_ / "root"; }
  [[nodiscard]] std::string name() const { return folder_.filename().string(); }
  void keep() { kept_ = true; }

 private:
  Bundle(os::Path folder, BundleLimits limits) : folder_(std::move(folder)), limits_(limits) {}

  os::Path folder_;
  BundleLimits limits_;
  uint64_t bytes_ = 0;
  size_t files_ = 0;
  std::string last_;
  bool kept_ = false;
};

/// Where the job stands among the files that were handed in: the lines of the file `job` beside
/// them.
Result<scheduler::JobSource> bundled_job(const os::Path& root);

}  // namespace kiln::controller
