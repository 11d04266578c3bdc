#pragma once
/// How a lab's authority is learnt by its fingerprint alone.
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::pki {

/// Connects to "host:port" and takes from what the server shows the certificate with this SHA-256
/// (hex digits, colons and "sha256:" are let pass); PEM. Nothing else of the server is believed.
/// kPermission when the server shows others only. Blocks up to `timeout` (and the resolver's own).
Result<std::string> fetch_authority(const std::string& target, const std::string& fingerprint,
                                    Millis timeout);
/// 64 small hex digits, or kBadInput.
Result<std::string> plain_fingerprint(const std::string& text);

}  // namespace kiln::pki
