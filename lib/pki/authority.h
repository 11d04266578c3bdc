#pragma once
/// A lab's authority in its folder: ca.pem (its key, never leaves the controller), ca.crt (for
/// everybody), server.pem (the controller's own key and certificate).
#include <mutex>
#include <string>
#include <vector>

#include "lib/pki/files.h"

namespace kiln::pki {

/// Safe for concurrent use. The key is in memory while it lives.
class Authority {
 public:
  /// Makes the folder with the three files, all or nothing. kConflict when there is an authority
  /// already: another one would make every agent and user a stranger.
  static Status create(const os::Path& folder, const std::string& lab,
                       const std::vector<std::string>& hosts, WallTime now);
  static Result<Authority> open(const os::Path& folder);
  Authority(Authority&& other) noexcept
      : folder_(std::move(other.folder_)), identity_(std::move(other.identity_)) {}

  [[nodiscard]] const std::string& certificate() const { return identity_.certificates; }
  /// sha256 of its certificate: how agents and users know it at first sight.
  [[nodiscard]] Result<std::string> fingerprint() const;
  [[nodiscard]] Result<std::string> sign_agent(const std::string& csr, const std::string& agent,
                                               WallTime now,
                                               Millis lifetime = kAgentLifetime) const;
  /// A new key and certificate for the server when the old one's time comes; true when it did so.
  Result<bool> renew_server(WallTime now);
  /// The server's names and addresses from now on; true when they were others.
  Result<bool> set_hosts(const std::vector<std::string>& hosts, WallTime now);

  [[nodiscard]] os::Path ca_file() const { return folder_ / "ca.crt"; }
  [[nodiscard]] os::Path server_file() const { return folder_ / "server.pem"; }

 private:
  Authority(os::Path folder, Identity identity)
      : folder_(std::move(folder)), identity_(std::move(identity)) {}
  os::Path folder_;
  Identity identity_;
  std::mutex server_;  ///< one change of server.pem at a time
};

}  // namespace kiln::pki
