#include "lib/symbols/locate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/symbols/object_file.h"
#include "lib/symbols/units.h"

namespace kiln::symbols {
namespace {

constexpr uint64_t kMaxUnit = 64 << 20;
/// A printed size reaches to the next symbol: the function's own and what aligns the next one.
constexpr uint64_t kMaxPadding = 64;

/// The instruction that an entry is about: of a return address, the call before it.
uint64_t instruction_of(const dmesg::StackEntry& entry) {
  return entry.exact || entry.offset == 0 ? entry.offset : entry.offset - 1;
}

bool fits(const Function& function, const dmesg::StackEntry& entry) {
  if (function.name != entry.symbol) return false;
  if (function.size == 0) return true;
  return function.size <= entry.size && entry.size - function.size <= kMaxPadding &&
         instruction_of(entry) < function.size;
}

/// All entries of one module ("" = of vmlinux).
void locate_in(const std::string& module, const std::vector<dmesg::StackEntry>& stack,
               const os::Path& objects, Located& out) {
  const auto units = units_of(objects, module);
  const std::string where = module.empty() ? "vmlinux" : module;
  if (!units) {
    out.notes.push_back(fmt::format("{}: {}", where, units.error().message));
    return;
  }
  std::set<std::string, std::less<>> names;
  for (const dmesg::StackEntry& entry : stack)
    if (entry.module == module) names.insert(entry.symbol);
  for (const std::string& unit : *units) {
    const auto file = os::read_file(objects / unit, kMaxUnit);
    if (!file) continue;  // an assembler's or a script's product that is not there any more
    const auto functions = find_functions(*file, names);
    if (!functions) continue;
    for (const Function& function : functions->found) {
      for (size_t i = 0; i < stack.size(); ++i) {
        if (stack[i].module != module || !fits(function, stack[i])) continue;
        out.candidates.push_back({i, unit, function.section, function.offset,
                                  function.offset + instruction_of(stack[i]),
                                  std::string(function.code), functions->has_lines});
      }
    }
  }
}

}  // namespace

Located locate(const std::vector<dmesg::StackEntry>& stack, const os::Path& objects) {
  Located out;
  std::set<std::string> modules;
  for (const dmesg::StackEntry& entry : stack) modules.insert(entry.module);
  for (const std::string& module : modules) locate_in(module, stack, objects, out);
  std::stable_sort(out.candidates.begin(), out.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.entry < b.entry; });
  return out;
}

}  // namespace kiln::symbols
