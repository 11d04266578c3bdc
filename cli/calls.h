#pragma once
/// Unary calls of the command line, and their answers on stdout.
#include <chrono>
#include <string>

#include "cli/options.h"
#include "cli/terminal.h"
#include "lib/base/result.h"
#include "lib/report/report.h"
#include "lib/report/review.h"
#include "lib/report/schedule.h"
#include "lib/rpc/status.h"

namespace kiln::cli {

/// What prepares a job may have to fetch its source.
inline constexpr auto kPrepareLimit = std::chrono::minutes(15);

/// `call` is a member of the stub; `doing` names it in an error of the wire: "judging".
template <typename Reply, typename Stub, typename Call, typename Request>
Result<Reply> ask(Stub& stub, Call call, const Request& request, const std::string& doing,
                  std::chrono::milliseconds deadline = std::chrono::minutes(2)) {
  grpc::ClientContext context;
  rpc::set_deadline(context, deadline);
  Reply reply;
  if (const grpc::Status status = (stub.*call)(&context, request, &reply); !status.ok())
    return fail(rpc::from_grpc(status, doing));
  return reply;
}

/// The message with --format json, else the text; returns `code`.
template <typename Reply>
Result<int> print_reply(const Options& options, const Reply& reply, const std::string& text,
                        int code = kOk) {
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(reply));
    print_document(json);
  } else {
    print_document(text);
  }
  return code;
}

/// Who works here, for the audit: KILN_USER, else the login name and this computer's.
std::string who_asks();

}  // namespace kiln::cli
