#pragma once
/// What the Lab service needs of the controller: the rpc folder knows the wire, not the house.
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "kiln/v1/lab.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use; calls may block up to the caller's deadline.
class LabBackend {
 public:
  virtual ~LabBackend() = default;
  /// `note` gets lines for people while the source and the configs are prepared.
  virtual Result<v1::Plan> plan(const std::string& job_file,
                                const std::function<void(const std::string&)>& note,
                                std::stop_token stop) = 0;
  virtual Result<v1::StartRunReply> start_run(const v1::StartRunRequest& request) = 0;
  /// A job with its files, which `next` gives one by one; false = that was all.
  virtual Result<v1::StartRunReply> submit(const v1::SubmitHeader& header, const std::string& user,
                                           const std::function<bool(v1::SubmitFile*)>& next) = 0;
  /// Events from from_seq on until "finished"; `emit` returns false to end.
  virtual Status watch_run(int64_t run_id, int64_t from_seq,
                           const std::function<bool(const v1::RunEvent&)>& emit) = 0;
  /// By the user who submitted it, or a keeper: kPermission for others.
  virtual Status cancel_run(int64_t run_id, const std::string& user, bool keeper) = 0;
  virtual Result<v1::StartRunReply> retry(const v1::RetryRunRequest& request,
                                          const std::string& user) = 0;
  virtual Result<v1::ListRunsReply> list_runs(int limit, int64_t before) = 0;
  /// run_id 0 = the newest.
  virtual Result<v1::RunReport> report(const v1::GetReportRequest& request) = 0;
  virtual Status log(const v1::GetLogRequest& request,
                     const std::function<bool(std::string_view)>& emit) = 0;
};

}  // namespace kiln::controller
