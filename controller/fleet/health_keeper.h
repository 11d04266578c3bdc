#pragma once
/// Brings quarantined machines back: has each checked from time to time, and puts it in service
/// again when a check passed.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "controller/fleet/dispatcher.h"
#include "lib/lab/health.h"

namespace kiln::fleet {

/// How a check ended.
struct CheckOutcome {
  bool passed = false;
  std::string words;  ///< one sentence
};

/// What it needs of the lab; called by its thread alone.
struct HealthParts {
  const Clock& clock;
  std::function<std::vector<Quarantined>()> machines;
  /// Starts a check of the machine; its run.
  std::function<Result<int64_t>(const std::string& machine)> start;
  /// nullopt while it is under way.
  std::function<Result<std::optional<CheckOutcome>>(int64_t run)> outcome;
  std::function<void(int64_t run)> cancel;
  std::function<Status(const std::string& machine)> restore;
  std::function<void(const std::string& line)> log{};  ///< may be null
  lab::HealthRules rules{};
};

/// A restart forgets the checks that failed: the next one comes soon. words_of() is safe for
/// concurrent use; look() is for the keeper's thread, or a caller that never calls start().
class HealthKeeper {
 public:
  explicit HealthKeeper(HealthParts parts) : parts_(std::move(parts)) {}
  ~HealthKeeper() { stop(); }
  HealthKeeper(const HealthKeeper&) = delete;
  HealthKeeper& operator=(const HealthKeeper&) = delete;

  void start();
  void stop();  ///< checks that are under way go on
  void look();
  /// "run 31 checks it now", "next check at 2026-11-28T10:00:00.000Z; ...": of a quarantined
  /// machine, "" = of any other.
  [[nodiscard]] std::string words_of(const std::string& machine);

 private:
  struct Patient {
    lab::HealthHistory history;
    int64_t run = 0;   ///< 0 = none is under way
    std::string last;  ///< what came of the last check
  };
  void end_check(const std::string& machine, Patient* patient);
  void begin_check(const std::string& machine, Patient* patient);
  void count_failure(Patient* patient) const;
  [[nodiscard]] std::string words_for(const Patient& patient) const;
  void say(const std::string& line) const {
    if (parts_.log) parts_.log(line);
  }

  HealthParts parts_;
  std::map<std::string, Patient> patients_;  ///< of look()
  Sync<std::map<std::string, std::string>> words_;
  Sync<bool> stopping_;
  std::jthread thread_;
};

}  // namespace kiln::fleet
