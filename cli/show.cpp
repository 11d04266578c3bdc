/// kiln runs, show, report, log: what is stored, read only.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <thread>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/filtered.h"
#include "cli/paths.h"
#include "cli/terminal.h"
#include "lib/http/client.h"
#include "lib/patchwork/patchwork.h"
#include "lib/report/formats.h"
#include "lib/report/overview.h"
#include "lib/report/report.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

constexpr std::chrono::milliseconds kLook{500};  // for what a console says meanwhile

}  // namespace

Result<int64_t> parse_run_id(const std::string& text) {
  if (text.empty() || text == "@last") return 0;
  int64_t id = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (code != std::errc() || end != text.data() + text.size() || id <= 0) {
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is no run: a number or @last", text))
                    .with_hint("kiln runs lists them"));
  }
  return id;
}

Result<v1::RunReport> get_report(v1::Lab::Stub& lab, int64_t run_id) {
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::minutes(2));
  v1::GetReportRequest request;
  request.set_run_id(run_id);
  v1::RunReport report;
  if (const grpc::Status status = lab.GetReport(&context, request, &report); !status.ok())
    return fail(rpc::from_grpc(status, "reading the report"));
  return report;
}

namespace {

/// The checks as they would be posted; posts them when asked to.
Result<int> patchwork_report(const Options& options, const v1::RunReport& report) {
  KILN_ASSIGN(const auto file, patchwork_config_file(options.patchwork_config));
  auto config = patchwork::load_config(file.string());
  if (!config && (options.post || config.error().kind != ErrorKind::kNotFound))
    return fail(std::move(config).error());
  const patchwork::Config used = config ? *config : patchwork::Config{};
  KILN_ASSIGN(const auto checks, patchwork::checks_of(report, used));
  if (!options.post) {
    if (!config) std::cerr << "note: " << file.string() << " is not there: patchwork's defaults\n";
    print_document(patchwork::dry_run(checks, report, used));
    return kOk;
  }
  patchwork::Target target;
  if (!options.patchwork_series.empty()) {
    KILN_ASSIGN(target, patchwork::parse_target(options.patchwork_series));
  }
  http::CurlClient client;
  KILN_TRY(patchwork::post(checks, report, used, target, client,
                           [](const std::string& line) { std::cout << line << std::endl; }));
  return kOk;
}

Where::Row filter_row(const v1::RunSummary& row) {
  return {{"result", {row.verdict().result()}},
          {"job", {row.run().job_name()}},
          {"state", {row.run().state()}},
          {"machine", {row.run().machine().substr(0, row.run().machine().find(' '))}},
          {"title", {row.run().title()}},
          {"headline", {row.verdict().headline()}}};
}

Result<int> runs_checked(const Options& options) {
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::minutes(1));
  v1::ListRunsRequest request;
  request.set_limit(options.limit);
  v1::ListRunsReply reply;
  if (const grpc::Status status = host->lab().ListRuns(&context, request, &reply); !status.ok())
    return fail(rpc::from_grpc(status, "listing the runs"));
  KILN_TRY(keep_where(options.where, {"result", "job", "state", "machine", "title"}, filter_row,
                      reply.mutable_runs()));
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(reply));
    print_document(json);
  } else {
    print_document(report::runs_to_text(reply));
  }
  return kOk;
}

Result<int> report_checked(const Options& options, bool overview) {
  if (options.post && options.format != Format::kPatchwork)
    return fail(Error(ErrorKind::kBadInput, "only Patchwork is posted to")
                    .with_hint("kiln report RUN --format patchwork --post"));
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const v1::RunReport report, get_report(host->lab(), run_id));
  switch (options.format) {
    case Format::kJson: {
      KILN_ASSIGN(const std::string json, report::message_to_json(report));
      print_document(json);
      break;
    }
    case Format::kHtml:
      print_document(report::to_html(report));
      break;
    case Format::kText:
      print_document(overview ? report::overview_to_text(report) : report::to_text(report));
      break;
    case Format::kJunit:
      print_document(report::to_junit(report));
      break;
    case Format::kKcidb: {
      KILN_ASSIGN(const std::string json, report::to_kcidb(report, {options.origin}));
      print_document(json);
      break;
    }
    case Format::kCsv:
      print_document(report::to_csv(report));
      break;
    case Format::kPatchwork:
      return patchwork_report(options, report);
  }
  return kOk;
}

/// "1204: the line"; all hits, a page at a time.
Result<int> grep(EmbeddedLab& host, const Options& options, int64_t run_id,
                 const std::string& what) {
  v1::SearchLogRequest request;
  request.set_run_id(run_id);
  request.set_session_id(options.session_id);
  request.set_what(what);
  request.set_text(options.grep);
  request.set_expression(true);
  request.set_limit(1000);
  while (true) {
    KILN_ASSIGN(const auto reply, ask<v1::SearchLogReply>(host.logs(), &v1::Logs::Stub::SearchLog,
                                                          request, "searching the log"));
    for (const v1::LogHit& hit : reply.hits())
      std::cout << hit.line() << ": " << hit.text() << "\n";
    if (reply.hits().empty()) break;
    request.set_from_line(reply.hits().rbegin()->line() + 1);
  }
  std::cout << std::flush;
  return kOk;
}

/// What the console said last and says from now on, until the session has ended.
Result<int> follow(EmbeddedLab& host, const Options& options, int64_t run_id) {
  v1::ReadLogRequest request;
  request.set_run_id(run_id);
  request.set_session_id(options.session_id);
  request.set_what("console");
  request.set_first_line(1);
  request.set_lines(2000);
  while (true) {
    KILN_ASSIGN(const auto reply, ask<v1::ReadLogReply>(host.logs(), &v1::Logs::Stub::ReadLog,
                                                        request, "reading the console"));
    for (const std::string& line : reply.lines()) std::cout << line << "\n";
    std::cout << std::flush;
    if (!std::cout) return kOk;  // who reads has gone
    if (reply.lines_size() > 0)
      request.set_first_line(reply.first_line() + reply.lines_size());
    else if (!reply.growing())
      return kOk;
    else
      std::this_thread::sleep_for(kLook);
  }
}

Result<int> log_checked(const Options& options) {
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  if (static_cast<int>(options.console) + static_cast<int>(options.dmesg) +
          static_cast<int>(!options.what.empty()) >
      1) {
    return fail(ErrorKind::kBadInput, "name one of --console, --dmesg or a TEST");
  }
  if (options.follow && (options.dmesg || !options.what.empty() || !options.grep.empty()))
    return fail(ErrorKind::kBadInput, "--follow shows the console, all of it");
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  const std::string what = options.dmesg          ? "dmesg"
                           : options.what.empty() ? "console"
                                                  : options.what;
  if (!options.grep.empty()) return grep(*host, options, run_id, what);
  if (options.follow) return follow(*host, options, run_id);
  grpc::ClientContext context;
  rpc::set_deadline(context, std::chrono::minutes(10));
  v1::GetLogRequest request;
  request.set_run_id(run_id);
  request.set_session_id(options.session_id);
  request.set_what(what);
  const auto reader = host->lab().GetLog(&context, request);
  v1::LogChunk chunk;
  while (reader->Read(&chunk))
    std::cout.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
  std::cout << std::flush;
  if (const grpc::Status status = reader->Finish(); !status.ok())
    return fail(rpc::from_grpc(status, "reading the log"));
  return kOk;
}

}  // namespace

int runs_command(const Options& options) {
  return finish(options, runs_checked(options));
}
int show_command(const Options& options) {
  return finish(options, report_checked(options, true));
}
int report_command(const Options& options) {
  return finish(options, report_checked(options, false));
}
int log_command(const Options& options) {
  return finish(options, log_checked(options));
}

}  // namespace kiln::cli
