#pragma once
/// What every command gets from the command line. Plain data.
#include <cstdint>
#include <string>

namespace kiln::cli {

enum class Format { kText, kJson, kHtml };
enum class ColorMode { kAuto, kAlways, kNever };
enum class ProgressMode { kAuto, kBar, kLines, kNone };

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
  std::string what;  ///< of `kiln log`: test name
  bool console = false;
  bool dmesg = false;
  int limit = 20;
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
int log_command(const Options& options);
int doctor_command(const Options& options);

}  // namespace kiln::cli
