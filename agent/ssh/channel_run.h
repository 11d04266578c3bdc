#pragma once
/// One command on an open channel; for this folder only.
#include <fcntl.h>
#include <unistd.h>

#include "agent/machine/shell.h"
#include "agent/ssh/handles.h"

namespace kiln::agent {

/// Waits until the session's socket may have something to do, at most `timeout`.
void wait_socket(ssh_session session, Millis timeout);

/// Moves input, stdout and stderr in turns until the command has ended. Neither stream can block
/// the other: both are read on every turn, also what is beyond the limit.
class ChannelRun {
 public:
  /// Registers for the exit status; construct before the command is requested.
  ChannelRun(ssh_session session, ssh_channel channel, const ShellRequest& request);
  ~ChannelRun();
  ChannelRun(const ChannelRun&) = delete;
  ChannelRun& operator=(const ChannelRun&) = delete;
  Result<ShellReply> pump(std::chrono::steady_clock::time_point deadline, std::stop_token stop);

 private:
  Status open_files();
  /// Bytes moved, or an error.
  Result<size_t> read_stream(bool is_stderr);
  Result<size_t> write_input();
  Status keep(std::string_view bytes, bool is_stderr);
  bool ended();

  ssh_session session_;
  ssh_channel channel_;
  const ShellRequest& request_;
  ssh_channel_callbacks_struct callbacks_{};
  ShellReply reply_;
  bool status_known_ = false;
  int input_fd_ = -1;
  int output_fd_ = -1;
  size_t input_sent_ = 0;    ///< of pending_
  std::string pending_;      ///< input read but not sent yet
  bool input_done_ = false;  ///< nothing more to read
  bool eof_sent_ = false;
};

}  // namespace kiln::agent
