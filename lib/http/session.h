#pragma once
/// One connection of the server, and what its connections share. Inside of this folder only; all
/// on the server's thread unless said otherwise.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "lib/base/sync.h"
#include "lib/http/server.h"
#include "lib/http/wire.h"

namespace kiln::http {

class Session;

/// The way of other threads to the server's, for as long as it is there.
class Mailbox {
 public:
  Mailbox(boost::asio::io_context* context, boost::asio::thread_pool* pool)
      : ways_(Ways{context, pool}) {}
  /// False, and nothing is done, when the server has ended.
  bool post(std::function<void()> work);
  /// On a thread for slow work; false as above.
  bool run(std::function<void()> work);
  void close();

 private:
  struct Ways {
    boost::asio::io_context* context;
    boost::asio::thread_pool* pool;
  };
  Sync<Ways> ways_;
};

struct House {
  ServerOptions options;
  std::vector<Route> routes;
  std::optional<Certificate> certificate;  ///< none = plain HTTP
  std::set<Session*> sessions;
  std::set<std::shared_ptr<Session>> asked;  ///< that wait for an answer from elsewhere
  std::shared_ptr<Mailbox> mailbox;
  std::atomic<size_t> slow{0};  ///< requests that wait for a thread
  bool stopping = false;
};

/// Reads a request, answers, and again.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Code = boost::system::error_code;
  using Tcp = boost::asio::ip::tcp;

  Session(Tcp::socket socket, House& house);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// With TLS it begins with that.
  void start();
  /// Nothing is being answered, or in pieces without end: nobody waits for this connection.
  void close_unless_answering();
  /// The client is gone, or has to go.
  void drop();

  // From an Answer; `turn` is the request's: what comes for an earlier one is dropped.
  void answer_whole(uint64_t turn, ServerResponse response);
  void answer_begin(uint64_t turn, const ServerResponse& head);
  void answer_piece(uint64_t turn, std::string bytes, std::function<void(bool)> written);
  void answer_end(uint64_t turn);
  void answer_lost(uint64_t turn);
  void tell_when_gone(uint64_t turn, std::function<void()> gone);

 private:
  enum class State {
    kIdle,    ///< reads, or writes a whole answer
    kAsked,   ///< somebody elsewhere has the request
    kPieces,  ///< and answers it piece by piece
  };
  struct Piece {
    std::string bytes;
    std::function<void(bool)> written;
  };
  using Incoming = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Outgoing = boost::beast::http::response<boost::beast::http::string_body>;
  using Head = boost::beast::http::response<boost::beast::http::empty_body>;

  void read();
  void say_goodbye();
  void got(Code code);
  void respond(const Incoming::value_type& request);
  ServerRequest asked_of(const Incoming::value_type& request);
  void hand_over(const Route& route, ServerRequest request);
  void send(Outgoing out, bool head_only, bool again);
  void sent(Code code, bool again);
  void drain();
  void watch_client();
  void next_piece();
  void leave(bool gone);
  [[nodiscard]] bool is_current(uint64_t turn, State state) const {
    return turn_ == turn && state_ == state;
  }

  Wire stream_;
  boost::beast::flat_buffer buffer_;
  House& house_;
  std::string peer_;
  std::optional<Incoming> parser_;
  Outgoing out_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>>
      serializer_;
  bool busy_ = false;
  bool drains_ = false;  ///< the rest of what came is thrown away

  State state_ = State::kIdle;
  uint64_t turn_ = 0;
  unsigned version_ = 11;
  bool head_only_ = false;
  bool again_ = false;
  std::function<void()> gone_;
  std::unique_ptr<Head> head_;
  std::unique_ptr<boost::beast::http::response_serializer<boost::beast::http::empty_body>>
      head_serializer_;
  std::deque<Piece> pieces_;
  size_t unsent_ = 0;
  bool writing_ = false;
  bool ended_ = false;
};

}  // namespace kiln::http
