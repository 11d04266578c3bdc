/// Feeds bytes to the readers of gcov's and the preprocessor's answers and of C sources, and marks
/// a diff with what came of it: no crash, and every changed line has a mark.
#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/reach/reach.h"
#include "lib/reach/source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kiln::reach;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Wanted wanted{"/kiln/src", {"lib/sample.c"}};
  Input input;
  input.cells.emplace_back();
  CellEvidence& cell = input.cells.front();
  if (const auto counts = read_gcov(text, wanted)) cell.add(cell.test("igt@a"), counts->files);
  FileEvidence& file = cell.files["lib/sample.c"];
  file.objects.emplace_back("lib/sample.o");
  for (const auto& [path, lines] : compiled_lines(text, wanted)) file.compiled.add(lines);
  ChangedFile changed;
  changed.old_text = text;
  changed.new_text = text;
  changed.change.path = "lib/sample.c";
  kiln::series::Hunk hunk;
  for (int line = 1; line < 40; ++line)
    hunk.lines.push_back({line % 3 == 0 ? '-' : '+', line, line, "x"});
  changed.change.hunks.push_back(hunk);
  input.files.push_back(std::move(changed));
  const Reach reach = mark_lines(input);
  for (const MarkedLine& line : reach.files.front().lines)
    if (line.kind == '+' && line.mark == Mark::kNone) __builtin_trap();
  return 0;
}
