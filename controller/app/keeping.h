#pragma once
/// What is kept and what goes, for people and, where rules say so, by itself.
#include <functional>
#include <set>
#include <thread>

#include "controller/rpc/keeping_backend.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"
#include "lib/keep/rules.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct KeepingRules {
  keep::Rules rules{};
  Millis every{3'600'000};
  bool operator==(const KeepingRules&) const = default;
};

/// References to parts that outlive it.
struct KeepingParts {
  const Clock& clock;
  db::Database& database;
  blob::BlobStore& blobs;
  os::Path data_dir;
  bool may_clear = false;  ///< this process works in the data folder
  std::function<std::set<std::string>()> in_use{};
  KeepingRules rules{};
};

class Keeping final : public KeepingBackend {
 public:
  explicit Keeping(KeepingParts parts);
  ~Keeping() override { stop(); }
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;

  /// Clears away by itself from now on, when a rule lets runs go; the first time after `every`.
  void start();
  void stop();
  /// Other rules from now on.
  void set_rules(const KeepingRules& rules);

  Result<v1::KeptRun> keep(const v1::KeepRunRequest& request) override;
  Result<v1::LetRunGoReply> let_go(const v1::LetRunGoRequest& request) override;
  Result<v1::ListKeptReply> kept() override;
  Result<v1::ClearReport> clear(const v1::ClearAwayRequest& request) override;

 private:
  void loop(const std::stop_token& stop);
  /// The run that is meant; 0 = the newest.
  Result<int64_t> resolve(int64_t run_id);

  KeepingParts parts_;
  Sync<KeepingRules> rules_;
  std::jthread thread_;
};

}  // namespace kiln::controller
