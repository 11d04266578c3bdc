#pragma once
/// Which lab a command speaks to, and the labs that this user has joined.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace kiln::cli {

struct LabAddress {
  std::string name;
  std::string target;   ///< gRPC's: "unix:/path" or "host:port"
  std::string from{};   ///< where the address came from, for people
  std::string ca{};     ///< PEM of the lab's authority; "" with unix:
  std::string token{};  ///< the user's secret; never shown
};

/// `option` (--lab), else KILN_LAB: a data folder that a kilnd serves, "unix:PATH", or the name of
/// a lab that was joined. nullopt when neither is given: this computer. An unknown name is an
/// error, never this computer.
Result<std::optional<LabAddress>> find_lab(const std::string& option);

/// NAME.yaml, readable by its owner alone, and NAME.crt beside it.
Status save_lab(const LabAddress& lab, const std::filesystem::path& folder);
Result<std::vector<LabAddress>> known_labs(const std::filesystem::path& folder);
/// kBadInput unless it is [a-z0-9-]+.
Status check_lab_name(const std::string& name);

}  // namespace kiln::cli
