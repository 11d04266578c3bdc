#include <google/protobuf/util/json_util.h>

#include "lib/report/report.h"
#include "lib/report/review.h"
#include "lib/report/schedule.h"

namespace kiln::report {
namespace {

Result<std::string> write(const google::protobuf::Message& message, const char* what) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!status.ok())
    return fail(ErrorKind::kInternal, std::string("cannot write the ") + what +
                                          " as JSON: " + std::string(status.message()));
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

Result<std::string> message_to_json(const google::protobuf::Message& message) {
  return write(message, "answer");
}
Result<std::string> to_json(const v1::RunReport& report) {
  return write(report, "report");
}
Result<std::string> to_json(const v1::Plan& plan) {
  return write(plan, "plan");
}
Result<std::string> to_json(const v1::ListRunsReply& runs) {
  return write(runs, "runs");
}
Result<std::string> to_json(const v1::JudgeRunReply& reply) {
  return write(reply, "verdict");
}
Result<std::string> to_json(const v1::ListKnownReply& reply) {
  return write(reply, "known issues");
}
Result<std::string> to_json(const v1::ChangeKnownReply& reply) {
  return write(reply, "change of a known issue");
}
Result<std::string> to_json(const v1::AuditKnownReply& reply) {
  return write(reply, "audit");
}
Result<std::string> to_json(const v1::ReproReply& reply) {
  return write(reply, "way to repeat");
}
Result<std::string> to_json(const v1::Schedule& schedule) {
  return write(schedule, "schedule");
}
Result<std::string> to_json(const v1::ListSchedulesReply& reply) {
  return write(reply, "schedules");
}
Result<std::string> to_json(const v1::Firing& firing) {
  return write(firing, "start");
}
Result<std::string> to_json(const v1::ListFiringsReply& reply) {
  return write(reply, "history");
}

}  // namespace kiln::report
