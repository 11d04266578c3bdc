#pragma once
/// Connections to one boot of a machine: when one breaks, the next command goes over a new one.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "agent/machine/again.h"
#include "agent/machine/shell.h"

namespace kiln::agent {

/// Used by one thread at a time.
class SteadyShell final : public Shell {
 public:
  /// Of a step that breaks off with its connection, where machine::StateRow names no other number.
  static constexpr int kTries = 2;
  using Connect = std::function<Result<std::unique_ptr<Shell>>(std::stop_token)>;
  /// `boot_id` is of the boot that `shell` is connected to; "": not known, so none is made anew.
  SteadyShell(std::unique_ptr<Shell> shell, std::string boot_id, Connect connect);
  /// A command is sent once. An Error of kind kInfrastructure: also when another boot answers.
  Result<ShellReply> run(const ShellRequest& request, std::stop_token stop) override;
  [[nodiscard]] bool alive() const override { return shell_ && shell_->alive(); }
  /// Another boot answered than the first one's.
  [[nodiscard]] bool restarted() const { return restarted_; }
  /// The connection broke in the last step of again().
  [[nodiscard]] bool broke() const { return broke_; }

  /// `step` may be done twice; it is, at most `most` times, as long as only its connection breaks.
  template <typename Step>
  auto again(int most, const std::stop_token& stop, Step step) {
    for (int times = 1;; ++times) {
      broke_ = false;
      auto done = step();
      if (done ||
          !is_tried_again({times, broke_ && !boot_id_.empty(), restarted_, stop.stop_requested()},
                          most))
        return done;
    }
  }

 private:
  Status reconnect(std::stop_token stop);

  std::unique_ptr<Shell> shell_;
  std::string boot_id_;
  Connect connect_;
  bool broke_ = false;
  bool restarted_ = false;
};

}  // namespace kiln::agent
