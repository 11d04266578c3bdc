#pragma once
/// Standard input and output as one end of a tunnel to a machine.
#include <functional>
#include <string>

#include "kiln/v1/machines.grpc.pb.h"
#include "lib/base/result.h"

namespace kiln::cli {

struct TunnelHooks {
  /// The machine's end is open; an error ends it.
  std::function<Status(const std::string& host_key)> opened{};
  /// What is typed, before it is sent; false ends the tunnel. May change it.
  std::function<bool(std::string* bytes)> typed{};
  /// What is typed is not taken from now on, and why.
  std::function<void(const Error& why)> refused{};
  bool ends_with_input = true;  ///< else only the machine's side, or a typed() that says so
};

using TunnelReader = std::unique_ptr<grpc::ClientReader<v1::TunnelPart>>;

/// Carries bytes until either side ends. An error: the machine's side did not open, or broke.
Result<int> carry(v1::Machines::Stub& machines,
                  const std::function<TunnelReader(grpc::ClientContext*)>& open,
                  const TunnelHooks& hooks);

}  // namespace kiln::cli
