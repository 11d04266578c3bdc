#pragma once
/// SSH through libssh, the only folder that includes it. A machine is logged in to when a command
/// could run; an accepted TCP connection means nothing.
#include <memory>
#include <string>

#include "agent/machine/shell.h"

namespace kiln::agent {

/// One SSH connection, non-blocking inside: every wait has a bound and heeds the stop token.
/// Used by one thread at a time. The destructor closes the connection without waiting.
class SshShell final : public Shell {
 public:
  /// One try to log in. Errors: kPermission (another host key than the pinned one, or our key is
  /// refused: trying again is of no use), kTimeout, kInfrastructure, kCancelled, kBadInput (a key
  /// file cannot be read).
  static Result<std::unique_ptr<SshShell>> connect(const ShellEndpoint& endpoint, Millis timeout,
                                                   std::stop_token stop);
  ~SshShell() override;
  Result<ShellReply> run(const ShellRequest& request, std::stop_token stop) override;
  [[nodiscard]] bool alive() const override;

 private:
  struct Impl;
  explicit SshShell(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A ShellConnector: tries of 5 s, then 10 s, then 20 s each (a machine under
/// load needs seconds for the handshake) until one logs in, with 100 ms between tries that
/// end at once. kPermission and kBadInput end it early.
Result<std::unique_ptr<Shell>> connect_until(const ShellEndpoint& endpoint, Millis timeout,
                                             const std::function<std::string()>& give_up,
                                             std::stop_token stop);

}  // namespace kiln::agent
