#include "cli/tunnel.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "cli/calls.h"
#include "lib/os/files.h"

namespace kiln::cli {
namespace {

constexpr int kLookMs = 200;
constexpr size_t kChunk = 64 << 10;
constexpr auto kSend = std::chrono::seconds(30);

/// "" = nothing yet, nullopt = the input has ended.
std::optional<std::string> read_input() {
  pollfd wait{STDIN_FILENO, POLLIN, 0};
  if (::poll(&wait, 1, kLookMs) <= 0) return "";
  std::string bytes(kChunk, '\0');
  const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (n < 0 && errno == EINTR) return "";
  if (n <= 0) return std::nullopt;
  bytes.resize(static_cast<size_t>(n));
  return bytes;
}

/// Sends what is typed. True when the tunnel is to end.
bool send_input(v1::Machines::Stub& machines, const std::string& id, const TunnelHooks& hooks,
                const std::stop_token& stop) {
  v1::SendTunnelRequest request;
  request.set_tunnel_id(id);
  bool taken = true;  // else only the keys that end it are heard
  while (!stop.stop_requested()) {
    auto bytes = read_input();
    if (!bytes) return hooks.ends_with_input;
    if (bytes->empty()) continue;
    if (hooks.typed && !hooks.typed(&*bytes)) return true;
    if (!taken) continue;
    request.set_data(std::move(*bytes));
    const auto sent = ask<v1::SendTunnelReply>(machines, &v1::Machines::Stub::SendTunnel, request,
                                               "sending to the machine", kSend);
    if (sent) continue;
    if (!hooks.refused) return true;
    hooks.refused(sent.error());
    taken = false;
  }
  return false;
}

}  // namespace

Result<int> carry(v1::Machines::Stub& machines,
                  const std::function<TunnelReader(grpc::ClientContext*)>& open,
                  const TunnelHooks& hooks) {
  grpc::ClientContext context;
  const TunnelReader reader = open(&context);
  v1::TunnelPart part;
  std::atomic<bool> left{false};
  if (reader->Read(&part)) {
    if (hooks.opened) KILN_TRY(hooks.opened(part.host_key()));
    const std::string id = part.tunnel_id();
    const std::jthread input([&](const std::stop_token& stop) {
      if (!send_input(machines, id, hooks, stop)) return;
      left = true;
      context.TryCancel();
    });
    while (reader->Read(&part))
      if (!os::write_all(STDOUT_FILENO, part.data(), "stdout")) {
        left = true;
        context.TryCancel();
      }
  }
  const grpc::Status status = reader->Finish();
  if (left || status.ok()) return kOk;
  return fail(rpc::from_grpc(status, "reaching the machine"));
}

}  // namespace kiln::cli
