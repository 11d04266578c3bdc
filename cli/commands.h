#pragma once
/// Every command's name, words and arguments, for CLI11. What they do is in one file a command.
#include <CLI/CLI.hpp>
#include <map>

#include "cli/options.h"

namespace kiln::cli {

/// What a command can print.
enum class Formats {
  kDocument,  ///< text and JSON
  kPage,      ///< and HTML
  kReport,    ///< and what other programs read
};

/// --format, as far as the command has it.
void add_format(CLI::App* app, Options* options, Formats formats);
/// The positional RUN.
void add_run(CLI::App* app, Options* options);
/// The positional JOB.
void add_job(CLI::App* app, Options* options);

struct Commands {
  CLI::App app{"Kiln: is this kernel series safe, and is it faster, with HIGHMEM on and off?",
               "kiln"};
  std::map<CLI::App*, int (*)(const Options&)> handlers;
  Options options;

  CLI::App* add(const char* name, const char* description, int (*handler)(const Options&)) {
    return add_to(&app, name, description, handler);
  }
  CLI::App* add_to(CLI::App* parent, const char* name, const char* description,
                   int (*handler)(const Options&)) {
    CLI::App* command = parent->add_subcommand(name, description);
    command->fallthrough();
    handlers[command] = handler;
    return command;
  }
  void build();
  void build_review();
  void build_findings();
  void build_history();
  void build_lab();
  void build_access();
  void build_schedule();
  void build_keeping();
  void build_machine();
  void build_machine_add(CLI::App* machine);
  void build_visit();
};

}  // namespace kiln::cli
