#include "lib/pki/fetch.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <csignal>

#include "lib/base/text.h"
#include "lib/pki/openssl.h"
#include "lib/pki/pki.h"

namespace kiln::pki {
namespace {

using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Chain = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using SteadyTime = std::chrono::steady_clock::time_point;

/// OpenSSL writes to its socket without a way to say that no signal is wanted when the other side
/// is gone: for this thread, while it lives, there is none.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

/// Waits until the connection has moved on; false = the deadline.
bool wait_for(BIO* bio, SteadyTime deadline) {
  const auto left =
      std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now()).count();
  if (left <= 0) return false;
  int fd = -1;
  BIO_get_fd(bio, &fd);
  pollfd watched{fd, POLLIN, 0};
  if (BIO_should_write(bio) != 0 || BIO_should_io_special(bio) != 0) watched.events = POLLOUT;
  // Without a file yet (an address that failed, the next one to try) a short sleep does.
  ::poll(fd < 0 ? nullptr : &watched, fd < 0 ? 0 : 1,
         static_cast<int>(fd < 0 ? std::min<long>(left, 20) : left));
  return true;
}

Status shake_hands(BIO* bio, const std::string& target, Millis timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  while (BIO_do_handshake(bio) != 1) {
    if (BIO_should_retry(bio) == 0)
      return fail(openssl_error(ErrorKind::kInfrastructure, "speak TLS with " + target));
    if (!wait_for(bio, deadline))
      return fail(ErrorKind::kTimeout,
                  fmt::format("{} did not answer within {}", target, human_duration(timeout)));
  }
  return {};
}

/// The one with the fingerprint among those that the server shows.
Result<std::string> pick(SSL* ssl, const std::string& target, const std::string& wanted) {
  const STACK_OF(X509)* shown = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    KILN_ASSIGN(std::string pem, certificate_to_pem(sk_X509_value(shown, i)));
    const auto facts = read_certificate(pem);
    if (facts && facts->authority && facts->fingerprint == wanted) return pem;
  }
  return fail(Error(ErrorKind::kPermission,
                    fmt::format("{} does not belong to the lab with this fingerprint", target))
                  .with_hint("compare it with what the controller shows: kiln agent invite"));
}

}  // namespace

Result<std::string> plain_fingerprint(const std::string& text) {
  std::string digits;
  std::string_view rest = trim(text);
  if (rest.starts_with("sha256:")) rest.remove_prefix(7);
  for (const char c : rest)
    if (c != ':') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == std::string::npos) {
    return digits;
  }
  return fail(ErrorKind::kBadInput, "a fingerprint has 64 hex digits");
}

Result<std::string> fetch_authority(const std::string& target, const std::string& fingerprint,
                                    Millis timeout) {
  KILN_ASSIGN(const std::string wanted, plain_fingerprint(fingerprint));
  const NoSigpipe quiet;
  const Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(openssl_error(ErrorKind::kInternal, "set up TLS"));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // the fingerprint is the check
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  const Chain bio(BIO_new_ssl_connect(context.get()));
  SSL* ssl = nullptr;
  if (bio) BIO_get_ssl(bio.get(), &ssl);
  if (ssl == nullptr) return fail(openssl_error(ErrorKind::kInternal, "set up TLS"));
  BIO_set_conn_hostname(bio.get(), target.c_str());
  BIO_set_nbio(bio.get(), 1);
  KILN_TRY(shake_hands(bio.get(), target, timeout));
  return pick(ssl, target, wanted);
}

}  // namespace kiln::pki
