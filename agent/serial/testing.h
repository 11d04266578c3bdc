#pragma once
/// For tests and benchmarks: a serial line. Not part of the library.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <string>

#include "agent/power/testing.h"

namespace kiln::agent::testing {

/// A pair of terminals, raw: `machine` is the far end of the wire, `path` the device.
struct Wire {
  int machine = -1;
  int device = -1;
  std::string path;
  Wire() {
    termios raw{};
    ::cfmakeraw(&raw);
    char name[64];
    EXPECT_EQ(::openpty(&machine, &device, name, &raw, nullptr), 0);
    path = name;
  }
  ~Wire() {
    ::close(machine);
    ::close(device);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  void say(const std::string& bytes) const {
    EXPECT_EQ(::write(machine, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  /// Until those bytes came.
  bool gets(const std::string& words) {
    return eventually([&] {
      pollfd wait{machine, POLLIN, 0};
      char buffer[256];
      if (::poll(&wait, 1, 10) > 0)
        if (const ssize_t n = ::read(machine, buffer, sizeof buffer); n > 0)
          got.append(buffer, static_cast<size_t>(n));
      return got.find(words) != std::string::npos;
    });
  }
  std::string got{};
};

}  // namespace kiln::agent::testing
