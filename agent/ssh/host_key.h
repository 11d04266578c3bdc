#pragma once
/// The key by which a machine's SSH server shows who it is, for pinning it.
#include <stop_token>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::agent {

struct HostKey {
  std::string line{};         ///< "ssh-ed25519 AAAA...": a .pub file's
  std::string fingerprint{};  ///< "SHA256:...", as `ssh-keygen -l` says
};

/// Asks the server, logs in to nothing and believes nothing: what it shows is to be compared with
/// what the machine itself says. Its Ed25519 key when it has one. kTimeout, kInfrastructure,
/// kCancelled.
Result<HostKey> fetch_host_key(const std::string& host, int port, Millis timeout,
                               std::stop_token stop);

/// The key of a .pub file. kBadInput.
Result<HostKey> read_host_key(const std::string& file);

}  // namespace kiln::agent
