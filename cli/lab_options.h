#pragma once
/// What the lab's commands get from the command line. Plain data.
#include <string>
#include <vector>

namespace kiln::cli {

struct LabOptions {
  std::string lab;     ///< a joined lab's name, or a data folder; "" = KILN_LAB, else this computer
  std::string series;  ///< of submit: folder, mbox, or git range "REPO base..tip"
  std::string priority = "interactive";
  bool wait = false;
  bool dry_run = false;  ///< of submit: only the plan
  std::string machine;
  std::string reason;
  std::string cell;                    ///< of boot: "patched/i386-highmem"
  std::string key, known_hosts;        ///< of tunnel: files
  std::vector<std::string> arguments;  ///< of ssh: a command for the machine
  std::string duration = "1h";
  std::string timeout;  ///< of watch, "" = none
  std::string until = "done";

  // kiln lab, token, agent, audit
  std::string folder;
  std::string name = "kiln";
  std::vector<std::string> hosts;
  bool network = false;
  std::string address, fingerprint;
  std::string user, role = "submitter", id, agent, outcome;
  std::string lifetime;  ///< "90d", "never", "" = the lab's own
  bool with_ended = false;
  bool unknown = false;
};

}  // namespace kiln::cli
