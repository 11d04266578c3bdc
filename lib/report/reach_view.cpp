#include "lib/report/reach_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/text_parts.h"

namespace kiln::report {
namespace {

constexpr int kTestsNamed = 2;
constexpr size_t kTab = 8;

std::string list(const google::protobuf::RepeatedPtrField<std::string>& items) {
  std::vector<std::string> names;
  for (const std::string& item : items) names.push_back(clean_line(item));
  return join(names, ", ");
}

bool is_alike(const v1::ReachLine& a, const v1::ReachLine& b) {
  const auto same = [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
  };
  return a.mark() == b.mark() && a.why() == b.why() && a.test_count() == b.test_count() &&
         same(a.tests(), b.tests()) && same(a.cells(), b.cells());
}

/// A line of code on a terminal: tabs as blanks, no control bytes, no bytes that are no UTF-8.
std::string code(std::string_view text) {
  std::string out;
  size_t column = 0;
  for (const char c : to_valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      const size_t blanks = kTab - column % kTab;
      out.append(blanks, ' ');
      column += blanks;
      continue;
    }
    out += byte < 0x20 || byte == 0x7F ? ' ' : c;
    if ((byte & 0xC0U) != 0x80) ++column;
  }
  // U+0080 to U+009F are control characters, too.
  for (size_t at = out.find('\xC2'); at != std::string::npos; at = out.find('\xC2', at + 1))
    if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xA0)
      out.replace(at, 2, " ");
  return out;
}

class Painter {
 public:
  explicit Painter(bool color) : color_(color) {}
  [[nodiscard]] std::string operator()(const char* style, const std::string& text) const {
    return color_ && *style != '\0' && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", style, text)
                                                     : text;
  }

 private:
  bool color_;
};

const char* style_of(const Mark& mark) {
  switch (mark.role) {
    case Role::kBetter:
      return "32";
    case Role::kWorse:
      return "31";
    case Role::kAttention:
      return "33";
    default:
      return "2";
  }
}

std::string line_text(const v1::ReachLine& line, const Painter& paint) {
  if (line.kind() == "@") return paint("36", code(line.text())) + "\n";
  const std::string number = line.line() > 0 ? std::to_string(line.line()) : "";
  const Mark mark = mark_of_line(line.mark());
  const std::string body = line.kind() + code(line.text());
  const bool changed = !line.mark().empty();
  return fmt::format("{} {} {}\n", changed ? paint(style_of(mark), std::string(mark.glyph)) : " ",
                     paint("2", fmt::format("{:>6}", number)),
                     paint(changed || line.kind() != " " ? style_of(mark) : "", body));
}

std::string file_text(const v1::RunReport& report, const v1::ReachFile& file,
                      const Painter& paint) {
  std::string out = paint("1", clean_line(file.path())) + "\n";
  if (!file.note().empty()) out += "  " + clean_line(file.note()) + "\n";
  for (const ReachGroup& group : reach_groups(file)) {
    for (int i = group.first; i <= group.last; ++i) out += line_text(file.lines(i), paint);
    const std::string words = evidence_words(report, file.lines(group.last), kTestsNamed);
    if (!words.empty()) out += paint("2", "           `- " + words) + "\n";
  }
  return out;
}

std::string legend(const v1::ReachSummary& summary) {
  std::string out;
  for (const auto& [mark, count] : counts_by_mark(summary)) {
    const Mark shown = mark_of_line(mark);
    out += fmt::format("{}{} {} {}", out.empty() ? "" : "   ", shown.glyph, shown.word, count);
  }
  return out + "\n";
}

bool is_measured(const v1::RunReport& report) {
  return report.reach_summary().state() == "measured" || report.reach_summary().state() == "partly";
}

}  // namespace

Mark mark_of_line(std::string_view mark) {
  if (mark == "executed") return {"✓", "executed", Role::kBetter};
  if (mark == "not-executed") return {"✗", "not executed", Role::kWorse};
  if (mark == "not-compiled") return {"∅", "not compiled", Role::kAttention};
  if (mark == "unknown") return {"?", "cannot be told", Role::kAttention};
  if (mark == "no-code") return {"·", "no code", Role::kQuiet};
  return {" ", "", Role::kPlain};
}

std::vector<std::pair<std::string_view, int>> counts_by_mark(const v1::ReachSummary& summary) {
  return {{"executed", summary.executed()},
          {"not-executed", summary.not_executed()},
          {"not-compiled", summary.not_compiled()},
          {"unknown", summary.unknown()},
          {"no-code", summary.no_code()}};
}

std::string reach_words(const v1::RunReport& report) {
  const v1::ReachSummary& summary = report.reach_summary();
  if (summary.state().empty()) return "";
  if (!is_measured(report))
    return summary.why().empty() ? "not measured" : "not measured: " + summary.why();
  const int code =
      summary.executed() + summary.not_executed() + summary.not_compiled() + summary.unknown();
  std::string out = code == 0 ? "the series changes no line that has code"
                              : fmt::format("{} of {} with code {} executed", summary.executed(),
                                            count_words(code, "changed line", "changed lines"),
                                            summary.executed() == 1 ? "was" : "were");
  if (!summary.cells().empty()) out += " (" + list(summary.cells()) + ")";
  if (summary.state() == "partly") out += "; not all was measured: " + summary.why();
  return out;
}

std::vector<ReachGroup> reach_groups(const v1::ReachFile& file) {
  std::vector<ReachGroup> groups;
  for (int i = 0; i < file.lines_size(); ++i) {
    if (!groups.empty() && is_alike(file.lines(groups.back().last), file.lines(i)))
      groups.back().last = i;
    else
      groups.push_back({i, i});
  }
  return groups;
}

std::string evidence_words(const v1::RunReport& report, const v1::ReachLine& line, int most) {
  if (line.mark().empty()) return "";
  std::string out;
  for (int i = 0; i < std::min(line.tests_size(), most); ++i)
    out += (i == 0 ? "" : ", ") + clean_line(line.tests(i));
  if (const int more = line.test_count() - std::min(line.tests_size(), most); more > 0)
    out += fmt::format("{}{} more", out.empty() ? "" : " and ", more);
  if (line.cells_size() > 0 && line.cells_size() < report.reach_summary().cells_size())
    out += (out.empty() ? "only in " : "; only in ") + list(line.cells());
  if (!line.why().empty()) out += (out.empty() ? "" : "; ") + clean_line(line.why());
  return out;
}

std::string reach_to_text(const v1::RunReport& report, bool color) {
  const Painter paint(color);
  const std::string title =
      clean_line(report.series().title().empty() ? report.run().title() : report.series().title());
  std::string out = paint("1", fmt::format("run {}  {}", report.run().id(), title)) + "\n";
  const std::string words = reach_words(report);
  out += words.empty() ? "the run has no series, or is of a Kiln that did not ask what runs\n"
                       : clean_line(words) + "\n";
  if (is_measured(report)) out += legend(report.reach_summary());
  for (const std::string& note : report.reach_summary().notes()) out += wrapped("note: ", note);
  for (const v1::ReachFile& file : report.reach()) out += "\n" + file_text(report, file, paint);
  if (const std::string places = text_not_tested(report); !places.empty()) out += "\n" + places;
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

v1::RunReport reach_alone(const v1::RunReport& report) {
  v1::RunReport out;
  *out.mutable_run() = report.run();
  if (report.has_reach_summary()) *out.mutable_reach_summary() = report.reach_summary();
  *out.mutable_reach() = report.reach();
  *out.mutable_not_tested() = report.not_tested();
  return out;
}

std::string text_reach(const v1::RunReport& report) {
  const std::string words = reach_words(report);
  if (words.empty()) return "";
  std::string out = wrapped("REACH  ", words);
  if (!report.reach().empty())
    out += wrapped("  ", fmt::format("each line with its tests: kiln reach {}", report.run().id()));
  for (const std::string& note : report.reach_summary().notes()) out += wrapped("  ", note, 4);
  return out;
}

}  // namespace kiln::report
