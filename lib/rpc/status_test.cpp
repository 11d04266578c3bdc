#include "lib/rpc/status.h"

#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include "lib/base/sync.h"
#include "lib/rpc/grpc_log.h"

namespace kiln::rpc {
namespace {

TEST(RpcStatus, AnErrorComesBackAsItWas) {
  Error error(ErrorKind::kBadInput, "unknown field `repeat`");
  error.position = Position{"jobs/kmap.yaml", 14, 3};
  error.source_line = "  repeat: 5";
  error.span = 6;
  error.hint = "did you mean `repeats`?";
  error.context = {"while reading the job"};
  const grpc::Status status = to_grpc(error);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const Error back = from_grpc(status, "plan");
  EXPECT_EQ(back.kind, ErrorKind::kBadInput);
  EXPECT_EQ(render(back), render(error));
}

TEST(RpcStatus, InvalidUtf8AndGreatLengthStillTravel) {
  Error error(ErrorKind::kInfrastructure, std::string(100'000, 'x') + "\xFF");
  error.context = {std::string(50'000, 'y')};
  const Error back = from_grpc(to_grpc(error), "run");
  EXPECT_EQ(back.kind, ErrorKind::kInfrastructure);
  EXPECT_EQ(back.message.substr(0, 10), "xxxxxxxxxx");
}

TEST(RpcStatus, AnErrorOfTheWireNamesTheCall) {
  const Error error =
      from_grpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no connection"), "watch");
  EXPECT_EQ(error.kind, ErrorKind::kInfrastructure);
  EXPECT_EQ(error.message, "watch failed: no connection");
}

TEST(RpcStatus, WhoIsNotKnownIsNotPermitted) {
  const Error error =
      from_grpc(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "no token\nget one"), "watch");
  EXPECT_EQ(error.kind, ErrorKind::kPermission);
  EXPECT_EQ(error.message, "watch failed: no token");
  EXPECT_EQ(error.hint, "get one");
}

TEST(GrpcLog, AFloodOfComplaintsIsAFewLines) {
  static auto* lines = new Sync<std::vector<std::string>>();
  take_grpc_log([](const std::string& line) { lines->lock()->push_back(line); });
  gpr_log(GPR_INFO, "all is well");
  for (int i = 0; i < 1000; ++i) gpr_log(GPR_ERROR, "handshake %d failed", i);
  const auto said = *lines->lock();
  ASSERT_EQ(said.size(), 10U);
  EXPECT_EQ(said[0], "grpc: handshake 0 failed");
}

}  // namespace
}  // namespace kiln::rpc
