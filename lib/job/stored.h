#pragma once
/// A job as it is kept with its runs: all that was asked and found before the first boot, so that a
/// stored run can be judged, and a finding repeated, without the job's file. Pure.
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/job/spec.h"

namespace kiln::job {

/// A test list as it went to the machines.
struct StoredList {
  std::string phase;
  std::string text;                ///< igt_runner --test-list
  std::vector<std::string> tests;  ///< as results name them, in order
};

struct StoredPatch {
  std::string subject;  ///< without the [PATCH ...] prefix
  std::string file_name;
  std::string patch_id;
  std::string message_id;
  int insertions = 0;
  int deletions = 0;
  std::vector<std::string> files;
};

struct StoredSeries {
  std::string title;
  std::string author;
  std::string message_id;
  int version = 1;
  std::vector<std::string> answers;  ///< message ids that its mails answer to
  std::vector<StoredPatch> patches;
};

struct StoredJob {
  JobSpec spec;
  std::vector<StoredList> lists;               ///< in the order of spec.tests
  std::map<std::string, bool> config_highmem;  ///< config -> CONFIG_HIGHMEM
  StoredSeries series;
  std::string source_commit;  ///< of a git source, whole; "" = none, or of an older Kiln
};

/// One JSON document; equal jobs give equal bytes.
std::string to_json(const StoredJob& job);
/// kBadInput for anything that to_json did not write. Fields that the text does not know yet keep
/// their defaults, so that runs of an older Kiln can be read.
Result<StoredJob> stored_job(const std::string& json);

}  // namespace kiln::job
