#pragma once
/// TLS for servers and channels, from files that may be replaced while they are in use.
/// Thread-safety: pure functions.
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include <memory>
#include <string>

#include "lib/base/result.h"

namespace kiln::rpc {

/// As lib/pki/files.h writes them. Looked at again every few seconds: new connections get what is
/// there then.
struct TlsFiles {
  std::string identity;  ///< key and certificates in one file, so that they change at one instant
  std::string ca;        ///< the lab's authority
  unsigned look_again_seconds = 10;
};

enum class ClientCertificate {
  kOptional,  ///< users have none; one that comes must be the authority's
  kRequired,  ///< without one there is no connection
};

/// Of a TLS port. `authenticator` sees each call before any service does.
std::shared_ptr<grpc::ServerCredentials> server_credentials(
    const TlsFiles& files, ClientCertificate client,
    std::shared_ptr<grpc::AuthMetadataProcessor> authenticator);
/// Bounds for a server that strangers can reach: sizes, handshakes, silent connections. After
/// configure().
void harden(grpc::ServerBuilder& builder);

/// A user's: only a server of this authority, the token with each call ("" = none). kBadInput when
/// the token cannot be one; the words never hold it.
Result<std::shared_ptr<grpc::ChannelCredentials>> user_credentials(const std::string& ca_pem,
                                                                   const std::string& token);
/// An agent's: shows its certificate, only to a server of its authority.
std::shared_ptr<grpc::ChannelCredentials> agent_credentials(const TlsFiles& files);

}  // namespace kiln::rpc
