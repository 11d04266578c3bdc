#pragma once
/// What the controller has not acknowledged yet, on the agent's own disk: a controller that is
/// away, or kill -9 here, costs no result.
#include <map>
#include <string>
#include <vector>

#include "kiln/v1/agent.pb.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Folder layout: N.done (a SessionDone), N.running (sessions that began), blobs/DIGEST (artifacts
/// to be sent). Every file appears whole or not at all. Safe for concurrent use.
class Outbox {
 public:
  /// Makes the folder. What a killed agent left running becomes an infrastructure ending.
  static Result<std::unique_ptr<Outbox>> open(const os::Path& folder);

  /// Before anything happens on the machine.
  Status began(int64_t session_id, uint64_t lease_epoch, const std::string& machine);
  /// Stored before it is sent; replaces began().
  Status finished(const v1::SessionDone& done);
  /// The controller has it: forgotten with the artifacts that no other session needs.
  void acknowledged(int64_t session_id);
  /// Sessions to be sent, oldest number first.
  [[nodiscard]] std::vector<v1::SessionDone> unsent() const;
  [[nodiscard]] bool holds(int64_t session_id) const;

  /// Moves a file in; its sha256.
  Result<std::string> keep(const os::Path& file);
  [[nodiscard]] os::Path blob(const std::string& digest) const;

 private:
  explicit Outbox(os::Path folder) : folder_(std::move(folder)) {}
  Status load();
  Status adopt_running(const os::Path& file, int64_t id);
  [[nodiscard]] os::Path file(int64_t session_id, std::string_view suffix) const;

  // Constant after construction.
  os::Path folder_;
  mutable Sync<std::map<int64_t, v1::SessionDone>> done_;
};

}  // namespace kiln::agent
