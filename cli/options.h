#pragma once
/// What every command gets from the command line. Plain data.
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cli/findings_options.h"
#include "cli/history_options.h"
#include "cli/keeping_options.h"
#include "cli/lab_options.h"
#include "cli/machine_options.h"

namespace kiln::cli {

enum class Format { kText, kJson, kHtml, kJunit, kKcidb, kCsv, kPatchwork };
enum class ColorMode { kAuto, kAlways, kNever };
enum class ProgressMode { kAuto, kBar, kLines, kNone };

/// A known issue as the command line names it. A field that was not given is not in `given`.
struct KnownOptions {
  int64_t id = 0;
  std::string machine, tag, config, test, signature, text, author, reason, link;
  std::string expires;  ///< "2027-01-31", "90d", "never"
  std::vector<std::string> outcomes;
  std::set<std::string> given;  ///< "--test" ...
  bool yes = false;
  bool dry_run = false;
  bool with_removed = false;
};

/// A schedule as the command line names it.
struct ScheduleOptions {
  std::string name, cron, zone = "UTC", job;
  std::string jitter, max_late;  ///< "10m"; "" = the controller's choice
  std::string missed = "run-once", overlap = "skip", unchanged = "skip";
  int times = 5;
  bool with_removed = false;
};

struct Options {
  std::string data_dir;  ///< "" = KILN_DATA_DIR, else XDG data folder
  std::string home;      ///< the checkout: images/, kernel-configs/, jobs/
  Format format = Format::kText;
  ColorMode color = ColorMode::kAuto;
  ProgressMode progress = ProgressMode::kAuto;
  std::string job_file;
  bool fresh = false;
  std::string run_id;  ///< digits, "@last" or ""
  int64_t session_id = 0;
  std::string what;     ///< of `kiln log`: test name
  std::string grep;     ///< of `kiln log`, "" = all of it
  bool follow = false;  ///< of `kiln log`: to the session's end
  bool console = false;
  bool dmesg = false;
  int limit = 20;
  std::string where;  ///< of runs, machines and known issues

  LabOptions lab;

  // kiln serve
  int port = 7424;

  // kiln judge, repro
  bool save = false;
  std::string finding;  ///< "412/f3" or "f3"
  int boots = 0;
  bool show_only = false;  ///< say how, boot nothing

  // kiln known
  KnownOptions known;

  // kiln findings
  FindingsOptions findings;

  // kiln history
  HistoryOptions history;

  // kiln schedule
  ScheduleOptions schedule;

  // kiln backup, restore, keep, gc
  KeepingOptions keeping;

  // kiln machine
  MachineOptions machine;

  // kiln report
  std::string origin = "kiln";   ///< of a KCIDB submission
  bool post = false;             ///< to Patchwork
  std::string patchwork_config;  ///< "" = XDG_CONFIG_HOME/kiln/patchwork.yaml
  std::string patchwork_series;  ///< "1234" or "1234/2"; "" = asked of the server
};

/// Exit codes; nothing else is ever returned.
enum ExitCode : int {
  kOk = 0,
  kRegression = 1,
  kWrongUse = 2,
  kNoVerdict = 3,
  kInterrupted = 130,
};

int plan_command(const Options& options);
int run_command(const Options& options);
int runs_command(const Options& options);
int show_command(const Options& options);
int report_command(const Options& options);
int reach_command(const Options& options);
int log_command(const Options& options);
int doctor_command(const Options& options);
int judge_command(const Options& options);
int repro_command(const Options& options);
int known_list_command(const Options& options);
int known_add_command(const Options& options);
int known_edit_command(const Options& options);
int known_remove_command(const Options& options);
int known_audit_command(const Options& options);
int submit_command(const Options& options);
int watch_command(const Options& options);
int cancel_command(const Options& options);
int retry_command(const Options& options);
int queue_command(const Options& options);
int machines_command(const Options& options);
int agents_command(const Options& options);
int hold_command(const Options& options);
int boot_command(const Options& options);
int console_command(const Options& options);
int tunnel_command(const Options& options);
int ssh_command(const Options& options);
int release_command(const Options& options);
int drain_command(const Options& options);
int machine_add_command(const Options& options);
int machine_check_command(const Options& options);
int resume_command(const Options& options);
int lab_init_command(const Options& options);
int lab_join_command(const Options& options);
int lab_list_command(const Options& options);
int token_add_command(const Options& options);
int token_list_command(const Options& options);
int token_revoke_command(const Options& options);
int invite_command(const Options& options);
int revoke_agent_command(const Options& options);
int audit_command(const Options& options);
int schedule_add_command(const Options& options);
int schedule_list_command(const Options& options);
int schedule_pause_command(const Options& options);
int schedule_resume_command(const Options& options);
int schedule_remove_command(const Options& options);
int schedule_run_now_command(const Options& options);
int schedule_history_command(const Options& options);
int backup_command(const Options& options);
int restore_command(const Options& options);
int keep_command(const Options& options);
int unkeep_command(const Options& options);
int kept_command(const Options& options);
int gc_command(const Options& options);
int serve_command(const Options& options);
int findings_list_command(const Options& options);
int findings_dismiss_command(const Options& options);
int findings_reopen_command(const Options& options);
int findings_assign_command(const Options& options);
int findings_snooze_command(const Options& options);
int findings_undo_command(const Options& options);
int history_tests_command(const Options& options);
int history_metrics_command(const Options& options);
int history_machine_command(const Options& options);
int history_configs_command(const Options& options);

}  // namespace kiln::cli
