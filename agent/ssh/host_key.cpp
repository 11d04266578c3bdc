#include "agent/ssh/host_key.h"

#include "agent/ssh/connecting.h"

namespace kiln::agent {
namespace {

Result<HostKey> describe(ssh_key key) {
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK || text == nullptr)
    return fail(ErrorKind::kInternal, "libssh cannot write the host key");
  HostKey out{fmt::format("{} {}", ssh_key_type_to_char(ssh_key_type(key)), text),
              fingerprint(key)};
  ssh_string_free_char(text);
  return out;
}

}  // namespace

void set_address(ssh_session session, const std::string& host, int port) {
  const int no = 0;
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
  ssh_options_set(session, SSH_OPTIONS_HOST, host.c_str());
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
  ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
}

std::string fingerprint(ssh_key key) {
  unsigned char* hash = nullptr;
  size_t length = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0) return "?";
  char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
  std::string out = text != nullptr ? text : "?";
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return out;
}

Result<HostKey> fetch_host_key(const std::string& host, int port, Millis timeout,
                               std::stop_token stop) {
  const SessionHandle session(ssh_new());
  if (session == nullptr) return fail(ErrorKind::kInternal, "libssh gave no session");
  set_address(session.get(), host, port);
  ssh_options_set(session.get(), SSH_OPTIONS_HOSTKEYS,
                  "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256");
  ssh_set_blocking(session.get(), 0);
  const std::string where = fmt::format("SSH to {}:{}", host, port);
  KILN_ASSIGN(const int connected,
              until_done(
                  session.get(), [&] { return ssh_connect(session.get()); }, SSH_AGAIN,
                  std::chrono::steady_clock::now() + timeout, stop, where));
  if (connected != SSH_OK)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{}: {}", where, ssh_get_error(session.get())));
  ssh_key shown = nullptr;
  if (ssh_get_server_publickey(session.get(), &shown) != SSH_OK)
    return fail(ErrorKind::kInfrastructure, where + ": the machine showed no host key");
  const KeyHandle key(shown);
  return describe(key.get());
}

Result<HostKey> read_host_key(const std::string& file) {
  ssh_key read = nullptr;
  if (ssh_pki_import_pubkey_file(file.c_str(), &read) != SSH_OK)
    return fail(ErrorKind::kBadInput, "cannot read the host key " + file);
  const KeyHandle key(read);
  return describe(key.get());
}

}  // namespace kiln::agent
