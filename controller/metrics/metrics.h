#pragma once
/// The lab's figures for Prometheus; docs/metrics.md lists them. What comes over the wire becomes
/// no label: words that are not expected are counted as "other".
/// Thread-safety: safe for concurrent use; counting takes no lock that is held for long.
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lib/base/clock.h"

namespace kiln::controller {

/// What is looked up when somebody asks, instead of being counted.
struct Figures {
  int agents = 0;
  std::map<std::string, int> machines;          ///< by state
  std::map<std::string, int> leases;            ///< by kind: "session", "build", "spare"
  std::map<std::string, int> waiting;           ///< by priority
  std::map<std::string, double> longest_waits;  ///< seconds, by priority
  uint64_t free_bytes = 0, min_free_bytes = 0, database_bytes = 0;
  bool paused = false;
};

class Metrics {
 public:
  explicit Metrics(const std::string& version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void session_ended(const std::string& purpose, const std::string& ending, double seconds);
  /// "full" or "incremental".
  void build_ended(const std::string& how, double seconds);
  void build_failed();
  void error(const std::string& error_class);
  void waited(const std::string& priority, double seconds);
  void run_started(const std::string& priority);
  void database_used(bool writes, double seconds);

  /// Prometheus' text format, with these figures in it.
  std::string text(const Figures& figures);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::controller
