#pragma once
/// The lab inside this process: controller and (for runs) an agent on a private socket, spoken to
/// with the same gRPC messages as a lab elsewhere; or just that lab elsewhere (--lab).
#include <memory>

#include "cli/lab_address.h"
#include "cli/options.h"
#include "kiln/v1/access.grpc.pb.h"
#include "kiln/v1/findings.grpc.pb.h"
#include "kiln/v1/history.grpc.pb.h"
#include "kiln/v1/keeping.grpc.pb.h"
#include "kiln/v1/lab.grpc.pb.h"
#include "kiln/v1/logs.grpc.pb.h"
#include "kiln/v1/machines.grpc.pb.h"
#include "kiln/v1/review.grpc.pb.h"
#include "kiln/v1/schedule.grpc.pb.h"
#include "lib/base/result.h"

namespace kiln::cli {

enum class HostMode {
  kReadOnly,  ///< runs, show, report, log: no lock, nothing is written
  kReview,    ///< known, schedule, judge --save: writes, also while another process runs a job
  kClear,     ///< gc: takes artifacts away
  kPlan,      ///< sources and configs may be prepared; no agent
  kRun,       ///< everything
  kServe,     ///< kRun, and the dashboard
  kLab,       ///< only a lab elsewhere will do
};

class EmbeddedLab {
 public:
  static Result<std::unique_ptr<EmbeddedLab>> start(const Options& options, HostMode mode);
  ~EmbeddedLab();
  EmbeddedLab(const EmbeddedLab&) = delete;
  EmbeddedLab& operator=(const EmbeddedLab&) = delete;

  v1::Lab::Stub& lab();
  v1::Review::Stub& review();
  v1::Machines::Stub& machines();
  v1::Access::Stub& access();
  v1::Schedules::Stub& schedules();
  v1::Keeping::Stub& keeping();
  v1::Findings::Stub& findings();
  v1::History::Stub& history();
  v1::Logs::Stub& logs();
  /// Of kServe: what a browser opens.
  [[nodiscard]] const std::string& dashboard() const;
  /// The data folder in use, absolute.
  [[nodiscard]] const std::string& data_dir() const;
  /// Ends the agent and the controller; running sessions are cancelled, nothing is lost.
  void stop();

 private:
  struct Impl;
  static Result<std::unique_ptr<EmbeddedLab>> connect(std::unique_ptr<Impl> impl,
                                                      const LabAddress& lab, HostMode mode);
  explicit EmbeddedLab(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// "" or "@last" -> 0 (the newest), digits -> the number, else an error.
Result<int64_t> parse_run_id(const std::string& text);
Result<v1::RunReport> get_report(v1::Lab::Stub& lab, int64_t run_id);

}  // namespace kiln::cli
