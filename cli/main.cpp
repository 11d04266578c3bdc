/// kiln: the command line. Parses, then hands over to one file a command.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <map>

#include "cli/options.h"
#include "lib/base/text.h"

namespace kiln::cli {
namespace {

const char* const kFooter =
    "Examples:\n"
    "  kiln run jobs/kmap-local-page.yaml       the series to a verdict, on this computer\n"
    "  kiln plan jobs/kmap-local-page.yaml      what that would do and how long it takes\n"
    "  kiln report @last --format html > r.html the newest run's report\n"
    "\n"
    "Exit codes: 0 no regression, 1 regression, 2 wrong use or bad input,\n"
    "            3 no verdict possible, 130 interrupted.";

void add_format(CLI::App* app, Options* options, bool html) {
  static const std::map<std::string, Format> kAll{
      {"text", Format::kText}, {"json", Format::kJson}, {"html", Format::kHtml}};
  static const std::map<std::string, Format> kNoHtml{{"text", Format::kText},
                                                     {"json", Format::kJson}};
  app->add_option("--format", options->format,
                  html ? "text, json or html; JSON is the proto message kiln.v1"
                       : "text or json; JSON is the proto message kiln.v1")
      ->transform(CLI::CheckedTransformer(html ? kAll : kNoHtml))
      ->type_name("FORMAT");
}

void add_run(CLI::App* app, Options* options) {
  app->add_option("RUN", options->run_id, "a run's number, or @last")->default_str("@last");
}

void add_job(CLI::App* app, Options* options) {
  app->add_option("JOB", options->job_file, "the job file (docs/job-file.md)")->required();
}

struct Commands {
  CLI::App app{"Kiln: is this kernel series safe, and is it faster, with HIGHMEM on and off?",
               "kiln"};
  std::map<CLI::App*, int (*)(const Options&)> handlers;
  Options options;

  CLI::App* add(const char* name, const char* description, int (*handler)(const Options&)) {
    CLI::App* command = app.add_subcommand(name, description);
    command->fallthrough();
    handlers[command] = handler;
    return command;
  }
  void build();
};

void Commands::build() {
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", KILN_VERSION);
  app.add_option("--data-dir", options.data_dir,
                 "data folder; else KILN_DATA_DIR, else the user's XDG data folder");
  app.add_option("--home", options.home, "Kiln's own folder (images/, kernel-configs/)")
      ->envname("KILN_HOME");
  static const std::map<std::string, ColorMode> kColors{
      {"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}};
  app.add_option("--color", options.color, "auto, always or never")
      ->transform(CLI::CheckedTransformer(kColors))
      ->type_name("WHEN");
  static const std::map<std::string, ProgressMode> kProgress{{"auto", ProgressMode::kAuto},
                                                             {"bar", ProgressMode::kBar},
                                                             {"lines", ProgressMode::kLines},
                                                             {"none", ProgressMode::kNone}};
  app.add_option("--progress", options.progress, "auto, bar, lines or none")
      ->transform(CLI::CheckedTransformer(kProgress))
      ->type_name("HOW");

  CLI::App* plan = add("plan", "show what a job would do, before anything starts", plan_command);
  add_job(plan, &options);
  add_format(plan, &options, false);
  CLI::App* run = add("run", "run a job on this computer and print the verdict", run_command);
  add_job(run, &options);
  add_format(run, &options, false);
  run->add_flag("--fresh", options.fresh, "do not go on with an interrupted run of this job");
  run->footer(
      "Ctrl-C stops cleanly; the same command goes on where it was.\n"
      "Examples:\n  kiln run jobs/kmap-local-page.yaml\n"
      "  kiln run jobs/kmap-local-page.yaml --format json > report.json");
  CLI::App* runs = add("runs", "list the runs, newest first", runs_command);
  runs->add_option("--limit", options.limit, "at most so many")->check(CLI::Range(1, 10000));
  add_format(runs, &options, false);
  CLI::App* show = add("show", "one run: verdict, matrix, builds and sessions", show_command);
  add_run(show, &options);
  add_format(show, &options, false);
  CLI::App* report =
      add("report", "the report of a run: text like a mail, json, html", report_command);
  add_run(report, &options);
  add_format(report, &options, true);
  CLI::App* log = add("log", "a session's console, dmesg, or one test's output", log_command);
  log->add_option("RUN", options.run_id, "a run's number, or @last")->required();
  log->add_option("SESSION", options.session_id, "a session's number (kiln show)")->required();
  log->add_option("TEST", options.what, "a test: igt@gem_pread@basic");
  log->add_flag("--console", options.console, "the serial console (default)");
  log->add_flag("--dmesg", options.dmesg, "the kernel log at the end");
  CLI::App* doctor = add("doctor", "what is missing on this computer and the command that mends it",
                         doctor_command);
  add_format(doctor, &options, false);
}

/// CLI11 says only that a subcommand is required; people want to know what they mistyped.
std::string misspelled_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::string word = argv[1];
  if (std::find(names.begin(), names.end(), word) != names.end()) return {};
  std::string text = "error: unknown command `" + word + "`";
  const std::string near = nearest(word, names);
  if (!near.empty()) text += "\n  did you mean `" + near + "`?";
  return text + "\n  all commands: " + join(names, " ");
}

int main_checked(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Commands commands;
  commands.build();
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
