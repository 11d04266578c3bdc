#include "lib/rpc/status.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace kiln::rpc
