#pragma once
/// What can follow a line that is being typed. Pure, over the parser's own tables, so that no
/// command or option is listed twice.
#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace kiln::cli {

/// `words` are those behind the program's name, the last one being typed (may be empty). Commands
/// and options that begin with it, sorted; none where a value or a file belongs.
std::vector<std::string> complete(const CLI::App& app, const std::vector<std::string>& words);

/// The script for `shell` ("bash" | "zsh" | "fish"); it asks `kiln __complete WORD...`.
std::string completion_script(const std::string& shell);

/// What is wrong with the first word that should be a command, "" = nothing: CLI11 says only that
/// one is required, and people want to know what they mistyped.
std::string misspelled_command(const CLI::App& app, int argc, char** argv, int at = 1);

}  // namespace kiln::cli
