#pragma once
/// What tests with certificates share.
#include <gtest/gtest.h>

#include "lib/pki/pki.h"

namespace kiln::pki {

inline WallTime test_now() {
  return WallTime(Millis(1'790'000'000'000));
}

/// A day of the real clock's: for tests that shake hands.
inline WallTime real_now() {
  return SystemClock().now();
}

inline Identity test_ca(WallTime now = test_now(), const std::string& name = "Test lab") {
  auto ca = make_ca(name, now);
  EXPECT_TRUE(ca) << render(ca.error());
  return ca.value_or(Identity{});
}

/// An agent's key with a certificate by `ca`.
inline Identity test_agent(const Identity& ca, const std::string& name, WallTime now = test_now(),
                           Millis lifetime = kAgentLifetime) {
  auto request = make_request(name);
  EXPECT_TRUE(request) << render(request.error());
  if (!request) return {};
  auto certificate = sign_agent(ca, request->csr, name, now, lifetime);
  EXPECT_TRUE(certificate) << render(certificate.error());
  return {request->key, certificate.value_or("")};
}

}  // namespace kiln::pki
