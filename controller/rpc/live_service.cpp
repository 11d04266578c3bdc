#include "controller/rpc/live_service.h"

#include <deque>
#include <mutex>

#include "lib/access/role.h"

namespace kiln::controller {
namespace {

constexpr Millis kLookAgain{500};
constexpr const char* kMethod = "/kiln.v1.Live/Watch";

v1::Change to_proto(const live::Change& change) {
  v1::Change out;
  out.set_seq(change.seq);
  out.set_kind(change.kind);
  out.set_run_id(change.run_id);
  out.set_name(change.name);
  out.set_state(change.state);
  return out;
}

v1::Change word(const char* kind, int64_t seq) {
  v1::Change out;
  out.set_kind(kind);
  out.set_seq(seq);
  return out;
}

/// A call that is refused at once.
class Refused final : public grpc::ServerWriteReactor<v1::Change> {
 public:
  explicit Refused(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

/// One window's stream. Its own until OnDone; the board wakes it. A decision is made under the
/// lock, gRPC is called without it: its callbacks may come in the very call.
class Stream final : public grpc::ServerWriteReactor<v1::Change>,
                     public std::enable_shared_from_this<Stream> {
 public:
  Stream(grpc::CallbackServerContext& context, live::Board& board, StillIn still_in,
         Watches::Seat seat, Millis heartbeat)
      : context_(context),
        board_(board),
        still_in_(std::move(still_in)),
        seat_(std::move(seat)),
        heartbeat_(heartbeat) {}

  void start(int64_t from_seq) {
    self_ = shared_from_this();
    cursor_ = board_.newest();
    waiting_.push_back(word("hello", cursor_));
    if (from_seq > 0) catch_up(from_seq);
    watcher_ = std::make_shared<live::Board::Watcher>([weak = weak_from_this()] {
      if (const auto there = weak.lock()) there->go_on();
    });
    board_.add(watcher_);
    go_on();
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      gone_ = gone_ || !ok;
    }
    go_on();
  }
  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      gone_ = true;
    }
    go_on();
  }
  void OnDone() override {
    const auto last = std::move(self_);
    const std::lock_guard lock(mutex_);  // who is being woken looks at the context
    watcher_.reset();
  }

 private:
  void catch_up(int64_t from_seq) {
    const auto missed = board_.after(from_seq);
    if (!missed)
      waiting_.push_back(word("resync", cursor_));
    else
      for (const live::Change& change : *missed) waiting_.push_back(to_proto(change));
  }

  /// Takes the next to write, if there is one and nothing is being written.
  void go_on() {
    std::optional<grpc::Status> end;
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      if (writing_ || finished_) return;
      end = reason_to_end();
      if (!end && waiting_.empty()) look();
      finished_ = end.has_value();
      if (!end && !waiting_.empty()) {
        current_ = std::move(waiting_.front());
        waiting_.pop_front();
        last_ = std::chrono::steady_clock::now();
        write = writing_ = true;
      }
    }
    if (end) return Finish(*end);
    if (write) StartWrite(&current_);
  }

  /// A token that is revoked or expires ends what was begun with it, within moments.
  std::optional<grpc::Status> reason_to_end() {
    if (gone_) return grpc::Status(grpc::StatusCode::CANCELLED, "nobody watches any more");
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < kLookAgain) return std::nullopt;
    looked_ = now;
    if (const Status still = still_in_(context_, kMethod); !still)
      return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, still.error().message);
    return std::nullopt;
  }

  void look() {
    const int64_t newest = board_.newest();
    const auto changes = board_.after(cursor_);
    if (!changes) {
      waiting_.push_back(word("resync", newest));
      cursor_ = newest;
    } else if (!changes->empty()) {
      for (const live::Change& change : *changes) waiting_.push_back(to_proto(change));
      cursor_ = changes->back().seq;
    } else if (std::chrono::steady_clock::now() - last_ >= heartbeat_) {
      waiting_.push_back(word("heartbeat", cursor_));
    }
  }

  grpc::CallbackServerContext& context_;
  live::Board& board_;
  const StillIn still_in_;
  const Watches::Seat seat_;
  const Millis heartbeat_;
  std::shared_ptr<Stream> self_;
  std::shared_ptr<live::Board::Watcher> watcher_;

  std::mutex mutex_;  ///< of all below
  int64_t cursor_ = 0;
  std::deque<v1::Change> waiting_;  ///< at most what the board keeps
  v1::Change current_;
  bool writing_ = false;
  bool gone_ = false;
  bool finished_ = false;
  std::chrono::steady_clock::time_point looked_{}, last_{};
};

/// What a service's calls change.
const char* kind_of(std::string_view method) {
  if (method.starts_with("/kiln.v1.Machines/")) return "machine";
  if (method.starts_with("/kiln.v1.Schedules/")) return "schedule";
  if (method.starts_with("/kiln.v1.Access/")) return "access";
  if (method.starts_with("/kiln.v1.Findings/")) return "finding";
  if (method == "/kiln.v1.Review/ChangeKnown") return "known";
  return "run";
}

class Notice final : public grpc::experimental::Interceptor {
 public:
  Notice(live::Board& board, const char* kind) : board_(board), kind_(kind) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS) &&
        methods->GetSendStatus().ok()) {
      live::Change change;
      change.kind = kind_;
      board_.post(std::move(change));
    }
    methods->Proceed();
  }

 private:
  live::Board& board_;
  const char* kind_;
};

class Notices final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Notices(live::Board& board) : board_(board) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const access::MethodRule* rule = access::rule_of(info->method());
    if (rule == nullptr || !rule->changes) return nullptr;
    return new Notice(board_, kind_of(info->method()));
  }

 private:
  live::Board& board_;
};

}  // namespace

grpc::ServerWriteReactor<v1::Change>* LiveService::Watch(grpc::CallbackServerContext* context,
                                                         const v1::WatchRequest* request) {
  auto seat = watches_.take(user_of_(*context));
  if (!seat) return new Refused(rpc::to_grpc(seat.error()));
  const auto stream =
      std::make_shared<Stream>(*context, board_, still_in_, std::move(*seat), heartbeat_);
  stream->start(request->from_seq());
  return stream.get();
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> notice_changes(
    live::Board& board) {
  return std::make_unique<Notices>(board);
}

}  // namespace kiln::controller
