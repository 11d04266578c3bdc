#include "controller/rpc/agent_stream.h"

#include <fmt/format.h>

#include <utility>

#include "controller/rpc/caller.h"
#include "lib/base/text.h"
#include "lib/rpc/protocol.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {
constexpr const char* kControllerVersion = KILN_VERSION;
constexpr size_t kMostWaiting = 4096;  // messages to an agent that does not read

Status check_protocol(const v1::Hello& hello) {
  const uint32_t spoken = hello.protocol();
  if (spoken >= rpc::kOldestAgentProtocol && spoken <= rpc::kAgentProtocol) return {};
  const bool old = spoken < rpc::kOldestAgentProtocol;
  return fail(
      Error(ErrorKind::kBadInput,
            fmt::format("agent {} (version {}) speaks protocol {}, this controller {} to {}",
                        hello.agent(), to_valid_utf8(hello.version().substr(0, 40)), spoken,
                        rpc::kOldestAgentProtocol, rpc::kAgentProtocol))
          .with_hint(old ? "install the controller's version of kiln-agent there"
                         : "the controller is the older one: upgrade kilnd first"));
}

}  // namespace

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
    if (const Status come = welcome(message.hello()); !come) {
      finish_once(rpc::to_grpc(come.error()));
      return;
    }
  } else if (!agent_.empty()) {
    fleet_.received(agent_, std::move(message));
  } else {
    finish_once({grpc::StatusCode::FAILED_PRECONDITION, "the first message must be hello"});
    return;
  }
  StartRead(&incoming_);
}

/// The welcome is the first that the agent hears, and only when it may stay.
Status AgentStream::welcome(const v1::Hello& hello) {
  if (Status spoken = check_protocol(hello); !spoken) {
    fleet_.warn_once(spoken.error().message);
    return spoken;
  }
  v1::ToAgent first;
  first.mutable_welcome()->set_controller_version(kControllerVersion);
  enqueue(std::move(first));
  KILN_TRY(fleet_.connected(hello.agent(), hello, sender_));
  agent_ = hello.agent();
  const std::lock_guard lock(mutex_);
  welcome_ = true;
  write_next_locked();
  return {};
}

void AgentStream::enqueue(v1::ToAgent message) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (outgoing_.size() < kMostWaiting) {
      outgoing_.push_back(std::move(message));
      write_next_locked();
      return;
    }
  }
  // A status would wait behind the message that it does not take.
  context_.TryCancel();
}

void AgentStream::write_next_locked() {
  if (!welcome_ || writing_ || outgoing_.empty() || finished_) return;
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
