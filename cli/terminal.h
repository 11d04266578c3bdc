#pragma once
/// What this process' terminal can do, and printing errors on it.
#include <string>

#include "cli/options.h"
#include "lib/base/result.h"

namespace kiln::cli {

struct Terminal {
  bool live = false;  ///< stderr is a terminal that can redraw
  bool color = false;
  int columns = 80;
};
Terminal look_at_terminal(const Options& options);
/// Whether a document on stdout may have colours.
bool stdout_has_color(const Options& options);

/// Prints the error for people on stderr (with --format json also as JSON on stdout) and returns
/// the exit code that belongs to its kind.
int report_error(const Options& options, const Error& error);
int exit_code_of(ErrorKind kind);
/// A command's exit code, or report_error().
int finish(const Options& options, const Result<int>& result);

/// One document on stdout, ending in exactly one newline, flushed.
void print_document(const std::string& text);

}  // namespace kiln::cli
