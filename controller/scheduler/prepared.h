#pragma once
/// A job made ready: everything that its plan and its driver need. Plain data.
#include <map>
#include <string>
#include <vector>

#include "lib/igt/test_list.h"
#include "lib/job/plan.h"
#include "lib/job/spec.h"
#include "lib/kernel/build.h"
#include "lib/statics/statics.h"

namespace kiln::scheduler {

/// One patch of the series, as the report shows it.
struct PatchInfo {
  std::string subject;
  std::string file_name;
  std::string patch_id;
  int insertions = 0;
  int deletions = 0;
  std::vector<std::string> files;
  std::string message_id{};
  std::string mail{};           ///< the patch as checkpatch reads it
  statics::AddedLines added{};  ///< its lines, in the files as it leaves them
};

/// One kernel to build.
struct BuildTarget {
  std::string variant;
  std::string config;
  std::string key;
  kernel::BuildInput input;
  std::string base_key;  ///< build whose objects are cloned, "" = none
  bool is_prefix = false;
};

/// A test list as it goes to the machine.
struct PhaseList {
  std::string phase;
  std::string text;                ///< igt_runner --test-list
  std::vector<std::string> tests;  ///< its names, in order
  igt::TestList list{};            ///< as written, with places
  std::string written{};           ///< the file's text
};

struct Prepared {
  job::JobSpec spec;
  std::string job_digest;  ///< of everything that decides the run: same digest = same run goes on
  std::string source;      ///< "linux-source-6.1 6.1.192-1"
  std::string source_commit{};  ///< of a git source, whole; "" = none
  std::string source_tree;      ///< of baseline
  std::string toolchain;        ///< "gcc (Debian 12.2.0-14) 12.2.0, GNU ld 2.40"
  std::string series_title;
  std::string series_author;
  std::string series_message_id;
  int series_version = 1;                   ///< 2 of "[PATCH v2 0/3]"
  std::vector<std::string> series_answers;  ///< message ids that its mails answer to
  std::vector<PatchInfo> patches;
  std::vector<BuildTarget> targets;            ///< one a cell: baseline, patched, then prefixes
  std::map<std::string, bool> config_highmem;  ///< config -> CONFIG_HIGHMEM
  std::vector<PhaseList> lists;                ///< in the order of spec.tests
  std::vector<std::string> notes;              ///< for the plan: how the configs differ, ...
  std::string coverage_why;                    ///< why no target counts lines, "" = they do
};

}  // namespace kiln::scheduler
