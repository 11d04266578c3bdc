#pragma once
/// Keys and certificates on disk. A key and its certificates are one file, readable by its owner
/// alone: a renewal replaces both at one instant.
#include "lib/os/files.h"
#include "lib/pki/pki.h"

namespace kiln::pki {

/// Mode 0600, atomically; refuses a key that is not the certificate's.
Status write_identity(const os::Path& file, const Identity& identity);
/// kPermission when others may read the file: then the key is no secret.
Result<Identity> read_identity(const os::Path& file);
/// A key that waits for its certificate, with the request for it; mode 0600.
Status write_request(const os::Path& file, const Request& request);
Result<Request> read_request_file(const os::Path& file);
/// A certificate for everybody to read.
Status write_certificate(const os::Path& file, std::string_view pem);
Result<std::string> read_certificate_file(const os::Path& file);

}  // namespace kiln::pki
