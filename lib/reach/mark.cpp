#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/reach/assess.h"

namespace kiln::reach {
namespace {

/// Where gcov counts nothing, and yet something may run.
bool is_other_code(std::string_view path) {
  return path.ends_with(".S") || path.ends_with(".s") || path.ends_with(".rs") ||
         path.ends_with(".lds");
}

void set(MarkedLine* line, const Assessment& from) {
  line->mark = from.mark;
  line->why = from.why;
  line->cells = from.cells;
  line->test_count = static_cast<int>(from.tests.size());
  using Test = std::pair<std::string, Assessment::Ran>;
  std::vector<Test> tests(from.tests.begin(), from.tests.end());
  std::sort(tests.begin(), tests.end(), [](const Test& a, const Test& b) {
    if (a.second.count != b.second.count) return a.second.count > b.second.count;
    return std::tie(a.second.order, a.first) < std::tie(b.second.order, b.first);
  });
  for (const auto& [name, ran] : tests)
    if (line->tests.size() < kMaxTests) line->tests.push_back(name);
}

class FileMarker {
 public:
  FileMarker(const ChangedFile& file, const Assessor& assessor)
      : change_(file.change), assessor_(assessor), old_(scan_source(file.old_text)) {}

  MarkedFile run() {
    out_.path = change_.path;
    const bool c = is_c(change_.path);
    for (const series::Hunk& hunk : change_.hunks) add_hunk(hunk, c);
    if (change_.deleted)
      out_.note = "removed";
    else if (change_.binary)
      out_.note = "binary";
    else if (is_other_code(change_.path))
      out_.note = "not C: gcov counts nothing here";
    else if (c && !assessor_.in_any_object(change_.path))
      out_.note = "in no object of the kernels that were measured";
    return std::move(out_);
  }

 private:
  void add_hunk(const series::Hunk& hunk, bool c) {
    MarkedLine head;
    head.kind = '@';
    head.line = hunk.new_start;
    head.text = fmt::format("@@ -{},{} +{},{} @@", hunk.old_start, hunk.old_count, hunk.new_start,
                            hunk.new_count);
    out_.lines.push_back(std::move(head));
    size_t at = 0;
    while (at < hunk.lines.size()) {
      size_t end = at;
      while (end < hunk.lines.size() && hunk.lines[end].kind != ' ') ++end;
      if (end == at) {
        out_.lines.push_back(plain(hunk.lines[at++]));
        continue;
      }
      add_group(hunk, at, end, c);
      at = end;
    }
  }

  static MarkedLine plain(const series::HunkLine& line) {
    MarkedLine out;
    out.kind = line.kind;
    out.line = line.new_line;
    out.text = to_valid_utf8(line.text.substr(0, kMaxLineBytes));
    return out;
  }

  /// Removed and added lines without context between them.
  void add_group(const series::Hunk& hunk, size_t begin, size_t end, bool c) {
    const size_t first = out_.lines.size();
    bool adds_code = false;
    for (size_t i = begin; i < end; ++i) {
      MarkedLine line = plain(hunk.lines[i]);
      if (line.kind == '+') {
        mark_added(&line, c);
        adds_code = adds_code || line.mark > Mark::kNoCode;
      }
      out_.lines.push_back(std::move(line));
    }
    if (adds_code || change_.deleted) return;  // what is new stands for what went
    for (size_t i = begin; i < end; ++i)
      if (hunk.lines[i].kind == '-') mark_removed(&out_.lines[first + i - begin], hunk.lines[i], c);
  }

  void mark_added(MarkedLine* line, bool c) {
    if (!c) {
      line->mark =
          is_other_code(change_.path) && !trim(line->text).empty() ? Mark::kUnknown : Mark::kNoCode;
      return;
    }
    set(line, assessor_.line(change_.path, line->line));
    line->function = assessor_.function(change_.path, line->line);
  }

  void mark_removed(MarkedLine* line, const series::HunkLine& from, bool c) {
    line->mark = Mark::kNoCode;
    const LineKind kind = old_.line(from.old_line).kind;
    if (!c || (kind != LineKind::kStatement && kind != LineKind::kSignature)) return;
    set(line, assessor_.removed_before(change_.path, from.new_line));
    line->function = assessor_.function(change_.path, from.new_line);
  }

  const series::FileChange& change_;
  const Assessor& assessor_;
  Source old_;
  MarkedFile out_;
};

/// Keeps the marks when there are too many lines: context goes first.
void shorten(Reach* reach) {
  const auto total = [&] {
    size_t lines = 0;
    for (const MarkedFile& file : reach->files) lines += file.lines.size();
    return lines;
  };
  if (total() <= kMaxLines) return;
  for (MarkedFile& file : reach->files)
    std::erase_if(file.lines, [](const MarkedLine& line) { return line.kind == ' '; });
  reach->notes.emplace_back("the series is long: its context lines are left out");
  size_t lines = total();
  if (lines <= kMaxLines) return;
  for (auto file = reach->files.rbegin(); file != reach->files.rend() && lines > kMaxLines;
       ++file) {
    const size_t keep = file->lines.size() - std::min(file->lines.size(), lines - kMaxLines);
    lines -= file->lines.size() - keep;
    file->lines.resize(keep);
    file->note = "too long to be shown whole";
  }
  reach->state = "partly";
  reach->why = fmt::format("the series changes more than {} lines", kMaxLines);
}

}  // namespace

Reach mark_lines(const Input& input) {
  Reach reach;
  reach.state = "measured";
  for (const CellEvidence& cell : input.cells) reach.cells.push_back(cell.config);
  const Assessor assessor(input);
  for (const ChangedFile& file : input.files)
    reach.files.push_back(FileMarker(file, assessor).run());
  shorten(&reach);
  return reach;
}

}  // namespace kiln::reach
