#include "lib/connect/code.h"

#include <google/protobuf/stubs/strutil.h>

#include <array>
#include <nlohmann/json.hpp>

namespace kiln::connect {
namespace {

struct Row {
  std::string_view word;
  int status;
};
/// By number, from 1.
constexpr std::array<Row, 16> kRows{{{"canceled", 499},
                                     {"unknown", 500},
                                     {"invalid_argument", 400},
                                     {"deadline_exceeded", 504},
                                     {"not_found", 404},
                                     {"already_exists", 409},
                                     {"permission_denied", 403},
                                     {"resource_exhausted", 429},
                                     {"failed_precondition", 400},
                                     {"aborted", 409},
                                     {"out_of_range", 400},
                                     {"unimplemented", 501},
                                     {"internal", 500},
                                     {"unavailable", 503},
                                     {"data_loss", 500},
                                     {"unauthenticated", 401}}};

const Row& row_of(Code code) {
  return kRows.at(static_cast<size_t>(code) - 1);
}

std::string unpadded_base64(const std::string& bytes) {
  std::string text;
  google::protobuf::Base64Escape(bytes, &text);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

}  // namespace

Code code_of(int grpc_code) {
  return grpc_code >= 1 && grpc_code <= static_cast<int>(kRows.size())
             ? static_cast<Code>(grpc_code)
             : Code::kUnknown;
}

std::string_view word_of(Code code) {
  return row_of(code).word;
}

int http_status(Code code) {
  return row_of(code).status;
}

std::string to_json(const Failure& failure) {
  nlohmann::ordered_json out = {{"code", word_of(failure.code)}};
  if (!failure.message.empty()) out["message"] = failure.message;
  for (const Detail& detail : failure.details) {
    nlohmann::ordered_json each = {{"type", detail.type}, {"value", unpadded_base64(detail.bytes)}};
    auto debug = nlohmann::ordered_json::parse(detail.json, nullptr, false);
    if (!detail.json.empty() && !debug.is_discarded()) each["debug"] = std::move(debug);
    out["details"].push_back(std::move(each));
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace kiln::connect
