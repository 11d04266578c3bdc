#include "controller/rpc/lab_service.h"

#include <chrono>
#include <thread>

#include "controller/rpc/answer.h"

namespace kiln::controller {
namespace {

constexpr std::chrono::milliseconds kLookAgain{500};

grpc::Status status_of(const Status& status) {
  return status ? grpc::Status::OK : rpc::to_grpc(status.error());
}

/// Requests stop when the caller goes away; polls, since the sync API has no notification.
class CallerWatch {
 public:
  explicit CallerWatch(grpc::ServerContext& context)
      : thread_([this, &context](const std::stop_token& ended) {
          while (!ended.stop_requested() && !context.IsCancelled())
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          if (context.IsCancelled()) gone_.request_stop();
        }) {}
  std::stop_token token() { return gone_.get_token(); }

 private:
  std::stop_source gone_;
  std::jthread thread_;
};

}  // namespace

grpc::Status LabService::PlanJob(grpc::ServerContext* context, const v1::PlanJobRequest* request,
                                 grpc::ServerWriter<v1::PlanEvent>* writer) {
  CallerWatch watch(*context);
  const auto note = [writer](const std::string& text) {
    v1::PlanEvent event;
    event.set_note(text);
    writer->Write(event);
  };
  auto plan = backend_.plan(request->job_file(), note, watch.token());
  if (!plan) return rpc::to_grpc(plan.error());
  v1::PlanEvent event;
  *event.mutable_plan() = std::move(*plan);
  writer->Write(event);
  return grpc::Status::OK;
}

grpc::Status LabService::StartRun(grpc::ServerContext* /*context*/,
                                  const v1::StartRunRequest* request, v1::StartRunReply* reply) {
  return answer(backend_.start_run(*request), reply);
}

grpc::Status LabService::SubmitRun(grpc::ServerContext* context,
                                   grpc::ServerReader<v1::SubmitPart>* reader,
                                   v1::StartRunReply* reply) {
  v1::SubmitPart part;
  if (!reader->Read(&part) || !part.has_header())
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first part must be the header"};
  const v1::SubmitHeader header = part.header();
  const auto next = [&](v1::SubmitFile* file) {
    if (!reader->Read(&part) || !part.has_file()) return false;
    *file = std::move(*part.mutable_file());
    return true;
  };
  return answer(backend_.submit(header, user_of_(*context), next), reply);
}

/// A token that is revoked or expires ends what was begun with it, within moments.
grpc::Status LabService::WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                                  grpc::ServerWriter<v1::RunEvent>* writer) {
  const auto seat = watches_.take(user_of_(*context));
  if (!seat) return rpc::to_grpc(seat.error());
  auto looked = std::chrono::steady_clock::now();
  Status still;
  const auto emit = [&](const v1::RunEvent& event) {
    if (const auto now = std::chrono::steady_clock::now(); now - looked > kLookAgain) {
      looked = now;
      still = still_in_(*context, "/kiln.v1.Lab/WatchRun");
    }
    return still && !context->IsCancelled() && writer->Write(event);
  };
  const Status watched = backend_.watch_run(request->run_id(), request->from_seq(), emit);
  if (!still) return {grpc::StatusCode::UNAUTHENTICATED, still.error().message};
  return status_of(watched);
}

grpc::Status LabService::CancelRun(grpc::ServerContext* context,
                                   const v1::CancelRunRequest* request,
                                   v1::CancelRunReply* /*reply*/) {
  return status_of(backend_.cancel_run(request->run_id(), user_of_(*context), may_keep_(*context)));
}

grpc::Status LabService::RetryRun(grpc::ServerContext* context, const v1::RetryRunRequest* request,
                                  v1::StartRunReply* reply) {
  return answer(backend_.retry(*request, user_of_(*context)), reply);
}

grpc::Status LabService::ListRuns(grpc::ServerContext* /*context*/,
                                  const v1::ListRunsRequest* request, v1::ListRunsReply* reply) {
  return answer(backend_.list_runs(request->limit(), request->before_id()), reply);
}

grpc::Status LabService::GetReport(grpc::ServerContext* /*context*/,
                                   const v1::GetReportRequest* request, v1::RunReport* reply) {
  return answer(backend_.report(*request), reply);
}

grpc::Status LabService::GetLog(grpc::ServerContext* context, const v1::GetLogRequest* request,
                                grpc::ServerWriter<v1::LogChunk>* writer) {
  const auto emit = [&](std::string_view bytes) {
    v1::LogChunk chunk;
    chunk.set_data(bytes.data(), bytes.size());
    return !context->IsCancelled() && writer->Write(chunk);
  };
  return status_of(backend_.log(*request, emit));
}

}  // namespace kiln::controller
