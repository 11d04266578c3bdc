#include "lib/http/session.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>

namespace kiln::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Code = boost::system::error_code;

constexpr Millis kDrain{1000};  ///< in all
constexpr size_t kPiece = 1024;
constexpr const char* kText = "text/plain; charset=utf-8";

template <typename Message>
void set_head(const ServerResponse& response, unsigned version, Message* out) {
  out->version(version);
  out->result(static_cast<unsigned>(response.status));
  out->set(beast::http::field::server, "kiln");
  out->set(beast::http::field::content_type, response.type);
  out->set(beast::http::field::cache_control, "no-store");
  out->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) out->set(name, value);
}

/// Of the requests that were not read to their end; 0 = gone, or too slow.
int status_of(Code code) {
  using beast::http::error;
  if (code == error::header_limit || code == error::buffer_overflow) return 431;
  if (code == error::body_limit) return 413;
  const bool garbage = code.category() == make_error_code(error::bad_method).category() &&
                       code != error::end_of_stream && code != error::partial_message;
  return garbage ? 400 : 0;
}

/// Handed out for one request; talks to the session by the server's mailbox.
class SessionAnswer final : public Answer {
 public:
  SessionAnswer(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Session> session, uint64_t turn)
      : mailbox_(std::move(mailbox)), session_(std::move(session)), turn_(turn) {}
  ~SessionAnswer() override {
    tell([turn = turn_](Session& session) { session.answer_lost(turn); });
  }
  SessionAnswer(const SessionAnswer&) = delete;
  SessionAnswer& operator=(const SessionAnswer&) = delete;

  void send(ServerResponse response) override {
    tell([turn = turn_, response = std::move(response)](Session& session) mutable {
      session.answer_whole(turn, std::move(response));
    });
  }
  void begin(ServerResponse head) override {
    tell([turn = turn_, head = std::move(head)](Session& session) {
      session.answer_begin(turn, head);
    });
  }
  void write(std::string bytes, std::function<void(bool)> written) override {
    const bool posted = mailbox_->post(
        [session = session_, turn = turn_, bytes = std::move(bytes), written]() mutable {
          if (const auto there = session.lock())
            there->answer_piece(turn, std::move(bytes), std::move(written));
          else if (written)
            written(false);
        });
    if (!posted && written) written(false);
  }
  void end() override {
    tell([turn = turn_](Session& session) { session.answer_end(turn); });
  }
  void on_gone(std::function<void()> gone) override {
    const bool posted = mailbox_->post([session = session_, turn = turn_, gone]() mutable {
      if (const auto there = session.lock())
        there->tell_when_gone(turn, std::move(gone));
      else
        gone();
    });
    if (!posted) gone();
  }
  void run(std::function<void()> work) override { (void)mailbox_->run(std::move(work)); }

 private:
  template <typename Tell>
  void tell(Tell words) {
    (void)mailbox_->post([session = session_, words = std::move(words)]() mutable {
      if (const auto there = session.lock()) words(*there);
    });
  }

  std::shared_ptr<Mailbox> mailbox_;
  std::weak_ptr<Session> session_;
  const uint64_t turn_;
};

}  // namespace

bool Mailbox::post(std::function<void()> work) {
  auto ways = ways_.lock();
  if (ways->context == nullptr) return false;
  asio::post(*ways->context, std::move(work));
  return true;
}

bool Mailbox::run(std::function<void()> work) {
  auto ways = ways_.lock();
  if (ways->pool == nullptr) return false;
  asio::post(*ways->pool, std::move(work));
  return true;
}

void Mailbox::close() {
  *ways_.lock() = {nullptr, nullptr};
}

Session::Session(Tcp::socket socket, House& house)
    : stream_(std::move(socket), house.certificate ? house.certificate->current() : nullptr),
      buffer_(house.options.most_header + house.options.most_body + 1024),
      house_(house) {
  Code code;
  const auto peer = stream_.socket().remote_endpoint(code);
  if (!code) {
    const std::string host = peer.address().to_string();
    peer_ = (peer.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(peer.port());
  }
  house_.sessions.insert(this);
}

Session::~Session() {
  house_.sessions.erase(this);
}

void Session::start() {
  if (!stream_.is_tls()) return read();
  stream_.plain().expires_after(house_.options.timeout);
  stream_.tls().async_handshake(boost::asio::ssl::stream_base::server,
                                [self = shared_from_this()](Code code) {
                                  if (!code && !self->house_.stopping) self->read();
                                });
}

void Session::read() {
  parser_.emplace();
  parser_->header_limit(house_.options.most_header);
  parser_->body_limit(house_.options.most_body);
  // For the whole request: one that comes byte by byte gets no more time.
  stream_.plain().expires_after(house_.options.timeout);
  busy_ = false;
  beast::http::async_read(stream_, buffer_, *parser_,
                          [self = shared_from_this()](Code code, size_t) { self->got(code); });
}

void Session::close_unless_answering() {
  if (state_ == State::kPieces) return drop();
  if (!busy_) stream_.plain().close();
}

void Session::got(Code code) {
  if (!code) return respond(parser_->get());
  const int status = status_of(code);
  if (status == 0) return;
  version_ = 11;
  drains_ = true;
  Outgoing out;
  set_head({status, kText}, version_, &out);
  out.body() = "this request is not understood\n";
  send(std::move(out), false, false);
}

ServerRequest Session::asked_of(const Incoming::value_type& request) {
  ServerRequest asked;
  asked.method = std::string(request.method_string());
  const std::string target(request.target());
  const size_t mark = target.find('?');
  asked.path = target.substr(0, mark);
  if (mark != std::string::npos) asked.query = target.substr(mark + 1);
  for (const auto& field : request) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    asked.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  asked.peer = peer_;
  return asked;
}

void Session::respond(const Incoming::value_type& request) {
  version_ = request.version();
  head_only_ = request.method() == beast::http::verb::head;
  again_ = request.keep_alive() && !house_.stopping;
  ServerRequest asked = asked_of(request);
  asked.body = std::move(parser_->get().body());
  const std::string method = head_only_ ? "GET" : asked.method;
  ServerResponse response{404, kText, "there is nothing here\n"};
  std::string allowed;
  for (const Route& route : house_.routes) {
    if (route.prefix ? !asked.path.starts_with(route.path) : route.path != asked.path) continue;
    if (route.method != method) {
      allowed += (allowed.empty() ? "" : ", ") +
                 (route.method == "GET" ? std::string("GET, HEAD") : route.method);
      continue;
    }
    allowed.clear();
    if (route.slow) return hand_over(route, std::move(asked));
    response = route.handler(asked);
    break;
  }
  if (!allowed.empty())
    response = {405, kText, "this method is not served here\n", {{"Allow", allowed}}};
  Outgoing out;
  set_head(response, version_, &out);
  out.body() = std::move(response.body);
  send(std::move(out), head_only_, again_);
}

void Session::hand_over(const Route& route, ServerRequest request) {
  busy_ = true;
  state_ = State::kAsked;
  const auto answer = std::make_shared<SessionAnswer>(house_.mailbox, weak_from_this(), ++turn_);
  house_.asked.insert(shared_from_this());
  if (house_.slow >= house_.options.most_waiting)
    return answer_whole(turn_, {503, kText, "too many requests wait for an answer already\n"});
  stream_.plain().expires_never();
  watch_client();
  ++house_.slow;
  // The house stays until the pool has ended.
  (void)house_.mailbox->run(
      [house = &house_, slow = route.slow, request = std::move(request), answer] {
        --house->slow;
        slow(request, answer);
      });
}

/// While an answer is made nobody reads, so an end of the connection would not be seen.
void Session::watch_client() {
  stream_.socket().async_wait(Tcp::socket::wait_read,
                              [self = shared_from_this(), turn = turn_](Code code) {
                                if (self->turn_ != turn || self->state_ == State::kIdle) return;
                                Code why;
                                // Bytes are the next request, come early: what is wrong later shows
                                // in the writing.
                                if (!code && self->stream_.socket().available(why) > 0 && !why)
                                  return;
                                self->drop();
                              });
}

void Session::send(Outgoing out, bool head_only, bool again) {
  busy_ = true;
  out_ = std::move(out);
  out_.keep_alive(again);
  out_.prepare_payload();
  serializer_.emplace(out_);
  stream_.plain().expires_after(house_.options.timeout);
  const auto done = [self = shared_from_this(), again](Code code, size_t) {
    self->sent(code, again);
  };
  if (head_only)
    beast::http::async_write_header(stream_, *serializer_, done);
  else
    beast::http::async_write(stream_, *serializer_, done);
}

void Session::sent(Code code, bool again) {
  if (code) return;
  if (again && !house_.stopping) return read();
  if (stream_.is_tls()) return say_goodbye();
  Code ignored;
  stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  if (!drains_) return;
  busy_ = false;
  stream_.plain().expires_after(kDrain);
  drain();
}

/// Without TLS's own end the client could not tell a whole answer from a cut one.
void Session::say_goodbye() {
  busy_ = false;
  stream_.plain().expires_after(kDrain);
  stream_.tls().async_shutdown(
      [self = shared_from_this()](Code) { self->stream_.plain().close(); });
}

/// A connection that is closed with bytes unread is reset, and the client may lose the answer.
void Session::drain() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kPiece), [self = shared_from_this()](Code code, size_t) {
    if (!code) self->drain();
  });
}

void Session::answer_whole(uint64_t turn, ServerResponse response) {
  if (!is_current(turn, State::kAsked)) return;
  leave(false);
  Outgoing out;
  set_head(response, version_, &out);
  out.body() = std::move(response.body);
  send(std::move(out), head_only_, again_);
}

void Session::answer_begin(uint64_t turn, const ServerResponse& head) {
  if (!is_current(turn, State::kAsked)) return;
  if (version_ < 11)
    return answer_whole(turn, {505, kText, "this answer comes in pieces: it needs HTTP/1.1\n"});
  state_ = State::kPieces;
  head_ = std::make_unique<Head>();
  set_head(head, version_, head_.get());
  head_->chunked(true);
  head_->keep_alive(false);
  head_serializer_ =
      std::make_unique<beast::http::response_serializer<beast::http::empty_body>>(*head_);
  writing_ = true;
  stream_.plain().expires_after(house_.options.timeout);
  beast::http::async_write_header(stream_, *head_serializer_,
                                  [self = shared_from_this()](Code code, size_t) {
                                    self->writing_ = false;
                                    if (code) return self->drop();
                                    self->next_piece();
                                  });
}

void Session::answer_piece(uint64_t turn, std::string bytes, std::function<void(bool)> written) {
  const bool current = is_current(turn, State::kPieces) && !ended_;
  if (current && unsent_ + bytes.size() > house_.options.most_unsent && !pieces_.empty()) {
    drop();                                               // too slow a reader
  } else if (current && !head_only_ && !bytes.empty()) {  // a piece of no bytes would be the end
    unsent_ += bytes.size();
    pieces_.push_back({std::move(bytes), std::move(written)});
    return next_piece();
  }
  if (written) written(current && state_ == State::kPieces);
}

void Session::next_piece() {
  if (writing_ || state_ != State::kPieces) return;
  if (pieces_.empty()) {
    if (!ended_) return;
    leave(false);
    stream_.plain().expires_after(house_.options.timeout);
    asio::async_write(stream_, beast::http::make_chunk_last(),
                      [self = shared_from_this()](Code code, size_t) { self->sent(code, false); });
    return;
  }
  writing_ = true;
  stream_.plain().expires_after(house_.options.timeout);
  asio::async_write(stream_, beast::http::make_chunk(asio::buffer(pieces_.front().bytes)),
                    [self = shared_from_this()](Code code, size_t) {
                      self->writing_ = false;
                      if (code) return self->drop();
                      if (self->pieces_.empty()) return;  // dropped meanwhile
                      Piece piece = std::move(self->pieces_.front());
                      self->pieces_.pop_front();
                      self->unsent_ -= piece.bytes.size();
                      if (piece.written) piece.written(true);
                      self->next_piece();
                    });
}

void Session::answer_end(uint64_t turn) {
  if (!is_current(turn, State::kPieces)) return;
  ended_ = true;
  next_piece();
}

void Session::answer_lost(uint64_t turn) {
  if (is_current(turn, State::kAsked) || (is_current(turn, State::kPieces) && !ended_)) drop();
}

void Session::tell_when_gone(uint64_t turn, std::function<void()> gone) {
  if (turn_ != turn || state_ == State::kIdle) {
    // Answered, or gone: for the one it is too late, the other has to know.
    if (!stream_.socket().is_open()) gone();
    return;
  }
  gone_ = std::move(gone);
}

/// The request is nobody's any more.
void Session::leave(bool gone) {
  state_ = State::kIdle;
  const auto self = shared_from_this();
  house_.asked.erase(self);
  if (const auto tell = std::exchange(gone_, {}); tell && gone) tell();
}

void Session::drop() {
  if (state_ == State::kIdle) return;
  const auto self = shared_from_this();
  stream_.plain().close();
  const auto pieces = std::exchange(pieces_, {});
  leave(true);
  for (const Piece& piece : pieces)
    if (piece.written) piece.written(false);
}

std::string_view ServerRequest::header(std::string_view name) const {
  std::string_view value;
  for (const auto& [each, words] : headers) {
    if (each != name) continue;
    if (!value.empty()) return "";
    value = words;
  }
  return value;
}

}  // namespace kiln::http
