#include "lib/report/reach_fields.h"

#include "lib/report/report.h"

namespace kiln::report {
namespace {

void fill_line(const reach::MarkedLine& from, v1::ReachLine* to) {
  to->set_kind(std::string(1, from.kind));
  to->set_line(from.line);
  to->set_text(proto_string(from.text));
  to->set_mark(std::string(reach::to_string(from.mark)));
  for (const std::string& test : from.tests) to->add_tests(proto_string(test));
  to->set_test_count(from.test_count);
  for (const std::string& cell : from.cells) to->add_cells(proto_string(cell));
  to->set_function(proto_string(from.function));
  to->set_why(proto_string(from.why));
}

reach::MarkedLine line_of(const v1::ReachLine& from) {
  reach::MarkedLine to;
  if (!from.kind().empty()) to.kind = from.kind()[0];
  to.line = from.line();
  to.text = from.text();
  (void)reach::from_string(from.mark(), &to.mark);
  to.tests.assign(from.tests().begin(), from.tests().end());
  to.test_count = from.test_count();
  to.cells.assign(from.cells().begin(), from.cells().end());
  to.function = from.function();
  to.why = from.why();
  return to;
}

}  // namespace

void fill_reach(const reach::Reach& from, v1::RunReport* to) {
  to->clear_reach();
  to->clear_reach_summary();
  if (from.state.empty()) return;
  v1::ReachSummary* summary = to->mutable_reach_summary();
  summary->set_state(from.state);
  summary->set_why(proto_string(from.why));
  for (const std::string& cell : from.cells) summary->add_cells(proto_string(cell));
  summary->set_executed(from.count(reach::Mark::kExecuted));
  summary->set_not_executed(from.count(reach::Mark::kNotExecuted));
  summary->set_not_compiled(from.count(reach::Mark::kNotCompiled));
  summary->set_unknown(from.count(reach::Mark::kUnknown));
  summary->set_no_code(from.count(reach::Mark::kNoCode));
  for (const std::string& note : from.notes) summary->add_notes(proto_string(note));
  for (const reach::MarkedFile& file : from.files) {
    v1::ReachFile* out = to->add_reach();
    out->set_path(proto_string(file.path));
    out->set_note(proto_string(file.note));
    for (const reach::MarkedLine& line : file.lines) fill_line(line, out->add_lines());
  }
}

reach::Reach reach_of(const v1::RunReport& report) {
  reach::Reach to;
  const v1::ReachSummary& summary = report.reach_summary();
  to.state = summary.state();
  to.why = summary.why();
  to.cells.assign(summary.cells().begin(), summary.cells().end());
  to.notes.assign(summary.notes().begin(), summary.notes().end());
  for (const v1::ReachFile& file : report.reach()) {
    reach::MarkedFile out;
    out.path = file.path();
    out.note = file.note();
    for (const v1::ReachLine& line : file.lines()) out.lines.push_back(line_of(line));
    to.files.push_back(std::move(out));
  }
  return to;
}

}  // namespace kiln::report
