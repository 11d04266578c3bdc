#include "agent/link/link.h"

#include <algorithm>
#include <map>
#include <random>

#include "lib/base/text.h"
#include "lib/rpc/protocol.h"
#include "lib/rpc/status.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;
/// A cancelled stream's write returns at once; this is only far away.
constexpr std::chrono::hours kForever{24};
constexpr size_t kMaxConsoleEvents = 1024;

std::string draw_instance() {
  std::random_device device;
  return std::to_string((static_cast<uint64_t>(device()) << 32U) | device());
}

bool is_console_line(const v1::FromAgent& message) {
  return message.has_event() && !message.event().console_line().empty();
}

}  // namespace

Link::Link(LinkConfig config, std::shared_ptr<grpc::Channel> channel, Outbox& outbox,
           ArtifactClient& artifacts, LinkEvents events)
    : config_(std::move(config)),
      channel_(std::move(channel)),
      outbox_(outbox),
      artifacts_(artifacts),
      events_(std::move(events)),
      stub_(v1::AgentLink::NewStub(channel_)),
      instance_(draw_instance()),
      writer_([this](std::stop_token stop) { write_loop(stop); }),
      reader_([this](std::stop_token stop) { connect_loop(stop); }) {}

Link::~Link() {
  reader_.request_stop();
  writer_.request_stop();
  {
    auto state = state_.lock();
    state.notify_all();
  }
  reader_.join();
  writer_.join();
}

void Link::push(v1::FromAgent message) {
  auto state = state_.lock();
  if (state->generation == 0) return;
  const bool console = is_console_line(message);
  const size_t limit = console ? kMaxConsoleEvents : config_.max_events;
  if (state->events.size() >= std::min(limit, config_.max_events)) {
    ++state->dropped;
    if (console) return;
    auto victim = std::find_if(state->events.begin(), state->events.end(), is_console_line);
    state->events.erase(victim != state->events.end() ? victim : state->events.begin());
  }
  state->events.push_back(std::move(message));
  state.notify_all();
}

void Link::event(v1::SessionEvent event) {
  v1::FromAgent message;
  *message.mutable_event() = std::move(event);
  push(std::move(message));
}

void Link::machine_state(const std::string& machine, const std::string& word,
                         const std::string& why) {
  v1::FromAgent message;
  message.mutable_machine()->set_machine(machine);
  message.mutable_machine()->set_state(word);
  message.mutable_machine()->set_why(why);
  push(std::move(message));
}

void Link::machines_changed() {
  auto state = state_.lock();
  state->machines_changed = true;
  state.notify_all();
}

os::Path Link::test_names(const std::string& machine) const {
  return events_.test_names ? events_.test_names(machine) : os::Path();
}

void Link::wake() {
  auto state = state_.lock();
  state->outbox_changed = true;
  state.notify_all();
}

bool Link::connected() {
  return state_.lock()->welcomed;
}

uint64_t Link::dropped_events() {
  return state_.lock()->dropped;
}

void Link::connect_loop(std::stop_token stop) {
  Millis pause = config_.retry;
  while (!stop.stop_requested()) {
    if (one_connection(stop)) pause = config_.retry;
    auto state = state_.lock();
    state.wait_until(Steady::now() + pause, [&] { return stop.stop_requested(); });
    pause = std::min(pause * 2, config_.retry_max);
  }
}

/// True when a controller had said welcome.
bool Link::one_connection(std::stop_token stop) {
  // What changes from here on is told after the hello.
  state_.lock()->machines_changed = false;
  // Asked before the call is open: it may take seconds (a probe).
  std::vector<v1::MachineInfo> machines = events_.machines();
  bool more = false;
  for (v1::MachineInfo& machine : machines) {
    if (!machine.preparing().empty() || test_names(machine.name()).empty()) continue;
    machine.set_preparing("its list of tests is on the way");
    more = true;
  }
  grpc::ClientContext context;
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto stream = stub_->Connect(&context);
  if (stream->Write(hello(machines))) {
    auto state = state_.lock();
    ++connections_;
    state->generation = connections_;
    state->stream = stream.get();
    state->outbox_changed = true;
    state->machines_changed = state->machines_changed || more;
    state->events.clear();
    state.notify_all();
  }
  v1::ToAgent message;
  bool welcomed = false;
  while (stream->Read(&message)) {
    if (message.has_welcome()) {
      welcomed = true;
      state_.lock()->welcomed = true;
    }
    handle(message);
  }
  {
    auto state = state_.lock();
    state->generation = 0;
    state->welcomed = false;
    // The writer may be in the middle of a write, which ends now that the stream is broken.
    context.TryCancel();
    state.wait_until(Steady::now() + kForever, [&] { return !state->writer_busy; });
    state->stream = nullptr;
  }
  const grpc::Status status = stream->Finish();
  if (!welcomed && !stop.stop_requested()) tell_refusal(status);
  if (welcomed) refused_.clear();
  return welcomed;
}

v1::FromAgent Link::hello(const std::vector<v1::MachineInfo>& machines) const {
  v1::FromAgent first;
  v1::Hello* hello = first.mutable_hello();
  hello->set_agent(config_.agent);
  hello->set_version(config_.version);
  hello->set_protocol(rpc::kAgentProtocol);
  hello->set_instance(instance_);
  const auto now = SystemClock().now().time_since_epoch();
  hello->mutable_time()->set_seconds(now.count() / 1000);
  hello->mutable_time()->set_nanos(static_cast<int>(now.count() % 1000 * 1'000'000));
  hello->add_features("sessions-survive-reconnect");
  if (events_.open_tunnel) hello->add_features("tunnels");
  for (const v1::MachineInfo& machine : machines) *hello->add_machines() = machine;
  if (events_.sessions)
    for (v1::HeldSession& held : events_.sessions()) *hello->add_sessions() = std::move(held);
  return first;
}

/// A controller that is not there is no refusal.
void Link::tell_refusal(const grpc::Status& status) {
  if (status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::CANCELLED)
    return;
  std::string words = to_valid_utf8(status.error_message());
  if (words == refused_) return;
  refused_ = std::move(words);
  if (events_.refused) events_.refused(refused_);
}

void Link::handle(const v1::ToAgent& message) {
  switch (message.kind_case()) {
    case v1::ToAgent::kStart:
      // A session that has ended here already: its end is sent again, the work is not done twice.
      if (outbox_.holds(message.start().session_id())) {
        wake();
      } else {
        events_.start(message.start());
      }
      break;
    case v1::ToAgent::kCancel:
      events_.cancel(message.cancel().session_id(), message.cancel().why());
      break;
    case v1::ToAgent::kAck:
      outbox_.acknowledged(message.ack().session_id());
      break;
    case v1::ToAgent::kOpenTunnel:
      if (events_.open_tunnel) events_.open_tunnel(message.open_tunnel());
      break;
    case v1::ToAgent::kWelcome:
    case v1::ToAgent::KIND_NOT_SET:
      break;
  }
}

bool Link::write(uint64_t generation, const v1::FromAgent& message) {
  Stream* stream = nullptr;
  {
    auto state = state_.lock();
    if (state->generation != generation) return false;
    stream = state->stream;
    state->writer_busy = true;
  }
  const bool ok = stream->Write(message);
  auto state = state_.lock();
  state->writer_busy = false;
  state.notify_all();
  return ok;
}

void Link::send_unsent(uint64_t generation, std::stop_token stop) {
  for (const v1::SessionDone& done : outbox_.unsent()) {
    Status sent;
    for (const auto& [name, digest] : done.session().artifacts()) {
      // Gone when the controller acknowledged meanwhile; then the end is not needed either.
      if (!os::file_size(outbox_.blob(digest))) continue;
      sent = artifacts_.send(digest, stop);
      if (!sent) break;
    }
    // Without its artifacts the end waits for the next turn: results never point at nothing.
    if (!sent && sent.error().kind == ErrorKind::kNoSpace)
      say_waiting(generation, done, sent.error());
    if (!sent || !outbox_.holds(done.session().id())) continue;
    v1::FromAgent message;
    *message.mutable_done() = done;
    if (!write(generation, message)) return;
  }
}

/// A controller whose disk is full can say so to its people.
void Link::say_waiting(uint64_t generation, const v1::SessionDone& done, const Error& why) {
  v1::FromAgent message;
  message.mutable_event()->set_session_id(done.session().id());
  message.mutable_event()->set_lease_epoch(done.lease_epoch());
  message.mutable_event()->set_phase("results-wait");
  message.mutable_event()->set_text(to_valid_utf8(why.message));
  write(generation, message);
}

void Link::send_machines(uint64_t generation, std::stop_token stop) {
  std::map<os::Path, std::string> sent;
  for (v1::MachineInfo& info : events_.machines()) {
    const os::Path names = test_names(info.name());
    if (!names.empty() && !sent.contains(names)) {
      // A controller that cannot take them goes on without.
      auto digest = artifacts_.send_file(names, stop);
      sent[names] = digest ? *digest : "";
    }
    if (!names.empty()) info.set_test_names(sent[names]);
    v1::FromAgent message;
    *message.mutable_machine_info() = std::move(info);
    if (!write(generation, message)) return;
  }
}

void Link::write_loop(std::stop_token stop) {
  auto resend_at = Steady::now() + config_.resend;
  while (!stop.stop_requested()) {
    std::deque<v1::FromAgent> batch;
    uint64_t generation = 0;
    bool outbox = false;
    bool machines = false;
    {
      auto state = state_.lock();
      state.wait_until(resend_at, [&] {
        return stop.stop_requested() ||
               (state->generation != 0 &&
                (!state->events.empty() || state->outbox_changed || state->machines_changed));
      });
      generation = state->generation;
      if (generation != 0) {
        batch = std::exchange(state->events, {});
        machines = std::exchange(state->machines_changed, false);
        outbox = std::exchange(state->outbox_changed, false) || Steady::now() >= resend_at;
      }
    }
    if (Steady::now() >= resend_at) resend_at = Steady::now() + config_.resend;
    for (const v1::FromAgent& message : batch)
      if (!write(generation, message)) break;
    if (machines) send_machines(generation, stop);
    if (outbox) {
      send_unsent(generation, stop);
      resend_at = Steady::now() + config_.resend;
    }
  }
}

}  // namespace kiln::agent
