#include "lib/pki/files.h"

#include <fmt/format.h>

namespace kiln::pki {
namespace {

constexpr uint64_t kMaxFile = 256 << 10;

/// The blocks `-----BEGIN ...` of the text whose kind ends with `kind`.
std::string blocks(std::string_view text, std::string_view kind) {
  std::string found;
  for (size_t at = text.find("-----BEGIN "); at != std::string_view::npos;
       at = text.find("-----BEGIN ", at + 1)) {
    const size_t label = at + 11;
    const size_t dashes = text.find("-----", label);
    const size_t end = text.find("-----END ", label);
    if (dashes == std::string_view::npos || end == std::string_view::npos || dashes > end) break;
    const size_t line = text.find('\n', end);
    if (text.substr(label, dashes - label).ends_with(kind)) {
      found += text.substr(at, line == std::string_view::npos ? line : line + 1 - at);
      if (found.back() != '\n') found += '\n';
    }
  }
  return found;
}

/// kPermission when others may read it, too.
Result<std::string> read_secret(const os::Path& file) {
  using std::filesystem::perms;
  std::error_code code;
  const auto status = std::filesystem::status(file, code);
  if (std::filesystem::exists(status) &&
      (status.permissions() & (perms::group_all | perms::others_all)) != perms::none) {
    return fail(Error(ErrorKind::kPermission,
                      fmt::format("{} holds a key and can be read by others", file.string()))
                    .with_hint(fmt::format("chmod 600 {}", file.string())));
  }
  return os::read_file(file, kMaxFile);
}

}  // namespace

Status write_identity(const os::Path& file, const Identity& identity) {
  KILN_TRY(check_pair(identity));
  return os::write_atomic(file, identity.key + identity.certificates, 0600);
}

Result<Identity> read_identity(const os::Path& file) {
  KILN_ASSIGN(const std::string text, read_secret(file));
  Identity identity{blocks(text, "PRIVATE KEY"), blocks(text, "CERTIFICATE")};
  if (const Status pair = check_pair(identity); !pair)
    return fail(Error(pair.error()).while_doing("while reading " + file.string()));
  return identity;
}

Status write_request(const os::Path& file, const Request& request) {
  KILN_TRY(read_request(request.csr));
  return os::write_atomic(file, request.key + request.csr, 0600);
}

Result<Request> read_request_file(const os::Path& file) {
  KILN_ASSIGN(const std::string text, read_secret(file));
  Request request{blocks(text, "PRIVATE KEY"), blocks(text, "CERTIFICATE REQUEST")};
  if (auto facts = read_request(request.csr); !facts)
    return fail(std::move(facts).error().while_doing("while reading " + file.string()));
  return request;
}

Status write_certificate(const os::Path& file, std::string_view pem) {
  KILN_TRY(read_certificate(pem));
  return os::write_atomic(file, pem, 0644);
}

Result<std::string> read_certificate_file(const os::Path& file) {
  KILN_ASSIGN(std::string text, os::read_file(file, kMaxFile));
  if (auto facts = read_certificate(text); !facts)
    return fail(std::move(facts).error().while_doing("while reading " + file.string()));
  return text;
}

}  // namespace kiln::pki
