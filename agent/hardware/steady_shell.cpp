#include "agent/hardware/steady_shell.h"

#include "lib/base/text.h"

namespace kiln::agent {

SteadyShell::SteadyShell(std::unique_ptr<Shell> shell, std::string boot_id, Connect connect)
    : shell_(std::move(shell)), boot_id_(std::move(boot_id)), connect_(std::move(connect)) {}

Result<ShellReply> SteadyShell::run(const ShellRequest& request, std::stop_token stop) {
  if (shell_ && !shell_->alive()) shell_.reset();
  if (!shell_) {
    if (auto there = reconnect(stop); !there) {
      broke_ = true;
      return fail(std::move(there.error()));
    }
  }
  auto reply = shell_->run(request, stop);
  if (!reply && reply.error().kind == ErrorKind::kInfrastructure) {
    broke_ = true;
    shell_.reset();
  }
  return reply;
}

Status SteadyShell::reconnect(std::stop_token stop) {
  const auto other_boot = [] {
    return fail(ErrorKind::kInfrastructure, "the machine restarted: its boot id has changed");
  };
  if (restarted_) return other_boot();
  if (boot_id_.empty()) return fail(ErrorKind::kInfrastructure, "the connection broke");
  KILN_ASSIGN(auto shell, connect_(stop));
  const ShellRequest request{.command = kBootIdCommand};
  KILN_ASSIGN(const ShellReply reply, shell->run(request, stop));
  restarted_ = trim(reply.out) != boot_id_;
  if (restarted_) return other_boot();
  shell_ = std::move(shell);
  return {};
}

}  // namespace kiln::agent
