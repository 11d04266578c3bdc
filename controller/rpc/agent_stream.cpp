#include "controller/rpc/agent_stream.h"

#include <utility>

#include "controller/rpc/caller.h"

namespace kiln::controller {
namespace {
constexpr const char* kControllerVersion = KILN_VERSION;
}

AgentStream::AgentStream(fleet::Fleet& fleet, const grpc::CallbackServerContext& context)
    : fleet_(fleet), context_(context), sender_(std::make_shared<Sender>(this)) {
  StartRead(&incoming_);
}

void AgentStream::Sender::send(v1::ToAgent message) {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr) stream_->enqueue(std::move(message));
}

void AgentStream::Sender::close() {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr)
    stream_->finish_once({grpc::StatusCode::PERMISSION_DENIED, "the agent may not come any more"});
}

void AgentStream::Sender::detach() {
  const std::lock_guard lock(mutex_);
  stream_ = nullptr;
}

void AgentStream::OnReadDone(bool ok) {
  if (!ok) {
    finish_once(grpc::Status::OK);
    return;
  }
  v1::FromAgent message = std::exchange(incoming_, {});
  if (message.has_hello() && agent_.empty()) {
    if (const grpc::Status named = check_agent(context_, message.hello().agent()); !named.ok()) {
      finish_once(named);
      return;
    }
    agent_ = message.hello().agent();
    v1::ToAgent welcome;
    welcome.mutable_welcome()->set_controller_version(kControllerVersion);
    enqueue(std::move(welcome));
    fleet_.connected(agent_, message.hello(), sender_);
  } else if (!agent_.empty()) {
    fleet_.received(agent_, std::move(message));
  } else {
    finish_once({grpc::StatusCode::FAILED_PRECONDITION, "the first message must be hello"});
    return;
  }
  StartRead(&incoming_);
}

void AgentStream::enqueue(v1::ToAgent message) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  outgoing_.push_back(std::move(message));
  write_next_locked();
}

void AgentStream::write_next_locked() {
  if (writing_ || outgoing_.empty() || finished_) return;
  writing_ = true;
  StartWrite(&outgoing_.front());
}

void AgentStream::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.pop_front();
    if (ok) {
      write_next_locked();
      return;
    }
  }
  finish_once({grpc::StatusCode::UNAVAILABLE, "the agent's stream broke"});
}

void AgentStream::finish_once(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
  }
  Finish(status);
}

void AgentStream::OnCancel() {
  finish_once(grpc::Status::CANCELLED);
}

void AgentStream::OnDone() {
  sender_->detach();
  if (!agent_.empty()) fleet_.disconnected(agent_, sender_.get());
  delete this;
}

}  // namespace kiln::controller
