#pragma once
/// How commands reach a running machine.
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::agent {

/// One command for the machine's /bin/sh, as root.
struct ShellRequest {
  std::string command{};
  std::string input{};       ///< bytes for its stdin, when input_file is empty
  std::string input_file{};  ///< a local file whose bytes go to its stdin
  /// A local file that receives its stdout (created or truncated); ShellReply.out stays empty.
  std::string output_file{};
  uint64_t max_output = 1 << 20;  ///< bytes kept of each stream; what follows is read and dropped
  Millis timeout{30'000};
  /// Stdout as it comes, on the calling thread, before any limit. false ends the wait: the channel
  /// is closed, the command itself may go on.
  std::function<bool(std::string_view)> on_output{};
  /// Called at least every 250 ms while nothing comes. false ends the wait likewise.
  std::function<bool()> on_idle{};
};

struct ShellReply {
  int exit_code = -1;    ///< -1: ended by a signal, or not known
  std::string signal{};  ///< "KILL", or ""
  std::string out{};
  std::string err{};
  bool truncated = false;    ///< a stream was longer than max_output
  bool left_early = false;   ///< a callback ended the wait
  uint64_t output_size = 0;  ///< bytes of stdout that came, kept or not
  Millis elapsed{0};
  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

/// A logged-in connection. Used by one thread at a time.
class Shell {
 public:
  virtual ~Shell() = default;
  /// Runs one command to its end. A command that fails is no Error: look at ShellReply. Errors:
  /// kTimeout (the request's bound passed), kInfrastructure (the connection broke), kCancelled.
  virtual Result<ShellReply> run(const ShellRequest& request, std::stop_token stop) = 0;
  /// Whether the connection stands, as far as this side knows.
  [[nodiscard]] virtual bool alive() const = 0;
};

/// Where and as whom to log in, and the only host key to accept.
struct ShellEndpoint {
  std::string host = "127.0.0.1";
  int port = 22;
  std::string user = "root";
  std::string key_file{};       ///< private key
  std::string host_key_file{};  ///< public key of the machine, pinned
};

/// Tries until logged in or `timeout` has passed; the message then says what the last try met.
/// `give_up` is asked between tries: a reason ends them ("the machine is off").
using ShellConnector = std::function<Result<std::unique_ptr<Shell>>(
    const ShellEndpoint&, Millis timeout, const std::function<std::string()>& give_up,
    std::stop_token stop)>;

}  // namespace kiln::agent
