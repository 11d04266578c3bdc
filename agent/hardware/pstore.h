#pragma once
/// What a kernel that died left in the machine's memory or firmware (ramoops, EFI variables): taken
/// over SSH by the next system, and removed there only once it lies on this computer's disk.
#include <string>
#include <vector>

#include "agent/machine/machine.h"

namespace kiln::agent {

struct PstoreRecord {
  std::string path{};  ///< on the machine
  std::string bytes{};
};

/// Where kernels show it, and where systemd moves it at boot.
std::vector<std::string> pstore_folders();

/// All records. An empty list: there is none, or the machine has no such memory.
Result<std::vector<PstoreRecord>> read_pstore(Shell& shell, const std::vector<std::string>& folders,
                                              std::stop_token stop);
/// Removes these records and no other.
Status clear_pstore(Shell& shell, const std::vector<PstoreRecord>& records, std::stop_token stop);

/// The answer of read_pstore()'s command. kInfrastructure when it is not whole. Pure.
Result<std::vector<PstoreRecord>> read_records(std::string_view answer);
/// Whether a kernel wrote down its own trouble. A console's record alone is there after every
/// reboot.
bool has_dump(const std::vector<PstoreRecord>& records);
/// For people and for cut_reports(): the dumps first, parts of one in the order of their words,
/// without levels. Pure.
std::string pstore_text(std::vector<PstoreRecord> records);

/// Keeps them in a folder of the agent until the session has stored them. One thread at a time.
class CrashKeeper {
 public:
  CrashKeeper(Path folder, std::vector<std::string> sources)
      : folder_(std::move(folder)), sources_(std::move(sources)) {}
  /// What a session did not fetch is nobody's from now on.
  void begin_session();
  /// Looks at the machine. `ours`: a session's kernel ran last; `orderly`: it went by our reboot,
  /// so that a console's record tells nothing new. Trouble is logged: no session ends by it.
  void look(const std::string& machine, Shell& shell, bool ours, bool orderly,
            std::stop_token stop);
  /// Files of the session, oldest first.
  [[nodiscard]] std::vector<Path> kept() const;

 private:
  Result<bool> fetch(Shell& shell, bool ours, bool orderly, std::stop_token stop);
  Status file_away(const Path& file);

  Path folder_;
  std::vector<std::string> sources_;
};

}  // namespace kiln::agent
