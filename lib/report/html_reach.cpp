/// The diff of the series with a mark on each changed line.
#include <fmt/format.h>

#include <algorithm>

#include "lib/report/html_parts.h"
#include "lib/report/reach_view.h"

namespace kiln::report {
namespace {

constexpr int kTestsNamed = 2;
/// Files of a longer diff are open only where something was not executed.
constexpr int kLongDiff = 1500;

std::string_view row_style(std::string_view mark) {
  if (mark == "executed") return "ran";
  if (mark == "not-executed") return "missed";
  if (mark == "not-compiled" || mark == "unknown") return "untold";
  return mark.empty() ? "ctx" : "nocode";
}

std::string row(const v1::ReachLine& line) {
  if (line.kind() == "@")
    return "<tr class=\"hunk\"><td></td><td></td><td><code>" + escape(line.text()) +
           "</code></td></tr>\n";
  const Mark mark = mark_of_line(line.mark());
  const std::string label =
      line.mark().empty() ? "" : fmt::format(" title=\"{0}\" aria-label=\"{0}\"", mark.word);
  return fmt::format(
      "<tr class=\"{}\"><td class=\"m\"{}>{}</td><td class=\"n\">{}</td><td><code>{}{}</code></td>"
      "</tr>\n",
      row_style(line.mark()), label, line.mark().empty() ? "" : mark.glyph, line.line(),
      escape(line.kind()), escape(line.text()));
}

/// The tests of a group, the rest of them behind a fold.
std::string evidence(const v1::RunReport& report, const v1::ReachLine& line) {
  const std::string words = escape(evidence_words(report, line, kTestsNamed));
  if (words.empty()) return "";
  std::string body = words;
  if (line.tests_size() > kTestsNamed) {
    std::string names;
    for (const std::string& test : line.tests())
      names += "<li class=\"mono\">" + escape(test) + "</li>";
    if (line.test_count() > line.tests_size())
      names += fmt::format("<li>and {} more</li>", line.test_count() - line.tests_size());
    body = fmt::format(
        "<details class=\"long\"><summary>{}</summary><ul>{}</ul></details>"
        "<span class=\"paper\">{}</span>",
        words, names, words);
  }
  return "<tr class=\"by\"><td></td><td></td><td>" + body + "</td></tr>\n";
}

std::string file_counts(const v1::ReachFile& file) {
  int ran = 0;
  int code = 0;
  for (const v1::ReachLine& line : file.lines()) {
    if (line.mark().empty() || line.mark() == "no-code") continue;
    ++code;
    if (line.mark() == "executed") ++ran;
  }
  return code == 0 ? "no code" : fmt::format("{} of {} executed", ran, code);
}

bool has_missed(const v1::ReachFile& file) {
  return std::any_of(file.lines().begin(), file.lines().end(), [](const v1::ReachLine& line) {
    return !line.mark().empty() && line.mark() != "executed" && line.mark() != "no-code";
  });
}

std::string file_part(const v1::RunReport& report, const v1::ReachFile& file, bool is_long) {
  std::string rows;
  for (const ReachGroup& group : reach_groups(file)) {
    for (int i = group.first; i <= group.last; ++i) rows += row(file.lines(i));
    rows += evidence(report, file.lines(group.last));
  }
  std::string out = fmt::format(
      "<details{}><summary><span class=\"place\">{}</span> · {}</summary>",
      is_long && !has_missed(file) ? "" : " open", escape(file.path()), file_counts(file));
  if (!file.note().empty()) out += "<p class=\"note\">" + escape(file.note()) + "</p>";
  if (!rows.empty()) out += "<table class=\"diff\"><tbody>\n" + rows + "</tbody></table>";
  return out + "</details>\n";
}

std::string legend(const v1::ReachSummary& summary) {
  std::string out = "<p class=\"legend\">";
  for (const auto& [mark, count] : counts_by_mark(summary)) {
    const Mark shown = mark_of_line(mark);
    out += fmt::format("<span class=\"key {}\">{}</span> {} {} ", row_style(mark), shown.glyph,
                       shown.word, count);
  }
  return out + "</p>\n";
}

}  // namespace

std::string html_reach(const v1::RunReport& report) {
  const std::string words = reach_words(report);
  if (words.empty()) return "";
  std::string body = "<p>" + escape(words) + ".</p>\n";
  if (!report.reach().empty()) body += legend(report.reach_summary());
  for (const std::string& note : report.reach_summary().notes())
    body += "<p class=\"note\">" + escape(note) + "</p>\n";
  int lines = 0;
  for (const v1::ReachFile& file : report.reach()) lines += file.lines_size();
  for (const v1::ReachFile& file : report.reach())
    body += file_part(report, file, lines > kLongDiff);
  return section("reach", "Reach", "which changed lines ran, where, and by which test", body);
}

}  // namespace kiln::report
