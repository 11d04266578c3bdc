#include "lib/rpc/credentials.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>

namespace kiln::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

std::shared_ptr<FileWatcherCertificateProvider> watch(const TlsFiles& files) {
  return std::make_shared<FileWatcherCertificateProvider>(files.identity, files.identity, files.ca,
                                                          files.look_again_seconds);
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> server_credentials(
    const TlsFiles& files, ClientCertificate client,
    std::shared_ptr<grpc::AuthMetadataProcessor> authenticator) {
  grpc::experimental::TlsServerCredentialsOptions options(watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(client == ClientCertificate::kRequired
                                    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                    : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  auto credentials = grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::move(authenticator));
  return credentials;
}

void harden(grpc::ServerBuilder& builder) {
  // The largest honest message is a session's end with its kernel words (agent/link/convert.h).
  builder.SetMaxReceiveMessageSize(16 << 20);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 200);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 << 10);
  // Whoever says nothing, or half of it, is let go.
  builder.AddChannelArgument("grpc.server_handshake_timeout_ms", 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> user_credentials(const std::string& ca_pem,
                                                                   const std::string& token) {
  // An empty text would mean the system's authorities: any of the world's.
  if (ca_pem.empty()) return fail(ErrorKind::kBadInput, "the lab's authority is not known");
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_pem;
  auto channel = grpc::SslCredentials(options);
  if (channel == nullptr) return fail(ErrorKind::kInternal, "TLS cannot be set up");
  if (token.empty()) return channel;
  // gRPC ends a call with odd words when a header's value has other bytes.
  const bool plain = token.size() <= 200 && std::all_of(token.begin(), token.end(), [](char c) {
                       return c > 0x20 && c < 0x7f;
                     });
  if (!plain)
    return fail(Error(ErrorKind::kBadInput, "the token is not one of Kiln's")
                    .with_hint("it looks like kiln_ID_SECRET, in one line"));
  return grpc::CompositeChannelCredentials(channel, grpc::AccessTokenCredentials(token));
}

std::shared_ptr<grpc::ChannelCredentials> agent_credentials(const TlsFiles& files) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace kiln::rpc
