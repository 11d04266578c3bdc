#pragma once
/// One build that another computer asked for, made where this process runs: an engine such as Slurm
/// starts it with a folder that both computers see. The kernel is made by the same Builder as at
/// home, in a folder of this computer; what came of it goes back as files.
#include <stop_token>

#include "controller/builder/build_files.h"

namespace kiln::builder {

/// What the engine says of this job.
struct WorkerPlace {
  std::string node;     ///< this computer's name in the engine
  int restarts = 0;     ///< how often the engine started this job again
  std::string version;  ///< of this Kiln
  Millis pulse{2'000};  ///< between two writings of kProgressFile
};

/// Makes what FOLDER/request.json asks and writes FOLDER/result.json, atomically and last; both
/// records and errors go there. No result is written when it was stopped: whoever stopped it knows.
/// An Error is that no result could be written. Safe to be repeated, and beside another of the same
/// folder: each has its own folder in there, and equal requests give equal results.
Status work(const os::Path& folder, const WorkerPlace& place, std::stop_token stop);

/// The process: SIGTERM stops it. 0 when a result is there.
int worker_main(const os::Path& folder, const char* version);

}  // namespace kiln::builder
