#pragma once
/// The series' diff with a mark on each changed line, for people (docs/reach.md). Pure; strings of
/// the message may be hostile.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kiln/v1/report.pb.h"
#include "lib/report/words.h"

namespace kiln::report {

/// How kiln.v1.ReachLine.mark is shown.
Mark mark_of_line(std::string_view mark);

/// Each mark with its count of changed lines, in the order in which people read them.
std::vector<std::pair<std::string_view, int>> counts_by_mark(const v1::ReachSummary& summary);

/// The whole in a sentence: "14 of 18 changed lines with code were executed (i386-highmem)"; ""
/// when the report knows nothing of it.
std::string reach_words(const v1::RunReport& report);

/// Neighbours of which the same is to be said: lines [first, last] of the file.
struct ReachGroup {
  int first = 0;
  int last = 0;
};
std::vector<ReachGroup> reach_groups(const v1::ReachFile& file);

/// What is to be said of a line besides its mark: the tests (the first `most`), the configs when
/// they are not all that were measured, the rule. "" = nothing.
std::string evidence_words(const v1::RunReport& report, const v1::ReachLine& line, int most);

/// The diff for a terminal, then the NOT TESTED list. No newline at the end.
std::string reach_to_text(const v1::RunReport& report, bool color);
/// The same as a page of its own.
std::string reach_to_html(const v1::RunReport& report);
/// The report with nothing but its run, its reach and the NOT TESTED list.
v1::RunReport reach_alone(const v1::RunReport& report);

/// For the mail: a paragraph, "" when the report knows nothing of it.
std::string text_reach(const v1::RunReport& report);

}  // namespace kiln::report
