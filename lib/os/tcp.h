#pragma once
/// TCP as a client: non-blocking sockets for loops that poll.
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::os {

/// A socket, non-blocking and closed on exec, whose connection is under way: writable once it
/// stands, or has failed (connect_error()). Keepalives find a dead other side within a minute.
/// Looking the name up may block as long as the resolver does. The caller closes it.
Result<int> start_connect(const std::string& host, int port);

/// A dead other side is noticed within a minute, also while nothing is sent.
void keep_alive(int fd);

/// After such a socket became writable: 0, or the errno of what went wrong.
int connect_error(int fd);

/// Connects and reads what the other side says first, at most `most` bytes of it; kTimeout,
/// kInfrastructure (refused, unreachable, closed without a word).
Result<std::string> read_greeting(const std::string& host, int port, size_t most, Millis timeout);

}  // namespace kiln::os
