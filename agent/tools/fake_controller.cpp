#include "agent/tools/fake_controller.h"

#include <fstream>
#include <vector>

#include "lib/rpc/status.h"

namespace kiln::agent {

Result<std::unique_ptr<OneSessionController>> OneSessionController::start(const os::Path& socket,
                                                                          os::Path store) {
  std::unique_ptr<OneSessionController> controller(new OneSessionController(std::move(store)));
  controller->target_ = "unix:" + socket.string();
  grpc::ServerBuilder builder;
  rpc::configure(builder);
  builder.AddListeningPort(controller->target_, grpc::InsecureServerCredentials());
  builder.RegisterService(controller.get());
  controller->server_ = builder.BuildAndStart();
  if (!controller->server_)
    return fail(ErrorKind::kInfrastructure, "cannot listen at " + socket.string());
  return controller;
}

OneSessionController::~OneSessionController() {
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
}

Result<std::string> OneSessionController::offer(const os::Path& file) {
  KILN_ASSIGN(std::string digest, os::sha256_file(file));
  state_.lock()->offers[digest] = file;
  return digest;
}

std::string OneSessionController::stored(const std::string& digest) const {
  return os::read_file(store_ / digest, 1ULL << 30).value_or("");
}

std::optional<v1::Hello> OneSessionController::hello() {
  return state_.lock()->hello;
}

std::optional<v1::SessionDone> OneSessionController::run(const v1::SessionOrder& order,
                                                         Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto state = state_.lock();
  state->done.reset();
  state->order = order;
  if (!state.wait_until(deadline, [&] { return state->stream != nullptr; })) return std::nullopt;
  v1::ToAgent message;
  *message.mutable_start() = order;
  state->stream->Write(message);
  state.wait_until(deadline, [&] { return state->done.has_value(); });
  return state->done;
}

void OneSessionController::cancel(int64_t session_id, const std::string& why) {
  v1::ToAgent message;
  message.mutable_cancel()->set_session_id(session_id);
  message.mutable_cancel()->set_why(why);
  auto state = state_.lock();
  if (state->stream != nullptr) state->stream->Write(message);
}

grpc::Status OneSessionController::Connect(grpc::ServerContext*, Stream* stream) {
  v1::FromAgent message;
  if (!stream->Read(&message) || !message.has_hello())
    return {grpc::StatusCode::FAILED_PRECONDITION, "hello comes first"};
  {
    v1::ToAgent welcome;
    welcome.mutable_welcome()->set_controller_version("trial");
    stream->Write(welcome);
    auto state = state_.lock();
    state->hello = message.hello();
    state->stream = stream;
    state.notify_all();
  }
  for (const v1::MachineInfo& machine : message.hello().machines())
    if (on_machine) on_machine(machine);
  while (stream->Read(&message)) {
    if (message.has_event() && on_event) on_event(message.event());
    if (message.has_machine_info() && on_machine) on_machine(message.machine_info());
    if (!message.has_done()) continue;
    auto state = state_.lock();
    if (state->order && state->order->session_id() == message.done().session().id())
      state->done = message.done();
    v1::ToAgent ack;
    ack.mutable_ack()->set_session_id(message.done().session().id());
    stream->Write(ack);
    state.notify_all();
  }
  auto state = state_.lock();
  if (state->stream == stream) state->stream = nullptr;
  return grpc::Status::OK;
}

grpc::Status OneSessionController::FetchArtifact(grpc::ServerContext*,
                                                 const v1::FetchArtifactRequest* request,
                                                 grpc::ServerWriter<v1::Chunk>* writer) {
  os::Path file;
  {
    auto state = state_.lock();
    const auto found = state->offers.find(request->digest());
    if (found == state->offers.end())
      return rpc::to_grpc(Error(ErrorKind::kNotFound, "no artifact " + request->digest()));
    file = found->second;
  }
  std::ifstream in(file, std::ios::binary);
  std::vector<char> buffer(1 << 19);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    v1::Chunk chunk;
    chunk.set_data(buffer.data(), static_cast<size_t>(in.gcount()));
    if (in.gcount() > 0 && !writer->Write(chunk)) break;
  }
  return grpc::Status::OK;
}

grpc::Status OneSessionController::PutArtifact(grpc::ServerContext*,
                                               grpc::ServerReader<v1::Chunk>* reader,
                                               v1::PutArtifactReply* reply) {
  v1::Chunk chunk;
  std::string bytes;
  while (reader->Read(&chunk)) {
    if (reply->digest().empty()) reply->set_digest(chunk.digest());
    bytes += chunk.data();
  }
  if (os::sha256_hex(bytes) != reply->digest()) return {grpc::StatusCode::DATA_LOSS, "bad digest"};
  if (auto written = os::write_atomic(store_ / reply->digest(), bytes); !written)
    return rpc::to_grpc(written.error());
  return grpc::Status::OK;
}

}  // namespace kiln::agent
