#pragma once
/// What backup, restore, keep and gc get from the command line. Plain data.
#include <string>

namespace kiln::cli {

struct KeepingOptions {
  std::string from;    ///< of restore
  std::string folder;  ///< backups go there; of restore: the new data folder
  std::string config;  ///< kilnd.yaml, "" = the one in the data folder
  int keep = 0;        ///< newest backups that stay, 0 = all
  bool check = false;
  bool partial = false;

  // keep, gc
  std::string why;
  bool dry_run = false;
  int runs = 0;  ///< rules of gc
  int days = 0;
  bool no_findings = false;
};

}  // namespace kiln::cli
