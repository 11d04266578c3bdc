#include "agent/ssh/channel_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/text.h"
#include "lib/os/files.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;
constexpr size_t kChunk = 32 << 10;

std::string shown(std::string_view command) {
  std::string text = to_valid_utf8(command.substr(0, 120));
  for (char& c : text)
    if (c == '\n') c = ' ';
  return command.size() > 120 ? text + "..." : text;
}

}  // namespace

void wait_socket(ssh_session session, Millis timeout) {
  const int fd = ssh_get_fd(session);
  short events = POLLIN;
  if ((ssh_get_poll_flags(session) & SSH_WRITE_PENDING) != 0) events |= POLLOUT;
  pollfd wait{fd, events, 0};
  // Without a descriptor (before the connection) this is a bounded pause.
  ::poll(&wait, fd >= 0 ? 1 : 0, static_cast<int>(timeout.count()));
}

ChannelRun::ChannelRun(ssh_session session, ssh_channel channel, const ShellRequest& request)
    : session_(session), channel_(channel), request_(request) {
  callbacks_.userdata = this;
  callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
    auto* run = static_cast<ChannelRun*>(self);
    run->reply_.exit_code = status;
    run->status_known_ = true;
  };
  callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int,
                                               const char*, const char*, void* self) {
    auto* run = static_cast<ChannelRun*>(self);
    run->reply_.signal = signal != nullptr ? signal : "?";
    run->status_known_ = true;
  };
  ssh_callbacks_init(&callbacks_);
  ssh_set_channel_callbacks(channel_, &callbacks_);
}

ChannelRun::~ChannelRun() {
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  if (input_fd_ >= 0) ::close(input_fd_);
  if (output_fd_ >= 0) ::close(output_fd_);
}

Status ChannelRun::open_files() {
  if (!request_.input_file.empty()) {
    input_fd_ = ::open(request_.input_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (input_fd_ < 0) return fail(os::errno_error("read", request_.input_file, errno));
  } else {
    pending_ = request_.input;
    input_done_ = true;
  }
  if (request_.output_file.empty()) return {};
  output_fd_ = ::open(request_.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output_fd_ < 0) return fail(os::errno_error("write", request_.output_file, errno));
  return {};
}

Status ChannelRun::keep(std::string_view bytes, bool is_stderr) {
  const uint64_t before = is_stderr ? reply_.err.size() : reply_.output_size;
  if (!is_stderr) {
    reply_.output_size += bytes.size();
    if (request_.on_output && !reply_.left_early) reply_.left_early = !request_.on_output(bytes);
  }
  const uint64_t room = before < request_.max_output ? request_.max_output - before : 0;
  if (bytes.size() > room) reply_.truncated = true;
  bytes = bytes.substr(0, room);
  if (is_stderr) {
    reply_.err += bytes;
  } else if (output_fd_ < 0) {
    reply_.out += bytes;
  } else {
    while (!bytes.empty()) {
      const ssize_t n = ::write(output_fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(os::errno_error("write", request_.output_file, errno));
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  return {};
}

Result<size_t> ChannelRun::read_stream(bool is_stderr) {
  std::array<char, kChunk> buffer{};
  size_t moved = 0;
  // Bounded, so that a flood on one stream leaves turns to the rest.
  for (int turn = 0; turn < 16; ++turn) {
    const int n = ssh_channel_read_nonblocking(channel_, buffer.data(), kChunk, is_stderr ? 1 : 0);
    if (n == 0 || n == SSH_AGAIN || n == SSH_EOF) return moved;
    if (n < 0) {
      if (ssh_is_connected(session_) != 0 && ssh_channel_is_eof(channel_) != 0) return moved;
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("the connection broke while `{}` ran: {}", shown(request_.command),
                              ssh_get_error(session_)));
    }
    KILN_TRY(keep(std::string_view(buffer.data(), static_cast<size_t>(n)), is_stderr));
    moved += static_cast<size_t>(n);
  }
  return moved;
}

Result<size_t> ChannelRun::write_input() {
  if (eof_sent_) return size_t{0};
  if (input_sent_ == pending_.size() && !input_done_) {
    pending_.resize(8 * kChunk);
    const ssize_t n = ::read(input_fd_, pending_.data(), pending_.size());
    if (n < 0) return fail(os::errno_error("read", request_.input_file, errno));
    pending_.resize(static_cast<size_t>(n));
    input_sent_ = 0;
    input_done_ = n == 0;
  }
  if (input_sent_ == pending_.size()) {
    if (!input_done_) return size_t{0};
    ssh_channel_send_eof(channel_);
    eof_sent_ = true;
    return size_t{0};
  }
  const size_t window = ssh_channel_window_size(channel_);
  const size_t count = std::min({pending_.size() - input_sent_, kChunk, window});
  if (count == 0) return size_t{0};
  const int n =
      ssh_channel_write(channel_, pending_.data() + input_sent_, static_cast<uint32_t>(count));
  if (n == SSH_AGAIN) return size_t{0};
  if (n < 0) {
    // The command has ended without reading its input: its exit code tells.
    if (ssh_is_connected(session_) != 0) {
      eof_sent_ = true;
      return size_t{0};
    }
    return fail(ErrorKind::kInfrastructure,
                fmt::format("the connection broke while input was sent to `{}`: {}",
                            shown(request_.command), ssh_get_error(session_)));
  }
  input_sent_ += static_cast<size_t>(n);
  return static_cast<size_t>(n);
}

bool ChannelRun::ended() {
  if (ssh_channel_is_closed(channel_) != 0) return true;
  if (ssh_channel_is_eof(channel_) == 0) return false;
  // After the end of the streams reads handle no packets any more; this call does.
  (void)ssh_channel_get_exit_status(channel_);
  return status_known_ || ssh_channel_is_closed(channel_) != 0;
}

Result<ShellReply> ChannelRun::pump(Steady::time_point deadline, std::stop_token stop) {
  KILN_TRY(open_files());
  const auto started = Steady::now();
  for (;;) {
    // Asked before the streams are read: what came with the end is read after it.
    const bool end = ended();
    KILN_ASSIGN(size_t moved, read_stream(false));
    KILN_ASSIGN(const size_t moved_err, read_stream(true));
    moved += moved_err;
    if (!end) {
      KILN_ASSIGN(const size_t sent, write_input());
      moved += sent;
    }
    if (reply_.left_early) break;
    if (end && moved == 0) break;
    if (stop.stop_requested())
      return fail(ErrorKind::kCancelled, fmt::format("`{}` was stopped", shown(request_.command)));
    if (Steady::now() >= deadline) {
      return fail(ErrorKind::kTimeout,
                  fmt::format("`{}` did not end within {}", shown(request_.command),
                              human_duration(request_.timeout)));
    }
    // The reads themselves may have met the end; then nothing more comes to wait for.
    if (moved > 0 || end || ended()) continue;
    if (ssh_is_connected(session_) == 0) {
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("the connection broke while `{}` ran", shown(request_.command)));
    }
    wait_socket(session_,
                std::min(Millis(250), std::chrono::ceil<Millis>(deadline - Steady::now())));
    if (request_.on_idle && !request_.on_idle()) {
      reply_.left_early = true;
      break;
    }
  }
  reply_.elapsed = std::chrono::duration_cast<Millis>(Steady::now() - started);
  return std::move(reply_);
}

}  // namespace kiln::agent
