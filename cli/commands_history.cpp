/// The commands that look at many runs.
#include "cli/commands.h"

namespace kiln::cli {

void Commands::build_history() {
  HistoryOptions& of = options.history;
  CLI::App* history = app.add_subcommand("history", "tests, metrics and machines over many runs");
  history->fallthrough();
  history->require_subcommand(1);
  CLI::App* tests =
      add_to(history, "tests", "how each test ended, run by run", history_tests_command);
  tests->add_option("--where", of.where, "test: group: (globs) job: (one), and words");
  tests->add_option("--test", of.test, "glob over whole names: one test");
  tests->add_flag("--steady", of.steady, "tests that were the same in all of them, too");
  tests->add_option("--limit", of.limit, "at most so many tests")->check(CLI::Range(1, 1000));
  CLI::App* metrics = add_to(history, "metrics", "their names; with one, its values by run",
                             history_metrics_command);
  metrics->add_option("METRIC", of.metric, "one of them");
  metrics->add_option("--machine", of.machine, "of this machine only");
  metrics->add_option("--config", of.config, "of this config only");
  metrics->add_option("--variant", of.variant, "patched; else the baseline");
  for (CLI::App* each : {tests, metrics})
    each->add_option("--runs", of.runs, "the newest so many")->check(CLI::Range(1, 200));
  CLI::App* machine = add_to(history, "machine", "what a machine did, its faults and its noise",
                             history_machine_command);
  machine->add_option("MACHINE", of.machine, "its name (kiln machines)")->required();
  machine->add_option("--limit", of.sessions, "the newest so many sessions")
      ->check(CLI::Range(1, 500));
  machine->add_option("--before", of.before, "only sessions older than this one");
  CLI::App* configs = add_to(history, "configs", "what differs between two kernels' configs",
                             history_configs_command);
  configs->add_option("RUN", options.run_id, "a run's number, or @last")->required();
  configs->add_option("LEFT", of.left, "baseline/i386-highmem")->required();
  configs->add_option("RIGHT", of.right, "another cell")->required();
  configs->add_option("--right-run", of.right_run, "RIGHT is of this run");
  for (CLI::App* each : {tests, metrics, machine, configs})
    add_format(each, &options, Formats::kDocument);
  history->footer("Example:\n  kiln history tests --where 'test:gem_* job:drm-tip' --runs 100");
}

}  // namespace kiln::cli
