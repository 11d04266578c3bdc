#pragma once
/// How an agent comes to its certificate and keeps it valid. Its key is made here and never leaves.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "lib/pki/pki.h"
#include "lib/rpc/credentials.h"

namespace kiln::rpc {

/// Where an agent keeps them: FOLDER/agent.pem and FOLDER/ca.crt.
TlsFiles agent_files(const os::Path& folder);

struct EnrolAsk {
  std::string target;  ///< host:port of the controller
  std::string code;
  std::string agent;           ///< its name: the one that the code was made for
  std::string ca_fingerprint;  ///< of the lab's authority, shown with the code
  os::Path folder;             ///< gets agent.pem and ca.crt
  Millis timeout{15'000};
};
/// The agent's new certificate, whose files are written. May be repeated when the answer was lost:
/// the same key is tried again.
Result<pki::Facts> enrol(const EnrolAsk& ask);

/// A new key and certificate when two thirds of the old one's life are over; true = there is one.
/// `channel` was made with agent_credentials() of the folder; its next connections use the new one.
Result<bool> renew_when_due(const std::shared_ptr<grpc::Channel>& channel, const os::Path& folder,
                            WallTime now, Millis timeout = Millis(15'000));

}  // namespace kiln::rpc
