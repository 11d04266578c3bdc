#include "cli/follow.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include "cli/progress.h"
#include "cli/terminal.h"
#include "lib/conf/units.h"
#include "lib/report/report.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

constexpr std::chrono::milliseconds kLook{100};

std::atomic<bool> g_interrupted{false};  // a signal handler can reach nothing else

void on_signal(int /*signal*/) {
  g_interrupted = true;
}

enum class End { kReached, kTimeout, kInterrupted };

bool is_failure(const v1::RunEvent& event) {
  return event.kind() == "suspect" || (event.kind() == "build" && event.state() == "failed");
}

/// Cancels the call when its time is over or somebody pressed Ctrl-C.
class Watchdog {
 public:
  Watchdog(grpc::ClientContext& context, Millis timeout)
      : thread_([this, &context, timeout](const std::stop_token& ended) {
          const auto begun = std::chrono::steady_clock::now();
          while (!ended.stop_requested()) {
            std::this_thread::sleep_for(kLook);
            const bool late =
                timeout.count() > 0 && std::chrono::steady_clock::now() - begun > timeout;
            if (!late && !g_interrupted) continue;
            late_ = late && !g_interrupted;
            context.TryCancel();
            return;
          }
        }) {}
  [[nodiscard]] bool late() const { return late_; }

 private:
  std::atomic<bool> late_{false};
  std::jthread thread_;
};

Result<End> watch(const Options& options, EmbeddedLab& lab, int64_t run_id) {
  Millis timeout{0};
  if (!options.lab.timeout.empty()) {
    const auto parsed = conf::parse_duration(options.lab.timeout);
    if (!parsed)
      return fail(ErrorKind::kBadInput,
                  fmt::format("`{}` is no time: 30s, 5m, 2h", options.lab.timeout));
    timeout = *parsed;
  }
  Progress progress(look_at_terminal(options), options.progress);
  grpc::ClientContext context;
  const Watchdog watchdog(context, timeout);
  v1::WatchRunRequest request;
  request.set_run_id(run_id);
  const auto reader = lab.lab().WatchRun(&context, request);
  v1::RunEvent event;
  bool reached = false;
  while (!reached && reader->Read(&event)) {
    if (event.kind().empty()) continue;  // only says that the controller is there
    progress.event(event);
    const std::string& until = options.lab.until;
    reached = event.kind() == "finished" || (until == "verdict" && event.kind() == "verdict") ||
              (until == "first-failure" && is_failure(event));
  }
  if (reached) context.TryCancel();
  const grpc::Status status = reader->Finish();
  progress.finish();
  if (reached || status.ok()) return End::kReached;
  if (g_interrupted) return End::kInterrupted;
  if (watchdog.late()) return End::kTimeout;
  return fail(rpc::from_grpc(status, fmt::format("watching run {}", run_id)));
}

}  // namespace

Result<int> follow_run(const Options& options, EmbeddedLab& lab, int64_t run_id) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  KILN_ASSIGN(const End end, watch(options, lab, run_id));
  if (end == End::kInterrupted) {
    std::cerr << fmt::format(
        "run {0} goes on; kiln watch {0} looks again, kiln cancel {0} stops it\n", run_id);
    return kInterrupted;
  }
  if (end == End::kTimeout) {
    std::cerr << fmt::format("run {} has not ended within {}\n", run_id, options.lab.timeout);
    return kNoVerdict;
  }
  KILN_ASSIGN(const v1::RunReport report, get_report(lab.lab(), run_id));
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(report));
    print_document(json);
  } else {
    print_document(report::to_text(report));
  }
  return report.verdict().exit_code();
}

}  // namespace kiln::cli
