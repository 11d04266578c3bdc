#include "controller/gateway/forward.h"

#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <utility>

#include "controller/rpc/caller.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

namespace pb = google::protobuf;

/// Of calls that set none, and the longest that one may set.
constexpr Millis kDeadline{120'000};
constexpr Millis kLongest{15 * 60'000};

std::string path_of(const pb::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& each : slices)
    bytes.append(reinterpret_cast<const char*>(each.begin()), each.size());
  return bytes;
}

connect::Failure failure_of(const grpc::Status& status) {
  connect::Failure failure{connect::code_of(status.error_code()), status.error_message()};
  v1::ErrorDetail detail;
  if (!status.error_details().empty() && detail.ParseFromString(status.error_details())) {
    failure.message = detail.message();
    connect::Detail words{"kiln.v1.ErrorDetail", status.error_details()};
    words.json = connect::to_json(*v1::ErrorDetail::descriptor(), words.bytes).value_or("");
    failure.details.push_back(std::move(words));
  }
  return failure;
}

void set_up(grpc::ClientContext* context, const OnBehalfOf& who) {
  if (!who.authorization.empty()) context->AddMetadata("authorization", who.authorization);
  context->AddMetadata(kPeerKey, who.peer);
}

/// One question, one answer. Lives until the answer has come.
class UnaryCall : public std::enable_shared_from_this<UnaryCall> {
 public:
  UnaryCall(std::shared_ptr<grpc::Channel> channel, connect::Call call, http::AnswerPtr answer)
      : stub_(std::move(channel)), call_(std::move(call)), answer_(std::move(answer)) {}

  void start(const OnBehalfOf& who) {
    set_up(&context_, who);
    rpc::set_deadline(context_, std::min(call_.timeout.value_or(kDeadline), kLongest));
    request_ = buffer_of(call_.request);
    answer_->on_gone([call = weak_from_this()] {
      if (const auto there = call.lock()) there->context_.TryCancel();
    });
    stub_.UnaryCall(&context_, path_of(*call_.method), {}, &request_, &reply_,
                    [self = shared_from_this()](const grpc::Status& status) {
                      // A long report takes its time to become JSON: not on gRPC's thread.
                      self->answer_->run([self, status] { self->finish(status); });
                    });
  }

 private:
  void finish(const grpc::Status& status) {
    if (!status.ok()) return refuse(failure_of(status), false, *answer_);
    auto json = connect::to_json(*call_.method->output_type(), bytes_of(reply_));
    if (!json)
      return refuse(controller::failure_of(connect::Code::kInternal, json.error()), false,
                    *answer_);
    answer_->send({200, connect::kUnaryType, std::move(*json)});
  }

  grpc::GenericStub stub_;
  connect::Call call_;
  http::AnswerPtr answer_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, reply_;
};

/// One question, many answers: the next is read when the last has gone out to the browser, so that
/// a slow one holds up nobody and fills no memory. Deletes itself when all is over.
class StreamCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamCall(std::shared_ptr<grpc::Channel> channel, connect::Call call, http::AnswerPtr answer)
      : stub_(std::move(channel)), call_(std::move(call)), answer_(std::move(answer)) {}

  void start(const OnBehalfOf& who) {
    self_.reset(this);
    set_up(context_.get(), who);
    if (call_.timeout) rpc::set_deadline(*context_, std::min(*call_.timeout, kLongest));
    request_ = buffer_of(call_.request);
    answer_->begin({200, connect::kStreamType});
    stub_.PrepareBidiStreamingCall(context_.get(), path_of(*call_.method), {}, this);
    AddHold();  // reads begin elsewhere
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&message_);
    StartCall();
    answer_->on_gone([context = std::weak_ptr<grpc::ClientContext>(context_)] {
      if (const auto there = context.lock()) there->TryCancel();
    });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    const auto json = connect::to_json(*call_.method->output_type(), bytes_of(message_));
    if (!json) {
      failure_ = controller::failure_of(connect::Code::kInternal, json.error());
      context_->TryCancel();
      return RemoveHold();
    }
    answer_->write(connect::envelope(*json), [this](bool sent) {
      if (sent) return StartRead(&message_);
      context_->TryCancel();
      RemoveHold();
    });
  }

  void OnDone(const grpc::Status& status) override {
    if (!failure_ && !status.ok()) failure_ = failure_of(status);
    answer_->write(connect::end_envelope(failure_), nullptr);
    answer_->end();
    const auto last = std::move(self_);
  }

 private:
  grpc::GenericStub stub_;
  connect::Call call_;
  http::AnswerPtr answer_;
  /// Shared with who would cancel it, at a moment when all may be over.
  std::shared_ptr<grpc::ClientContext> context_ = std::make_shared<grpc::ClientContext>();
  grpc::ByteBuffer request_, message_;
  std::optional<connect::Failure> failure_;
  std::unique_ptr<StreamCall> self_;
};

}  // namespace

connect::Failure failure_of(connect::Code code, const Error& error) {
  const v1::ErrorDetail detail = rpc::to_proto(error);
  connect::Failure failure{code, detail.message()};
  connect::Detail words{"kiln.v1.ErrorDetail", detail.SerializeAsString()};
  words.json = connect::to_json(*v1::ErrorDetail::descriptor(), words.bytes).value_or("");
  failure.details.push_back(std::move(words));
  return failure;
}

void refuse(const connect::Failure& failure, bool stream, http::Answer& answer) {
  if (!stream)
    return answer.send(
        {connect::http_status(failure.code), connect::kUnaryType, connect::to_json(failure)});
  answer.begin({200, connect::kStreamType});
  answer.write(connect::end_envelope(failure), nullptr);
  answer.end();
}

void forward(const std::shared_ptr<grpc::Channel>& channel, connect::Call call,
             const OnBehalfOf& who, http::AnswerPtr answer) {
  if (call.stream) {
    auto made = std::make_unique<StreamCall>(channel, std::move(call), std::move(answer));
    made.release()->start(who);  // its own from now on
    return;
  }
  std::make_shared<UnaryCall>(channel, std::move(call), std::move(answer))->start(who);
}

}  // namespace kiln::controller
