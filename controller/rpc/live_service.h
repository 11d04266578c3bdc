#pragma once
/// kiln.v1.Live over the board of changes: on the callback API, since every open window of a
/// dashboard has a stream and none may cost a thread.
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "controller/live/board.h"
#include "controller/rpc/answer.h"
#include "controller/rpc/watches.h"
#include "kiln/v1/live.grpc.pb.h"

namespace kiln::controller {

class LiveService final : public v1::Live::CallbackService {
 public:
  /// The board must outlive the server.
  LiveService(live::Board& board, UserOf user_of, StillIn still_in, Millis heartbeat = kHeartbeat)
      : board_(board),
        user_of_(std::move(user_of)),
        still_in_(std::move(still_in)),
        heartbeat_(heartbeat) {}

  grpc::ServerWriteReactor<v1::Change>* Watch(grpc::CallbackServerContext* context,
                                              const v1::WatchRequest* request) override;

  static constexpr Millis kHeartbeat{15'000};

 private:
  live::Board& board_;
  UserOf user_of_;
  StillIn still_in_;
  const Millis heartbeat_;
  Watches watches_;
};

/// For the server: calls that changed something are on the board, by the service that they are of.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> notice_changes(
    live::Board& board);

}  // namespace kiln::controller
