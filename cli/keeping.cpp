/// kiln backup and restore, on the data folder itself, whoever works in it; keep and gc.
#include "lib/report/keeping.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/paths.h"
#include "controller/keeping/backup.h"
#include "controller/keeping/restore.h"
#include "lib/base/text.h"

namespace kiln::cli {
namespace {

constexpr std::chrono::minutes kLongest{60};  // of clearing away

/// One line on a terminal that is redrawn; silent elsewhere.
class Line {
 public:
  explicit Line(const Options& options)
      : live_(look_at_terminal(options).live && options.progress != ProgressMode::kNone) {}
  ~Line() {
    if (drawn_) std::cerr << "\r\033[K" << std::flush;
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void show(const controller::KeepingProgress& now) {
    const auto time = std::chrono::steady_clock::now();
    if (!live_ || (now.step == step_ && time - drawn_at_ < std::chrono::milliseconds(100))) return;
    std::cerr << fmt::format("\r\033[K{} {}/{}", now.step, now.done, now.total) << std::flush;
    drawn_ = true;
    step_ = now.step;
    drawn_at_ = time;
  }

 private:
  bool live_;
  bool drawn_ = false;
  std::string step_;
  std::chrono::steady_clock::time_point drawn_at_{};
};

/// --lab or KILN_LAB may name a data folder of this computer; a lab elsewhere is backed up there.
Result<std::filesystem::path> folder_here(const Options& options) {
  const char* variable = std::getenv("KILN_LAB");
  const std::string lab = !options.lab.lab.empty() ? options.lab.lab
                          : variable != nullptr    ? variable
                                                   : "";
  if (lab.empty()) return data_dir(options.data_dir);
  std::error_code code;
  if (std::filesystem::is_directory(lab, code)) return std::filesystem::absolute(lab, code);
  return fail(Error(ErrorKind::kBadInput, "a backup is made on the lab's own computer")
                  .with_hint("there: kiln --lab FOLDER backup TO, as the user that kilnd runs as"));
}

Result<int> backup_checked(const Options& options) {
  controller::BackupOptions wanted;
  KILN_ASSIGN(wanted.data_dir, folder_here(options));
  std::error_code code;
  wanted.to = std::filesystem::absolute(options.keeping.folder, code).lexically_normal();
  wanted.config = options.keeping.config;
  wanted.keep = options.keeping.keep;
  wanted.check_all = options.keeping.check;
  const SystemClock clock;
  v1::BackupReport report;
  {
    Line line(options);
    KILN_ASSIGN(report,
                controller::make_backup(wanted, clock, [&](const auto& now) { line.show(now); }));
  }
  return print_reply(options, report, report::backup_to_text(report));
}

Result<int> restore_checked(const Options& options) {
  controller::RestoreOptions wanted;
  std::error_code code;
  wanted.from = std::filesystem::absolute(options.keeping.from, code).lexically_normal();
  wanted.data_dir = options.keeping.folder;
  wanted.partial = options.keeping.partial;
  const SystemClock clock;
  v1::RestoreReport report;
  {
    Line line(options);
    KILN_ASSIGN(report, controller::restore_backup(wanted, clock,
                                                   [&](const auto& now) { line.show(now); }));
  }
  return print_reply(options, report, report::restore_to_text(report));
}

Result<int> keep_checked(const Options& options) {
  v1::KeepRunRequest request;
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  request.set_run_id(run_id);
  if (to_valid_utf8(options.keeping.why) != options.keeping.why)
    return fail(ErrorKind::kBadInput, "a reason is written in UTF-8");
  request.set_why(options.keeping.why);
  request.set_who(who_asks());
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReview));
  KILN_ASSIGN(const auto reply, ask<v1::KeptRun>(host->keeping(), &v1::Keeping::Stub::KeepRun,
                                                 request, "keeping the run"));
  v1::ListKeptReply list;
  *list.add_runs() = reply;
  return print_reply(options, reply, report::kept_to_text(list));
}

Result<int> unkeep_checked(const Options& options) {
  v1::LetRunGoRequest request;
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  request.set_run_id(run_id);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReview));
  KILN_ASSIGN(const auto reply,
              ask<v1::LetRunGoReply>(host->keeping(), &v1::Keeping::Stub::LetRunGo, request,
                                     "letting the run go"));
  print_document(fmt::format("run {} is kept by the rules alone", reply.run_id()));
  return kOk;
}

Result<int> kept_checked(const Options& options) {
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply,
              ask<v1::ListKeptReply>(host->keeping(), &v1::Keeping::Stub::ListKept,
                                     v1::ListKeptRequest(), "listing what is kept"));
  return print_reply(options, reply, report::kept_to_text(reply));
}

Result<int> gc_checked(const Options& options) {
  const KeepingOptions& of = options.keeping;
  v1::ClearAwayRequest request;
  request.set_dry_run(of.dry_run);
  if (of.runs > 0 || of.days > 0) {
    request.mutable_rules()->set_runs(of.runs);
    request.mutable_rules()->set_days(of.days);
    request.mutable_rules()->set_open_findings(!of.no_findings);
  }
  KILN_ASSIGN(const auto host,
              EmbeddedLab::start(options, of.dry_run ? HostMode::kReadOnly : HostMode::kClear));
  KILN_ASSIGN(const auto reply, ask<v1::ClearReport>(host->keeping(), &v1::Keeping::Stub::ClearAway,
                                                     request, "clearing away", kLongest));
  return print_reply(options, reply, report::clear_to_text(reply));
}

}  // namespace

int keep_command(const Options& options) {
  return finish(options, keep_checked(options));
}
int unkeep_command(const Options& options) {
  return finish(options, unkeep_checked(options));
}
int kept_command(const Options& options) {
  return finish(options, kept_checked(options));
}
int gc_command(const Options& options) {
  return finish(options, gc_checked(options));
}
int backup_command(const Options& options) {
  return finish(options, backup_checked(options));
}
int restore_command(const Options& options) {
  return finish(options, restore_checked(options));
}

}  // namespace kiln::cli
