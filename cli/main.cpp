/// kiln: the command line. Parses, then hands over to one file a command.
#include <csignal>
#include <iostream>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/terminal.h"

namespace kiln::cli {
namespace {

int completion_command(const Options& options) {
  print_document(completion_script(options.what));
  return kOk;
}

int main_checked(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Commands commands;
  commands.build();
  commands.build_review();
  commands.build_findings();
  commands.build_history();
  commands.build_lab();
  commands.build_access();
  commands.build_schedule();
  commands.build_keeping();
  commands.build_machine();
  CLI::App* completion = commands.add(
      "completion", "a script that lets a shell complete kiln's words", completion_command);
  completion->add_option("SHELL", commands.options.what, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer("Example:\n  source <(kiln completion bash)");
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    for (const std::string& word : complete(commands.app, {argv + 2, argv + argc}))
      std::cout << word << "\n";
    return kOk;
  }
  if (const std::string wrong = misspelled_command(commands.app, argc, argv); !wrong.empty()) {
    std::cerr << wrong << "\n";
    return kWrongUse;
  }
  try {
    commands.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = commands.app.exit(error, std::cout, std::cerr);
    return code == 0 ? kOk : kWrongUse;
  }
  for (const auto& [command, handler] : commands.handlers)
    if (command->parsed()) return handler(commands.options);
  return kWrongUse;
}

}  // namespace
}  // namespace kiln::cli

int main(int argc, char** argv) {
  return kiln::cli::main_checked(argc, argv);
}
