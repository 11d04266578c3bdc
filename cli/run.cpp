/// kiln run, kiln plan and kiln repro.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/embedded.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "lib/os/children.h"
#include "lib/os/files.h"
#include "lib/report/report.h"
#include "lib/report/review.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

std::atomic<int> g_interrupts{0};  // a signal handler can reach nothing else

/// First Ctrl-C (or SIGTERM) asks the run to stop; the second ends the process at once, and its
/// machines and builds with it.
void on_interrupt(int /*signal*/) {
  if (g_interrupts.fetch_add(1) == 0) return;
  os::kill_children();
  ::_exit(kInterrupted);
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
}

Result<v1::Plan> ask_plan(v1::Lab::Stub& lab, const std::string& job_file, Progress& progress) {
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::hours(1));
  v1::PlanJobRequest request;
  request.set_job_file(job_file);
  const auto reader = lab.PlanJob(&context, request);
  v1::PlanEvent event;
  v1::Plan plan;
  std::jthread interrupt_watch([&context](const std::stop_token& ended) {
    while (!ended.stop_requested() && g_interrupts == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (g_interrupts > 0) context.TryCancel();
  });
  while (reader->Read(&event)) {
    if (event.has_plan()) {
      plan = event.plan();
    } else {
      progress.say(event.note());
    }
  }
  const grpc::Status status = reader->Finish();
  if (g_interrupts > 0) return fail(ErrorKind::kCancelled, "interrupted while planning");
  if (!status.ok()) return fail(rpc::from_grpc(status, "planning " + job_file));
  return plan;
}

void cancel_run(v1::Lab::Stub& lab, int64_t run_id) {
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::seconds(4));
  v1::CancelRunRequest request;
  request.set_run_id(run_id);
  v1::CancelRunReply reply;
  (void)lab.CancelRun(&context, request, &reply);
}

/// Once a second: times move on; Enter shows the last console line; the first interrupt cancels.
class Ticker {
 public:
  Ticker(v1::Lab::Stub& lab, int64_t run_id, Progress& progress, std::mutex& mutex)
      : thread_([&lab, run_id, &progress, &mutex](const std::stop_token& ended) {
          bool cancelled = false;
          auto last = std::chrono::steady_clock::now();
          const bool keys = ::isatty(STDIN_FILENO) != 0;
          while (!ended.stop_requested()) {
            pollfd input{keys ? STDIN_FILENO : -1, POLLIN, 0};
            ::poll(&input, 1, 100);
            if ((input.revents & POLLIN) != 0) {
              char buffer[256];
              (void)!::read(STDIN_FILENO, buffer, sizeof buffer);
              const std::lock_guard lock(mutex);
              progress.say("console: " + progress.last_console_line());
            }
            if (g_interrupts > 0 && !cancelled) {
              cancelled = true;
              {
                const std::lock_guard lock(mutex);
                progress.say(
                    "stopping; the same command goes on where it was (Ctrl-C again ends at once)");
              }
              cancel_run(lab, run_id);
            }
            const auto now = std::chrono::steady_clock::now();
            if (now - last >= std::chrono::seconds(1)) {
              last = now;
              const std::lock_guard lock(mutex);
              progress.tick();
            }
          }
        }) {}

 private:
  std::jthread thread_;
};

Status watch(v1::Lab::Stub& lab, int64_t run_id, Progress& progress) {
  std::mutex mutex;
  const Ticker ticker(lab, run_id, progress, mutex);
  grpc::ClientContext context;
  v1::WatchRunRequest request;
  request.set_run_id(run_id);
  const auto reader = lab.WatchRun(&context, request);
  v1::RunEvent event;
  while (reader->Read(&event)) {
    const std::lock_guard lock(mutex);
    progress.event(event);
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return fail(rpc::from_grpc(status, "watching the run"));
  return {};
}

Result<int> print_report(const Options& options, const v1::RunReport& report,
                         const std::string& data_dir) {
  const os::Path folder = os::Path(data_dir) / "reports";
  KILN_TRY(os::make_dirs(folder));
  const os::Path html = folder / fmt::format("run-{}.html", report.run().id());
  KILN_TRY(os::write_atomic(html, report::to_html(report)));
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(report));
    print_document(json);
  } else {
    print_document(report::to_text(report));
  }
  std::cerr << "report: " << html.string() << "\n"
            << fmt::format(
                   "next:   kiln show {0} | kiln report {0} --format json | kiln log {0} SESSION\n",
                   report.run().id());
  return report.verdict().exit_code();
}

Result<int> plan_checked(const Options& options) {
  catch_interrupts();
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kPlan));
  Progress progress(look_at_terminal(options), options.progress);
  KILN_ASSIGN(const v1::Plan plan, ask_plan(host->lab(), options.job_file, progress));
  progress.finish();
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(plan));
    print_document(json);
  } else {
    print_document(report::plan_to_text(plan));
  }
  return kOk;
}

/// Watches a started run to its end and prints what it found; `again` is the command that goes on.
Result<int> see_through(const Options& options, EmbeddedLab& host, const v1::StartRunReply& started,
                        const std::string& again, Progress& progress) {
  progress.say(started.resumed() ? fmt::format("run {} goes on where it was", started.run_id())
                                 : fmt::format("run {} started", started.run_id()));
  KILN_TRY(watch(host.lab(), started.run_id(), progress));
  progress.finish();
  KILN_ASSIGN(const v1::RunReport report, get_report(host.lab(), started.run_id()));
  if (report.run().state() == "interrupted") {
    std::cerr << "interrupted; go on with: " << again << "\n";
    if (options.format != Format::kJson) return kInterrupted;
  }
  if (report.verdict().result() == "refused" && options.format != Format::kJson) {
    std::cerr << report.run().error() << "\n";
    return kWrongUse;
  }
  return print_report(options, report, host.data_dir());
}

Result<int> run_checked(const Options& options) {
  catch_interrupts();
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kRun));
  Progress progress(look_at_terminal(options), options.progress);
  KILN_ASSIGN(const v1::Plan plan, ask_plan(host->lab(), options.job_file, progress));
  progress.say(report::plan_to_text(plan));

  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::minutes(10));
  v1::StartRunRequest request;
  request.set_job_file(options.job_file);
  request.set_fresh(options.fresh);
  request.set_plan_id(plan.id());
  v1::StartRunReply started;
  if (const grpc::Status status = host->lab().StartRun(&context, request, &started); !status.ok())
    return fail(rpc::from_grpc(status, "starting " + options.job_file));
  return see_through(options, *host, started, "kiln run " + options.job_file, progress);
}

/// "412/f3" or "f3" (of the newest run).
Result<v1::ReproRequest> parse_finding(const Options& options) {
  v1::ReproRequest request;
  const size_t slash = options.finding.find('/');
  const bool with_run = slash != std::string::npos;
  KILN_ASSIGN(const int64_t run_id, parse_run_id(with_run ? options.finding.substr(0, slash) : ""));
  request.set_run_id(run_id);
  request.set_finding(with_run ? options.finding.substr(slash + 1) : options.finding);
  request.set_boots(options.boots);
  return request;
}

Result<int> repro_checked(const Options& options) {
  KILN_ASSIGN(const v1::ReproRequest request, parse_finding(options));
  if (!options.show_only) catch_interrupts();
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, options.show_only ? HostMode::kReadOnly
                                                                             : HostMode::kRun));
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::minutes(2));
  v1::ReproReply reply;
  if (const grpc::Status status = host->review().DescribeRepro(&context, request, &reply);
      !status.ok())
    return fail(rpc::from_grpc(status, "looking up finding " + options.finding));
  if (options.show_only && options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(reply));
    print_document(json);
    return kOk;
  }
  std::string text = reply.text();
  if (!reply.cannot().empty()) text += reply.cannot() + "\n";
  if (options.show_only) {
    print_document(text);
    return reply.cannot().empty() ? kOk : kWrongUse;
  }
  Progress progress(look_at_terminal(options), options.progress);
  progress.say(text);
  if (!reply.cannot().empty()) return kWrongUse;
  grpc::ClientContext start_context;
  rpc::set_deadline(start_context, std::chrono::minutes(2));
  v1::StartRunReply started;
  if (const grpc::Status status = host->review().StartRepro(&start_context, request, &started);
      !status.ok())
    return fail(rpc::from_grpc(status, "repeating finding " + options.finding));
  return see_through(options, *host, started,
                     fmt::format("kiln repro {}/{}", reply.run_id(), reply.finding()), progress);
}

}  // namespace

int plan_command(const Options& options) {
  return finish(options, plan_checked(options));
}
int run_command(const Options& options) {
  return finish(options, run_checked(options));
}
int repro_command(const Options& options) {
  return finish(options, repro_checked(options));
}

}  // namespace kiln::cli
