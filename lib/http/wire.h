#pragma once
/// A connection's bytes, plain or by TLS, and the certificate for them. Inside of this folder only.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>
#include <variant>

#include "lib/base/result.h"

namespace kiln::http {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// A server's key and certificates in one PEM file; one that is renewed there is taken for the
/// connections that come after it. On the server's thread.
class Certificate {
 public:
  /// kBadInput says what is wrong with the file.
  static Result<Certificate> load(const std::filesystem::path& file);
  /// The newest that can be used: what does not read as one (half of it, say) changes nothing.
  TlsContext current();

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, uint64_t>;
  explicit Certificate(std::filesystem::path file) : file_(std::move(file)) {}
  [[nodiscard]] Stamp stamp() const;

  std::filesystem::path file_;
  Stamp loaded_{};
  std::chrono::steady_clock::time_point looked_{};
  TlsContext context_;
};

/// What Beast and Asio read from and write to.
class Wire {
 public:
  using Plain = boost::beast::tcp_stream;
  using Tls = boost::beast::ssl_stream<Plain>;
  using executor_type = Plain::executor_type;

  /// `tls`: null = plain.
  Wire(boost::asio::ip::tcp::socket socket, const TlsContext& tls)
      : stream_(Plain(std::move(socket))) {
    if (tls) {
      Plain plain = std::move(std::get<Plain>(stream_));
      stream_.emplace<Tls>(std::move(plain), *tls);
    }
  }

  [[nodiscard]] bool is_tls() const { return std::holds_alternative<Tls>(stream_); }
  Tls& tls() { return std::get<Tls>(stream_); }
  Plain& plain() {
    return is_tls() ? std::get<Tls>(stream_).next_layer() : std::get<Plain>(stream_);
  }
  boost::asio::ip::tcp::socket& socket() { return plain().socket(); }
  executor_type get_executor() { return plain().get_executor(); }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (is_tls())
      tls().async_read_some(buffers, std::forward<Handler>(handler));
    else
      plain().async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (is_tls())
      tls().async_write_some(buffers, std::forward<Handler>(handler));
    else
      plain().async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  std::variant<Plain, Tls> stream_;
};

}  // namespace kiln::http
