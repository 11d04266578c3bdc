#include "lib/report/static_fields.h"

#include "lib/report/report.h"

namespace kiln::report {

void fill_statics(const statics::Side& from, v1::RunReport* to) {
  to->clear_static_side();
  if (from.empty()) return;
  v1::StaticSide* side = to->mutable_static_side();
  side->set_config(proto_string(from.config));
  for (const statics::Check& check : from.checks) {
    v1::StaticCheck* out = side->add_checks();
    out->set_patch(check.patch);
    out->set_tool(check.tool);
    out->set_level(check.level);
    out->set_file(proto_string(check.file));
    out->set_line(check.line);
    out->set_text(proto_string(check.text));
  }
  for (const statics::Growth& growth : from.growths) {
    v1::SymbolGrowth* out = side->add_growths();
    out->set_patch(growth.patch);
    out->set_symbol(proto_string(growth.symbol));
    out->set_object(proto_string(growth.object));
    out->set_size_before(growth.size_before);
    out->set_size_after(growth.size_after);
    out->set_stack_before(growth.stack_before);
    out->set_stack_after(growth.stack_after);
  }
  for (const statics::Coverage& covered : from.patches) {
    v1::StaticCoverage* out = side->add_patches();
    out->set_patch(covered.patch);
    for (const std::string& tool : covered.tools) out->add_tools(tool);
    out->set_objects(covered.objects);
    out->set_older(covered.older);
  }
  for (const std::string& note : from.notes) side->add_notes(proto_string(note));
}

statics::Side statics_of(const v1::RunReport& report) {
  const v1::StaticSide& from = report.static_side();
  statics::Side to;
  to.config = from.config();
  for (const v1::StaticCheck& check : from.checks())
    to.checks.push_back(
        {check.patch(), check.tool(), check.level(), check.file(), check.line(), check.text()});
  for (const v1::SymbolGrowth& growth : from.growths())
    to.growths.push_back({growth.patch(), growth.symbol(), growth.object(), growth.size_before(),
                          growth.size_after(), growth.stack_before(), growth.stack_after()});
  for (const v1::StaticCoverage& covered : from.patches())
    to.patches.push_back({covered.patch(),
                          {covered.tools().begin(), covered.tools().end()},
                          covered.objects(),
                          covered.older()});
  to.notes.assign(from.notes().begin(), from.notes().end());
  return to;
}

}  // namespace kiln::report
