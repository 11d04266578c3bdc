#pragma once
/// What every connection begins with; for this folder only.
#include <fmt/format.h>

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/ssh/channel_run.h"
#include "agent/ssh/handles.h"

namespace kiln::agent {

/// Calls a non-blocking libssh function until it says something other than "again".
template <typename Call>
Result<int> until_done(ssh_session session, Call call, int again,
                       std::chrono::steady_clock::time_point deadline, std::stop_token stop,
                       std::string_view what) {
  for (;;) {
    const int rc = call();
    if (rc != again) return rc;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, fmt::format("{}: stopped", what));
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorKind::kTimeout, fmt::format("{}: no answer in time", what));
    wait_socket(session, Millis(50));
  }
}

/// Where to, and nothing of this user's own SSH settings.
void set_address(ssh_session session, const std::string& host, int port);
/// "SHA256:..."
std::string fingerprint(ssh_key key);

}  // namespace kiln::agent
