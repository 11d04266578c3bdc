#include "agent/ssh/ssh_shell.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "agent/ssh/channel_run.h"
#include "agent/ssh/connecting.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

struct Keys {
  KeyHandle client;
  KeyHandle host;
};

Result<Keys> read_keys(const ShellEndpoint& endpoint) {
  ssh_key key = nullptr;
  if (ssh_pki_import_pubkey_file(endpoint.host_key_file.c_str(), &key) != SSH_OK)
    return fail(ErrorKind::kBadInput,
                fmt::format("cannot read the machine's host key {}", endpoint.host_key_file));
  Keys keys;
  keys.host.reset(key);
  key = nullptr;
  if (ssh_pki_import_privkey_file(endpoint.key_file.c_str(), nullptr, nullptr, nullptr, &key) !=
      SSH_OK)
    return fail(ErrorKind::kBadInput,
                fmt::format("cannot read the private key {}", endpoint.key_file));
  keys.client.reset(key);
  return keys;
}

void set_options(ssh_session session, const ShellEndpoint& endpoint, ssh_key host_key) {
  set_address(session, endpoint.host, endpoint.port);
  ssh_options_set(session, SSH_OPTIONS_USER, endpoint.user.c_str());
  const int yes = 1;
  ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes);
  // The server is to show the very key that is pinned, not another kind that it has too.
  ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, ssh_key_type_to_char(ssh_key_type(host_key)));
  // Cheap where the processor has AES, also for an emulated one.
  const char* ciphers = "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr";
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers);
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers);
}

Status check_host_key(ssh_session session, const ShellEndpoint& endpoint, ssh_key pinned) {
  ssh_key shown = nullptr;
  if (ssh_get_server_publickey(session, &shown) != SSH_OK)
    return fail(ErrorKind::kInfrastructure, "the machine showed no host key");
  const KeyHandle shown_key(shown);
  if (ssh_key_cmp(shown, pinned, SSH_KEY_CMP_PUBLIC) == 0) return {};
  return fail(
      Error(ErrorKind::kPermission,
            fmt::format("the machine at {}:{} has the host key {}, but {} is pinned: "
                        "refused, nothing was sent to it",
                        endpoint.host, endpoint.port, fingerprint(shown), fingerprint(pinned)))
          .with_hint(fmt::format("the pinned key is in {}", endpoint.host_key_file)));
}

}  // namespace

struct SshShell::Impl {
  SessionHandle session;
  std::string where;
};

SshShell::SshShell(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SshShell::~SshShell() = default;

Result<std::unique_ptr<SshShell>> SshShell::connect(const ShellEndpoint& endpoint, Millis timeout,
                                                    std::stop_token stop) {
  const auto deadline = Steady::now() + timeout;
  KILN_ASSIGN(const Keys keys, read_keys(endpoint));
  auto impl = std::make_unique<Impl>();
  impl->session.reset(ssh_new());
  impl->where = fmt::format("SSH to {}:{}", endpoint.host, endpoint.port);
  ssh_session session = impl->session.get();
  if (session == nullptr) return fail(ErrorKind::kInternal, "libssh gave no session");
  set_options(session, endpoint, keys.host.get());
  ssh_set_blocking(session, 0);
  KILN_ASSIGN(const int connected, until_done(
                                       session, [&] { return ssh_connect(session); }, SSH_AGAIN,
                                       deadline, stop, impl->where));
  if (connected != SSH_OK) {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{}: {}", impl->where, ssh_get_error(session)));
  }
  // A machine that lost its power says nothing any more.
  os::keep_alive(ssh_get_fd(session));
  KILN_TRY(check_host_key(session, endpoint, keys.host.get()));
  KILN_ASSIGN(
      const int authenticated,
      until_done(
          session, [&] { return ssh_userauth_publickey(session, nullptr, keys.client.get()); },
          SSH_AUTH_AGAIN, deadline, stop, impl->where + " (login)"));
  if (authenticated == SSH_AUTH_DENIED || authenticated == SSH_AUTH_PARTIAL) {
    return fail(ErrorKind::kPermission, fmt::format("{}: the key {} is not accepted for user {}",
                                                    impl->where, endpoint.key_file, endpoint.user));
  }
  if (authenticated != SSH_AUTH_SUCCESS) {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} (login): {}", impl->where, ssh_get_error(session)));
  }
  return std::unique_ptr<SshShell>(new SshShell(std::move(impl)));
}

/// What came while no command ran is taken first: the server's question whether somebody is there,
/// or its end.
bool SshShell::alive() const {
  ssh_session session = impl_->session.get();
  if (ssh_is_connected(session) == 0) return false;
  const std::unique_ptr<ssh_event_struct, void (*)(ssh_event)> event(ssh_event_new(),
                                                                     ssh_event_free);
  if (event && ssh_event_add_session(event.get(), session) == SSH_OK) {
    (void)ssh_event_dopoll(event.get(), 0);
    (void)ssh_event_remove_session(event.get(), session);
  }
  return ssh_is_connected(session) != 0;
}

Result<ShellReply> SshShell::run(const ShellRequest& request, std::stop_token stop) {
  ssh_session session = impl_->session.get();
  const auto deadline = Steady::now() + request.timeout;
  const auto broken = [&](std::string_view step) {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} ({}): {}", impl_->where, step, ssh_get_error(session)));
  };
  if (ssh_is_connected(session) == 0) return broken("connection lost");
  const ChannelHandle channel(ssh_channel_new(session));
  if (channel == nullptr) return broken("new channel");
  KILN_ASSIGN(const int opened,
              until_done(
                  session, [&] { return ssh_channel_open_session(channel.get()); }, SSH_AGAIN,
                  deadline, stop, impl_->where + " (new channel)"));
  if (opened != SSH_OK) return broken("new channel");
  ChannelRun run(session, channel.get(), request);
  KILN_ASSIGN(
      const int started,
      until_done(
          session, [&] { return ssh_channel_request_exec(channel.get(), request.command.c_str()); },
          SSH_AGAIN, deadline, stop, impl_->where + " (start of a command)"));
  if (started != SSH_OK) return broken("start of a command");
  auto reply = run.pump(deadline, stop);
  if (!reply) return fail(std::move(reply.error()).while_doing(impl_->where));
  return reply;
}

Result<std::unique_ptr<Shell>> connect_until(const ShellEndpoint& endpoint, Millis timeout,
                                             const std::function<std::string()>& give_up,
                                             std::stop_token stop) {
  constexpr Millis kFirstTry{5'000};
  constexpr Millis kLongestTry{20'000};
  constexpr Millis kPause{100};
  const auto started = Steady::now();
  const auto deadline = started + timeout;
  Millis bound = kFirstTry;
  int tries = 0;
  for (;; bound = std::min(bound * 2, kLongestTry)) {
    const auto left = std::chrono::ceil<Millis>(deadline - Steady::now());
    auto shell = SshShell::connect(endpoint, std::clamp(left, Millis(100), bound), stop);
    ++tries;
    if (shell) return std::unique_ptr<Shell>(std::move(*shell));
    const ErrorKind kind = shell.error().kind;
    if (kind == ErrorKind::kPermission || kind == ErrorKind::kBadInput ||
        kind == ErrorKind::kCancelled)
      return fail(std::move(shell.error()));
    const std::string reason = give_up ? give_up() : "";
    if (!reason.empty()) {
      return fail(ErrorKind::kInfrastructure, fmt::format("SSH was given up after {} {}: {}", tries,
                                                          tries == 1 ? "try" : "tries", reason));
    }
    if (Steady::now() + kPause >= deadline) {
      return fail(ErrorKind::kTimeout,
                  fmt::format("SSH did not answer within {} ({} {}); the last one: {}",
                              human_duration(timeout), tries, tries == 1 ? "try" : "tries",
                              shell.error().message));
    }
    // A pause that a stop ends at once.
    std::mutex mutex;
    std::condition_variable_any pause;
    std::unique_lock lock(mutex);
    pause.wait_for(lock, stop, kPause, [] { return false; });
  }
}

}  // namespace kiln::agent
