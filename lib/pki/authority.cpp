#include "lib/pki/authority.h"

#include <fmt/format.h>

namespace kiln::pki {
namespace {

constexpr const char* kKeyFile = "ca.pem";

}  // namespace

Status Authority::create(const os::Path& folder, const std::string& lab,
                         const std::vector<std::string>& hosts, WallTime now) {
  std::error_code code;
  if (std::filesystem::exists(folder / kKeyFile, code)) {
    return fail(Error(ErrorKind::kConflict,
                      fmt::format("there is an authority in {} already", folder.string()))
                    .with_hint("every agent and user knows this one: keep it"));
  }
  KILN_ASSIGN(const Identity ca, make_ca(lab, now));
  KILN_ASSIGN(const Identity server, make_server(ca, hosts, now));
  // Beside its place, readable by its owner alone: a lab whose making was cut off is none.
  const os::Path parent = folder.has_parent_path() ? folder.parent_path() : os::Path(".");
  KILN_ASSIGN(const os::TempFolder temp, os::TempFolder::make(parent, ".pki-"));
  const os::Path whole = temp.path() / "pki";
  KILN_TRY(os::make_dirs(whole));
  std::filesystem::permissions(whole, std::filesystem::perms::owner_all, code);
  KILN_TRY(write_identity(whole / "server.pem", server));
  KILN_TRY(write_certificate(whole / "ca.crt", ca.certificates));
  KILN_TRY(write_identity(whole / kKeyFile, ca));
  std::filesystem::rename(whole, folder, code);
  if (code) return fail(os::errno_error("make the folder", folder, code.value()));
  return {};
}

Result<Authority> Authority::open(const os::Path& folder) {
  auto identity = read_identity(folder / kKeyFile);
  if (!identity) {
    Error error = std::move(identity).error();
    if (error.kind == ErrorKind::kNotFound) error.hint = "kiln lab init makes an authority";
    return fail(std::move(error));
  }
  KILN_ASSIGN(const Facts facts, read_certificate(identity->certificates));
  if (!facts.authority)
    return fail(ErrorKind::kBadInput,
                fmt::format("{} holds no authority's certificate", (folder / kKeyFile).string()));
  return Authority(folder, std::move(*identity));
}

Result<std::string> Authority::fingerprint() const {
  KILN_ASSIGN(const Facts facts, read_certificate(identity_.certificates));
  return facts.fingerprint;
}

Result<std::string> Authority::sign_agent(const std::string& csr, const std::string& agent,
                                          WallTime now, Millis lifetime) const {
  return pki::sign_agent(identity_, csr, agent, now, lifetime);
}

Result<bool> Authority::renew_server(WallTime now) {
  const std::lock_guard lock(server_);
  KILN_ASSIGN(const Identity server, read_identity(server_file()));
  KILN_ASSIGN(const Facts facts, read_certificate(server.certificates));
  if (!needs_renewal(facts, now)) return false;
  KILN_ASSIGN(const Identity renewed, make_server(identity_, facts.hosts, now));
  KILN_TRY(write_identity(server_file(), renewed));
  return true;
}

Result<bool> Authority::set_hosts(const std::vector<std::string>& hosts, WallTime now) {
  const std::lock_guard lock(server_);
  if (const auto server = read_identity(server_file())) {
    const auto facts = read_certificate(server->certificates);
    if (facts && facts->hosts == hosts) return false;
  }
  KILN_ASSIGN(const Identity renewed, make_server(identity_, hosts, now));
  KILN_TRY(write_identity(server_file(), renewed));
  return true;
}

}  // namespace kiln::pki
