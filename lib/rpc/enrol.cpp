#include "lib/rpc/enrol.h"

#include <fmt/format.h>

#include "kiln/v1/access.grpc.pb.h"
#include "lib/pki/fetch.h"
#include "lib/pki/files.h"
#include "lib/rpc/status.h"

namespace kiln::rpc {
namespace {

os::Path pending_file(const os::Path& folder) {
  return folder / "agent.pending.pem";
}

/// The key that a lost answer was for, or a new one; on disk before anybody is asked.
Result<pki::Request> pending_request(const os::Path& folder, const std::string& agent) {
  if (auto kept = pki::read_request_file(pending_file(folder))) {
    const auto facts = pki::read_request(kept->csr);
    if (facts && facts->name == agent) return std::move(*kept);
  }
  KILN_ASSIGN(pki::Request request, pki::make_request(agent));
  KILN_TRY(os::make_dirs(folder));
  KILN_TRY(pki::write_request(pending_file(folder), request));
  return request;
}

/// What came back is for our key, from the authority; then it replaces what was there.
Result<pki::Facts> keep(const os::Path& folder, const pki::Request& request,
                        const std::string& certificate, const std::string& ca, WallTime now) {
  KILN_TRY(pki::check(certificate, ca, pki::Purpose::kAgent, now));
  KILN_TRY(pki::write_certificate(folder / "ca.crt", ca));
  KILN_TRY(pki::write_identity(folder / "agent.pem", {request.key, certificate}));
  std::error_code code;
  std::filesystem::remove(pending_file(folder), code);
  return pki::read_certificate(certificate);
}

}  // namespace

TlsFiles agent_files(const os::Path& folder) {
  return {(folder / "agent.pem").string(), (folder / "ca.crt").string()};
}

Result<pki::Facts> enrol(const EnrolAsk& ask) {
  KILN_TRY(pki::check_agent_name(ask.agent));
  KILN_ASSIGN(const std::string ca,
              pki::fetch_authority(ask.target, ask.ca_fingerprint, ask.timeout));
  KILN_ASSIGN(const pki::Request request, pending_request(ask.folder, ask.agent));
  KILN_ASSIGN(const auto credentials, user_credentials(ca, ""));
  const auto stub = v1::Enrolment::NewStub(make_channel(ask.target, credentials));
  grpc::ClientContext context;
  set_deadline(context, ask.timeout);
  v1::EnrolRequest message;
  message.set_code(ask.code);
  message.set_csr(request.csr);
  v1::EnrolReply reply;
  const grpc::Status status = stub->Enrol(&context, message, &reply);
  if (!status.ok()) return fail(from_grpc(status, fmt::format("enrolling at {}", ask.target)));
  return keep(ask.folder, request, reply.certificate(), ca, SystemClock().now());
}

Result<bool> renew_when_due(const std::shared_ptr<grpc::Channel>& channel, const os::Path& folder,
                            WallTime now, Millis timeout) {
  KILN_ASSIGN(const pki::Identity identity, pki::read_identity(folder / "agent.pem"));
  KILN_ASSIGN(const pki::Facts facts, pki::read_certificate(identity.certificates));
  if (!pki::needs_renewal(facts, now)) return false;
  KILN_ASSIGN(const std::string ca, pki::read_certificate_file(folder / "ca.crt"));
  KILN_ASSIGN(const pki::Request request, pki::make_request(facts.name));
  const auto stub = v1::Enrolment::NewStub(channel);
  grpc::ClientContext context;
  set_deadline(context, timeout);
  v1::RenewRequest message;
  message.set_csr(request.csr);
  v1::EnrolReply reply;
  const grpc::Status status = stub->Renew(&context, message, &reply);
  if (!status.ok()) return fail(from_grpc(status, "renewing the certificate"));
  KILN_TRY(keep(folder, request, reply.certificate(), ca, now));
  return true;
}

}  // namespace kiln::rpc
