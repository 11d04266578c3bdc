#include "lib/report/keeping.h"

#include <fmt/format.h>

#include <map>

#include "lib/base/clock.h"
#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

constexpr int kMostNamed = 5;

/// The first few of many digests.
template <typename Names>
std::string some_of(const Names& names) {
  std::string out;
  for (int i = 0; i < names.size() && i < kMostNamed; ++i) out += "\n  " + clean_line(names[i]);
  if (names.size() > kMostNamed) out += fmt::format("\n  and {} more", names.size() - kMostNamed);
  return out + "\n";
}

}  // namespace

std::string backup_to_text(const v1::BackupReport& report) {
  std::string out = fmt::format(
      "backup in {}\n  database {}, {}, {} ({} new, {}), {}\n", clean_line(report.path()),
      human_bytes(report.database_bytes()), count_words(report.files(), "file", "files"),
      count_words(static_cast<int>(report.artifacts()), "artifact", "artifacts"),
      report.artifacts_copied(), human_bytes(report.bytes_copied()), duration(report.seconds()));
  if (report.removed_size() > 0)
    out += fmt::format("  older ones that went: {}\n", report.removed_size());
  if (report.missing_size() > 0)
    out += fmt::format(
               "warning: {} that the database names {} not in the data folder, or damaged there:",
               count_words(report.missing_size(), "artifact", "artifacts"),
               report.missing_size() == 1 ? "is" : "are") +
           some_of(report.missing());
  return out;
}

std::string restore_to_text(const v1::RestoreReport& report) {
  std::string out = fmt::format(
      "{} is the data folder as it was at {}\n  from {}: {}, {}, {}\n",
      clean_line(report.data_dir()), time_words(report.made()), clean_line(report.backup()),
      count_words(static_cast<int>(report.artifacts()), "artifact", "artifacts"),
      count_words(report.files(), "file", "files"), duration(report.seconds()));
  if (report.config_changed()) out += "  kilnd.yaml in it now names this folder\n";
  out +=
      "  what was changed since then is as it was: revoke again the tokens and agents that were\n"
      "  revoked since; numbers of runs and sessions go on with a gap\n";
  if (report.left_out_size() > 0)
    out += fmt::format("warning: without {}:",
                       count_words(report.left_out_size(), "artifact", "artifacts")) +
           some_of(report.left_out());
  return out;
}

std::string kept_to_text(const v1::ListKeptReply& reply) {
  if (reply.runs().empty()) return "no run is kept by hand\n";
  std::string out;
  for (const v1::KeptRun& run : reply.runs()) {
    out += fmt::format("run {} {} is kept since {}", run.run_id(), clean_line(run.job_name()),
                       time_words(run.since()));
    if (!run.by().empty()) out += " by " + clean_line(run.by());
    if (!run.why().empty()) out += ": " + clean_line(run.why());
    out += "\n";
  }
  return out;
}

std::string clear_to_text(const v1::ClearReport& report) {
  std::string out =
      fmt::format("{}: {} and {} of jobs, {}; of {}\n", report.dry_run() ? "would go" : "gone",
                  count_words(static_cast<int>(report.artifacts()), "artifact", "artifacts"),
                  count_words(report.job_folders(), "folder", "folders"),
                  human_bytes(report.bytes()), count_words(report.runs_size(), "run", "runs"));
  for (const v1::ClearedRun& run : report.runs())
    out += fmt::format("  run {} {}, ended {}\n", run.id(), clean_line(run.job_name()),
                       time_words(run.finished()));
  out +=
      fmt::format("{}: {}, {}\n", report.dry_run() ? "would stay" : "stays",
                  count_words(static_cast<int>(report.artifacts_kept()), "artifact", "artifacts"),
                  human_bytes(report.bytes_kept()));
  std::map<std::string, int> reasons(report.kept_because().begin(), report.kept_because().end());
  for (const auto& [why, count] : reasons)
    out += fmt::format("  {}: {}\n", count_words(count, "run", "runs"), clean_line(why));
  return out;
}

}  // namespace kiln::report
