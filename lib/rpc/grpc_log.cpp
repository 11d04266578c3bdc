#include "lib/rpc/grpc_log.h"

#include <fmt/format.h>
#include <grpc/support/log.h>

#include <chrono>
#include <utility>

#include "lib/base/sync.h"
#include "lib/base/text.h"

namespace kiln::rpc {
namespace {

constexpr int kLines = 10;
constexpr auto kWindow = std::chrono::minutes(1);
constexpr size_t kMaxLine = 500;

struct State {
  std::function<void(const std::string&)> line;
  std::chrono::steady_clock::time_point since;
  int said = 0;
  int left_out = 0;
};

/// gRPC has one log in a process, so there is one of these.
Sync<State>& the_state() {
  static auto* state = new Sync<State>();  // gRPC's threads may end after main()
  return *state;
}

void take(gpr_log_func_args* args) {
  if (args->severity < GPR_LOG_SEVERITY_ERROR) return;
  std::string text = "grpc: " + to_valid_utf8(std::string_view(args->message).substr(0, kMaxLine));
  std::function<void(const std::string&)> line;
  {
    auto state = the_state().lock();
    const auto now = std::chrono::steady_clock::now();
    if (now - state->since >= kWindow) {
      state->since = now;
      state->said = 0;
    }
    if (++state->said > kLines) {
      ++state->left_out;
      return;
    }
    if (const int left_out = std::exchange(state->left_out, 0); left_out > 0)
      text += fmt::format(" ({} messages before it were left out)", left_out);
    line = state->line;
  }
  if (line) line(text);
}

}  // namespace

void take_grpc_log(std::function<void(const std::string&)> line) {
  the_state().lock()->line = std::move(line);
  gpr_log_verbosity_init();  // before gRPC's own start, too
  gpr_set_log_function(take);
}

}  // namespace kiln::rpc
