#pragma once
/// How reports begin, go on and end: the tables behind cut_reports(). Pure. Internal.
#include <optional>
#include <string>
#include <string_view>

namespace kiln::dmesg {

/// A line that begins a report.
struct Start {
  std::string_view kind;
  size_t at = 0;             ///< where in the line's text the telling part begins
  bool single_line = false;  ///< the whole report is this line
  bool detail = false;       ///< belongs to an open oops or bug; begins a report only by itself
};

/// nullopt when no report begins here.
std::optional<Start> find_start(std::string_view text);

/// Where, at or behind `from`, the next line may stand that begins a report or says which test
/// runs: the position of its telling word, npos = nowhere. One pass over the bytes, whatever they
/// are.
size_t find_telling(std::string_view log, size_t from);

/// `------------[ cut here ]------------`
bool is_cut_here(std::string_view text);
/// `==================`, which stands above the title of sanitizers' and lockdep's reports.
bool is_double_rule(std::string_view text);

/// Reports of this kind end with a line that says so; what their speaker says before belongs to
/// them, whatever it is.
bool has_end_mark(std::string_view kind);
/// The line is a definite end of a report of this kind.
bool is_end(std::string_view kind, std::string_view text);
/// Registers, frames, modules, code, and what else occurs only within reports of this kind.
bool is_body(std::string_view kind, std::string_view text);
/// Register lines, which an x86 oops repeats behind its end mark.
bool is_register_line(std::string_view text);

}  // namespace kiln::dmesg
