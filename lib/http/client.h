#pragma once
/// HTTP as a client: one bounded request at a time. Nothing outside this folder knows the library.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::http {

struct Request {
  std::string method = "GET";
  std::string url;                                           ///< https, or http to this computer
  std::vector<std::pair<std::string, std::string>> headers;  ///< name, value
  std::string body;
};

struct Response {
  int status = 0;
  std::string body;
};

class Client {
 public:
  virtual ~Client() = default;
  /// Any answer of the server, also an error's, is a Response. kInfrastructure when there was none,
  /// kTimeout after the bound, kBadInput for a URL that may not be asked.
  virtual Result<Response> send(const Request& request) = 0;
};

struct ClientOptions {
  Millis timeout{30'000};          ///< of a whole request
  size_t most_bytes = 8ULL << 20;  ///< of an answer
  std::string agent = "kiln/" KILN_VERSION;
  std::string ca_file{};  ///< PEM of who may have signed the server's certificate, instead of the
                          ///< computer's authorities
  /// "sha256//BASE64" of the server's public key: that key alone is taken, whoever signed it.
  std::string pinned_key{};
};

/// Over libcurl. Certificates are checked, redirections are not followed (a token would follow
/// them), and no other protocol than http and https is spoken. For one thread at a time.
class CurlClient final : public Client {
 public:
  explicit CurlClient(ClientOptions options = {});
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  Result<Response> send(const Request& request) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Percent-encoded for a part of a query.
std::string url_encode(std::string_view text);
/// https, or plain http to this computer alone: what may carry a token.
bool is_private(const std::string& url);

}  // namespace kiln::http
