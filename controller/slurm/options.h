#pragma once
/// How builds go to Slurm. The first part comes from kilnd.yaml (docs/kilnd.md), the rest are
/// bounds that only tests change.
#include <map>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/files.h"

namespace kiln::slurm {

struct SlurmOptions {
  std::string partition;
  std::string account;
  std::vector<std::string> extra;      ///< options of sbatch
  os::Path shared;                     ///< seen by all nodes at the same path
  os::Path scratch = "/var/tmp/kiln";  ///< on each node
  Millis queue_limit{12 * 3'600'000};  ///< a job that did not start by then is given up
  std::vector<std::string> worker;     ///< argv that runs a build; its folder is added
  std::string version;                 ///< of this Kiln
  int jobs = 2;                        ///< parallel compilations of a build: its processors

  std::map<std::string, std::string> env{};
  int attempts = 3;  ///< of one build, the first included
  uint64_t free_needed = 1ULL << 30;
  Millis command_timeout{60'000};
  Millis poll{1'000};            ///< between two looks for the result
  Millis look_every{5'000};      ///< between two questions to slurmctld
  Millis patience{15 * 60'000};  ///< with a slurmctld that is away and a job without life
  Millis settle{90'000};         ///< until a file of another node is seen here
  Millis prefer_for{30'000};     ///< wait for the node that has the baseline's objects
  Millis margin{10 * 60'000};    ///< of a job's time beyond its build's
};

}  // namespace kiln::slurm
