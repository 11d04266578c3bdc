#include "cli/terminal.h"

#include <google/protobuf/util/json_util.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "lib/rpc/status.h"

namespace kiln::cli {

namespace {

std::string_view env(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) != 0 && env("TERM") != "dumb" && env("CI").empty();
}

bool has_color(const Options& options, bool tty) {
  return options.color == ColorMode::kAlways ||
         (options.color == ColorMode::kAuto &&
          ((tty && env("NO_COLOR").empty()) || !env("CLICOLOR_FORCE").empty()));
}

}  // namespace

bool stdout_has_color(const Options& options) {
  return has_color(options, is_terminal(STDOUT_FILENO));
}

Terminal look_at_terminal(const Options& options) {
  Terminal terminal;
  const bool tty = is_terminal(STDERR_FILENO);
  terminal.live =
      options.progress == ProgressMode::kBar || (options.progress == ProgressMode::kAuto && tty);
  terminal.color = has_color(options, tty);
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    terminal.columns = size.ws_col;
  return terminal;
}

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadInput:
    case ErrorKind::kNotFound:
    case ErrorKind::kConflict:
    case ErrorKind::kPermission:
      return kWrongUse;
    case ErrorKind::kCancelled:
      return kInterrupted;
    case ErrorKind::kInfrastructure:
    case ErrorKind::kTimeout:
    case ErrorKind::kNoSpace:
    case ErrorKind::kInternal:
      return kNoVerdict;
  }
  return kNoVerdict;
}

int finish(const Options& options, const Result<int>& result) {
  return result ? *result : report_error(options, result.error());
}

void print_document(const std::string& text) {
  std::cout << text;
  if (text.empty() || text.back() != '\n') std::cout << '\n';
  std::cout << std::flush;
}

int report_error(const Options& options, const Error& error) {
  std::cerr << render(error) << "\n";
  if (options.format == Format::kJson) {
    v1::ErrorReply reply;
    *reply.mutable_error() = rpc::to_proto(error);
    std::string json;
    google::protobuf::util::JsonPrintOptions print;
    print.preserve_proto_field_names = true;
    if (google::protobuf::util::MessageToJsonString(reply, &json, print).ok())
      std::cout << json << "\n";
  }
  return exit_code_of(error.kind);
}

}  // namespace kiln::cli
