/// Artifacts that come in over connections that break.
#include "controller/rpc/integration/lab_fixture.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class ArtifactsTest : public LabFixture {
 protected:
  void SetUp() override {
    LabFixture::SetUp();
    stub_ = v1::AgentLink::NewStub(agents(enrolled("rack-1")));
  }
  v1::AskArtifactReply ask(const std::string& digest) {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(5'000));
    v1::AskArtifactRequest request;
    request.set_digest(digest);
    v1::AskArtifactReply reply;
    const grpc::Status status = stub_->AskArtifact(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  /// The announced size is `text`'s; what is sent is `count` bytes from `offset`, in chunks of
  /// 1000.
  grpc::Status put(const std::string& digest, const std::string& text, size_t offset,
                   size_t count) {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(5'000));
    v1::PutArtifactReply reply;
    const auto writer = stub_->PutArtifact(&context, &reply);
    v1::Chunk chunk;
    chunk.set_digest(digest);
    chunk.set_size(static_cast<int64_t>(text.size()));
    chunk.set_offset(static_cast<int64_t>(offset));
    for (size_t at = 0; at < count; at += 1000) {
      chunk.set_data(text.substr(offset + at, std::min<size_t>(1000, count - at)));
      if (!writer->Write(chunk)) break;
      chunk.clear_digest();
    }
    writer->WritesDone();
    return writer->Finish();
  }

  std::unique_ptr<v1::AgentLink::Stub> stub_;
  const std::string text_ = std::string(5'000, 'a') + std::string(5'000, 'b');
  const std::string digest_ = os::sha256_hex(text_);
};

TEST_F(ArtifactsTest, WhatCameStaysAndTheRestIsEnough) {
  EXPECT_EQ(ask(digest_).received(), 0);
  const grpc::Status half = put(digest_, text_, 0, 6'000);
  EXPECT_THAT(half.error_message(), HasSubstr("6000 of 10000 bytes arrived"));
  EXPECT_EQ(ask(digest_).received(), 6'000);
  EXPECT_FALSE(ask(digest_).stored());
  EXPECT_TRUE(put(digest_, text_, 6'000, 4'000).ok());
  EXPECT_TRUE(ask(digest_).stored());
  EXPECT_EQ(*blobs_->get(digest_), text_);
}

TEST_F(ArtifactsTest, OneThatIsCutOffLeavesWhatCame) {
  {
    grpc::ClientContext context;
    v1::PutArtifactReply reply;
    const auto writer = stub_->PutArtifact(&context, &reply);
    v1::Chunk chunk;
    chunk.set_digest(digest_);
    chunk.set_size(static_cast<int64_t>(text_.size()));
    chunk.set_data(text_.substr(0, 3'000));
    ASSERT_TRUE(writer->Write(chunk));
    for (int i = 0; i < 200 && ask(digest_).received() < 3'000; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(put(digest_, text_, 0, 10'000).error_code(), StatusCode::ABORTED)
        << "one at a time writes it";
    context.TryCancel();
    (void)writer->Finish();
  }
  EXPECT_EQ(ask(digest_).received(), 3'000);
  grpc::Status rest(StatusCode::UNKNOWN, "");
  // The server learns of the end a little later.
  for (int i = 0; i < 200 && !rest.ok(); ++i) {
    rest = put(digest_, text_, 3'000, 7'000);
    if (!rest.ok()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(rest.ok()) << rest.error_message();
}

TEST_F(ArtifactsTest, RefusesWhatIsWrong) {
  const std::string other = os::sha256_hex("other");
  EXPECT_THAT(put(other, text_, 0, 10'000).error_message(), HasSubstr("have the digest"));
  EXPECT_EQ(ask(other).received(), 0);
  EXPECT_THAT(put(other, "tiny", 0, 4).error_message(), HasSubstr("another digest"));
  EXPECT_FALSE(ask(other).stored());
  EXPECT_EQ(put("../../x", text_, 0, 10'000).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(put(digest_, text_, 5'000, 10).error_message(), HasSubstr("only 0 bytes before"));
}

}  // namespace
}  // namespace kiln::controller
