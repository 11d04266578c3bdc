#pragma once
/// The dashboard's built files, held in memory. For one thread at a time.
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "lib/http/server.h"
#include "lib/os/files.h"

namespace kiln::controller {

class AppFiles {
 public:
  /// A folder without index.html: the app is not built, which a page then says.
  explicit AppFiles(os::Path folder) : folder_(std::move(folder)) {}

  /// A file, or index.html for what is no file's name: the app knows its own addresses.
  http::ServerResponse page(const http::ServerRequest& request);

 private:
  struct File {
    std::string type, bytes, etag;
    std::string packed;  ///< gzip, "" = it would not be smaller
    bool forever = false;
  };
  using Files = std::map<std::string, File>;  ///< by path, "/assets/app-3f9c.js"

  /// Reads the files again when they were built again.
  void look();
  static Files read(const os::Path& folder);

  os::Path folder_;
  Files files_;
  std::filesystem::file_time_type built_{};
  std::chrono::steady_clock::time_point looked_{};
};

/// Headers of every answer of the dashboard.
http::Headers page_headers();

}  // namespace kiln::controller
