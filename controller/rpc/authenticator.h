#pragma once
/// The guards of the network ports: nobody comes to a service whom the gate does not admit, and
/// what changes something is in the audit. Safe for concurrent use; never waits.
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "controller/access/audit_log.h"
#include "controller/access/gate.h"
#include "lib/rpc/credentials.h"

namespace kiln::controller {

/// For ServerCredentials::SetAuthMetadataProcessor() of a TLS port. gRPC does not say from which
/// address a refused call came: its audit has what it claimed to be.
class Authenticator final : public grpc::AuthMetadataProcessor {
 public:
  /// The gate and the audit must outlive the server.
  Authenticator(Port port, Gate& gate, AuditLog& audit) : port_(port), gate_(gate), audit_(audit) {}
  [[nodiscard]] bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* connection,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  const Port port_;
  Gate& gate_;
  AuditLog& audit_;
};

/// For ServerBuilder::experimental().SetInterceptorCreators(): the audit of changing calls, with
/// their outcome, on every port of the server.
class CallAudit final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallAudit(Gate& gate, AuditLog& audit) : gate_(gate), audit_(audit) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  Gate& gate_;
  AuditLog& audit_;
};

/// For each server, once: bounds against strangers, and the audit of its calls, and `further` ones
/// who look at them. After rpc::configure().
void guard(grpc::ServerBuilder& builder, Gate& gate, AuditLog& audit,
           std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
               further = {});
/// A TLS port of the server ("0.0.0.0:7070"): users come without a certificate, agents with one.
/// `bound` gets its number when the server has started, 0 = it could not be opened.
void add_port(grpc::ServerBuilder& builder, const std::string& address, Port port,
              const rpc::TlsFiles& files, Gate& gate, AuditLog& audit, int* bound);

}  // namespace kiln::controller
