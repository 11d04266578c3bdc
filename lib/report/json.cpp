#include <google/protobuf/util/json_util.h>

#include "lib/report/report.h"

namespace kiln::report {

Result<std::string> message_to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!status.ok())
    return fail(ErrorKind::kInternal, "cannot write a " + message.GetDescriptor()->name() +
                                          " as JSON: " + std::string(status.message()));
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace kiln::report
