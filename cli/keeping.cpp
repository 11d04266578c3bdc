/// kiln backup and restore: on the data folder itself, whoever works in it.
#include "lib/report/keeping.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/calls.h"
#include "cli/paths.h"
#include "controller/keeping/backup.h"
#include "controller/keeping/restore.h"

namespace kiln::cli {
namespace {

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

}  // namespace

int backup_command(const Options& options) {
  return finish(options, backup_checked(options));
}
int restore_command(const Options& options) {
  return finish(options, restore_checked(options));
}

}  // namespace kiln::cli
