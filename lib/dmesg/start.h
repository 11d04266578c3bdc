#pragma once
/// How reports begin and what their lines look like: the tables behind cut_reports(). Internal.
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

/// `------------[ cut here ]------------`
bool is_cut_here(std::string_view text);
/// The line is a definite end of a report of this kind.
bool is_end(std::string_view kind, std::string_view text);
/// Registers, frames, modules, code: lines that occur only within reports.
bool is_body(std::string_view text);
/// Register lines, which an x86 oops repeats behind its end mark.
bool is_register_line(std::string_view text);

}  // namespace kiln::dmesg
