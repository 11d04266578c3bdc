#pragma once
/// A new machine for the lab file: asks people for what only they know, the machine for the rest.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/hardware/check.h"
#include "agent/machine/shell.h"
#include "agent/ssh/host_key.h"
#include "lib/machine/survey.h"

namespace kiln::agent {

/// What is known beforehand; "" or empty = to be asked or found.
struct AddOptions {
  std::string file{};  ///< the lab file; it need not be there
  std::string name{};
  std::string address{};
  int port = 22;
  std::string user = "root";
  std::string key_file{};
  std::string fingerprint{};  ///< the host key must have it
  std::vector<std::string> tags{};
  std::string power{};    ///< flow maps, as in the lab file
  std::string console{};  ///< likewise
  std::string bmc_user{};
  std::string bmc_password_file{};
  std::string cmdline{};  ///< of built kernels
  bool dry_run = false;
  Millis limit{20'000};  ///< of each connection
};

/// Gets a question and what is taken for an empty answer. nullopt: nobody answers any more.
using Ask = std::function<std::optional<std::string>(const std::string& question,
                                                     const std::string& proposal)>;

struct Added {
  std::string name{};
  std::string file{};
  std::string host_key_file{};
  HostKey host_key{};
  bool compared = false;  ///< the fingerprint was known, or somebody said that it is right
  machine::Survey survey{};
  std::string entry{};  ///< as it stands in the file
  std::vector<std::string> notes{};
  CheckLine boot{};  ///< whether a kernel can be started once; driver "" = not looked at
  bool written = false;
};

/// Without `ask` the proposals are taken. Nothing is written when it fails or with dry_run; the lab
/// file is replaced as a whole, and only by one that its reader accepts. Errors: kBadInput,
/// kConflict (the name is taken, another host key lies there), kPermission (the key is not let in,
/// another fingerprint), kCancelled (somebody said no).
Result<Added> add_machine(AddOptions options, const ShellConnector& connect, const Ask& ask,
                          std::stop_token stop);

}  // namespace kiln::agent
