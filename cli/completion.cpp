#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "lib/base/text.h"

namespace kiln::cli {
namespace {

const CLI::App* command_of(const CLI::App& app, const std::string& word) {
  for (const CLI::App* command : app.get_subcommands({}))
    if (command->get_name() == word) return command;
  return nullptr;
}

/// The option of that name, here or (options of the program go with every command) above.
const CLI::Option* option_of(const CLI::App* app, const std::string& word) {
  for (; app != nullptr; app = app->get_parent())
    if (const CLI::Option* found = app->get_option_no_throw(word)) return found;
  return nullptr;
}

bool takes_value(const CLI::App* app, const std::string& word) {
  if (!word.starts_with("-") || word.find('=') != std::string::npos) return false;
  const CLI::Option* option = option_of(app, word);
  return option != nullptr && option->get_items_expected_max() > 0 && option->get_type_size() > 0;
}

void add_options(const CLI::App* app, std::vector<std::string>* out) {
  for (; app != nullptr; app = app->get_parent())
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames()) out->push_back("--" + name);
}

constexpr const char* kBash = R"sh(# kiln's completion for bash: source it, or put it into
# ~/.local/share/bash-completion/completions/kiln
_kiln() {
	local IFS=$'\n'
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -o bashdefault -F _kiln kiln ./kiln
)sh";

constexpr const char* kZsh = R"sh(#compdef kiln
# kiln's completion for zsh: source it, or put it as _kiln into a folder of $fpath
_kiln() {
	local -a found
	found=(${(f)"$(${words[1]} __complete ${words[2,CURRENT]} 2>/dev/null)"})
	if (( ${#found} )); then
		compadd -a found
	else
		_files
	fi
}
if [ "$funcstack[1]" = "_kiln" ]; then
	_kiln "$@"
else
	compdef _kiln kiln ./kiln
fi
)sh";

constexpr const char* kFish =
    R"sh(# kiln's completion for fish: put it into ~/.config/fish/completions/kiln.fish
function __kiln_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c kiln -a '(__kiln_complete)'
)sh";

}  // namespace

std::vector<std::string> complete(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  const std::string typed = words.empty() ? "" : words.back();
  std::string before;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool is_value = takes_value(at, before);
    before = words[i];
    if (is_value) continue;
    if (const CLI::App* command = command_of(*at, words[i])) at = command;
  }
  std::vector<std::string> out;
  if (takes_value(at, before)) return out;
  if (typed.starts_with("-")) {
    add_options(at, &out);
  } else {
    for (const CLI::App* command : at->get_subcommands({})) out.push_back(command->get_name());
  }
  std::erase_if(out, [&](const std::string& word) { return !word.starts_with(typed); });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string completion_script(const std::string& shell) {
  return shell == "zsh" ? kZsh : shell == "fish" ? kFish : kBash;
}

std::string misspelled_command(const CLI::App& app, int argc, char** argv, int at) {
  if (argc <= at || argv[at][0] == '-') return {};
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (names.empty()) return {};
  const std::string word = argv[at];
  if (std::find(names.begin(), names.end(), word) != names.end())
    return misspelled_command(*app.get_subcommand(word), argc, argv, at + 1);
  std::string text = "error: unknown command `" + word + "`";
  const std::string near = nearest(word, names);
  if (!near.empty()) text += "\n  did you mean `" + near + "`?";
  return text + "\n  all commands: " + join(names, " ");
}

}  // namespace kiln::cli
