#include "lib/http/wire.h"

#include <fmt/format.h>

namespace kiln::http {
namespace {

namespace fs = std::filesystem;
namespace ssl = boost::asio::ssl;

constexpr std::chrono::seconds kLookAgain{1};

Result<TlsContext> read_context(const fs::path& file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code code;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1,
                       code);
  if (!code) context->use_certificate_chain_file(file.string(), code);
  if (!code) context->use_private_key_file(file.string(), ssl::context::pem, code);
  if (code)
    return fail(ErrorKind::kBadInput, fmt::format("{} has no key and certificate for TLS: {}",
                                                  file.string(), code.message()));
  return context;
}

}  // namespace

Certificate::Stamp Certificate::stamp() const {
  std::error_code code;
  const auto time = fs::last_write_time(file_, code);
  const auto size = fs::file_size(file_, code);
  return {time, code ? 0 : size};
}

Result<Certificate> Certificate::load(const fs::path& file) {
  Certificate made(file);
  made.loaded_ = made.stamp();
  KILN_ASSIGN(made.context_, read_context(file));
  return made;
}

TlsContext Certificate::current() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookAgain) return context_;
  looked_ = now;
  const Stamp here = stamp();
  if (here == loaded_) return context_;
  if (auto renewed = read_context(file_)) {
    context_ = std::move(*renewed);
    loaded_ = here;
  }
  return context_;
}

}  // namespace kiln::http
