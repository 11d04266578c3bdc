#pragma once
/// TCP as a client: non-blocking sockets for loops that poll.
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::os {

/// A socket, non-blocking and closed on exec, whose connection is under way: writable once it
/// stands, or has failed (connect_error()). Keepalives find a dead other side within a minute.
/// Looking the name up may block as long as the resolver does. The caller closes it.
Result<int> start_connect(const std::string& host, int port);

/// The same, once the connection stands. kTimeout, kInfrastructure.
Result<int> connect_within(const std::string& host, int port, Millis timeout);

/// A dead other side is noticed within a minute, also while nothing is sent.
void keep_alive(int fd);

/// After such a socket became writable: 0, or the errno of what went wrong.
int connect_error(int fd);

/// All of `bytes` to a socket, blocking or not. kTimeout when it does not take them within that
/// time, kInfrastructure when the other side has closed. Some of them may be sent all the same.
Status write_within(int fd, std::string_view bytes, Millis timeout);

/// Connects and reads what the other side says first, at most `most` bytes of it; kTimeout,
/// kInfrastructure (refused, unreachable, closed without a word).
Result<std::string> read_greeting(const std::string& host, int port, size_t most, Millis timeout);

}  // namespace kiln::os
