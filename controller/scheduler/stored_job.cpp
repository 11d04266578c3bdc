#include "controller/scheduler/stored_job.h"

#include <algorithm>

#include "lib/igt/test_list.h"

namespace kiln::scheduler {

job::StoredJob to_stored(const Prepared& prepared) {
  job::StoredJob out;
  out.spec = prepared.spec;
  for (const PhaseList& list : prepared.lists)
    out.lists.push_back({list.phase, list.text, list.tests});
  out.config_highmem = prepared.config_highmem;
  out.source_commit = prepared.source_commit;
  out.series.title = prepared.series_title;
  out.series.author = prepared.series_author;
  out.series.message_id = prepared.series_message_id;
  out.series.version = prepared.series_version;
  out.series.answers = prepared.series_answers;
  for (const PatchInfo& patch : prepared.patches)
    out.series.patches.push_back({patch.subject, patch.file_name, patch.patch_id, patch.message_id,
                                  patch.insertions, patch.deletions, patch.files});
  return out;
}

Prepared from_stored(const job::StoredJob& stored) {
  Prepared out;
  out.spec = stored.spec;
  for (const job::StoredList& list : stored.lists) {
    PhaseList& phase = out.lists.emplace_back();
    phase.phase = list.phase;
    phase.text = list.text;
    phase.tests = list.tests;
  }
  out.config_highmem = stored.config_highmem;
  out.source_commit = stored.source_commit;
  out.series_title = stored.series.title;
  out.series_author = stored.series.author;
  out.series_message_id = stored.series.message_id;
  out.series_version = stored.series.version;
  out.series_answers = stored.series.answers;
  for (const job::StoredPatch& patch : stored.series.patches)
    out.patches.push_back({patch.subject, patch.file_name, patch.patch_id, patch.insertions,
                           patch.deletions, patch.files, patch.message_id});
  return out;
}

void keep_tests(const std::vector<std::string>& tests, Prepared* prepared) {
  std::vector<job::TestPhase> phases;
  std::vector<PhaseList> lists;
  for (size_t i = 0; i < prepared->lists.size() && i < prepared->spec.tests.size(); ++i) {
    PhaseList& list = prepared->lists[i];
    std::erase_if(list.tests, [&](const std::string& test) {
      return std::find(tests.begin(), tests.end(), test) == tests.end();
    });
    if (list.tests.empty()) continue;
    list.text = igt::format_test_list(list.tests);
    lists.push_back(std::move(list));
    phases.push_back(prepared->spec.tests[i]);
  }
  prepared->lists = std::move(lists);
  prepared->spec.tests = std::move(phases);
}

}  // namespace kiln::scheduler
