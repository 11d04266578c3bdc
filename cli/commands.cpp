/// The commands of this computer's runs.
#include "cli/commands.h"

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

/// The words of a choice; --help has them in the option's own description.
template <typename T>
CLI::Validator one_of(const std::map<std::string, T>& words) {
  return CLI::CheckedTransformer(words).description("");
}

/// The fields of a known issue.
void add_known_fields(CLI::App* app, KnownOptions* known) {
  const auto field = [&](const char* name, std::string* value, const char* words) {
    app->add_option(name, *value, words)->each([known, name](const std::string&) {
      known->given.insert(name);
    });
  };
  field("--test", &known->test, "glob: igt@gem_pread@*");
  field("--config", &known->config, "glob: *-highmem");
  field("--machine", &known->machine, "glob over names of machines");
  field("--tag", &known->tag, "glob over tags of machines");
  app->add_option("--outcome", known->outcomes,
                  "fail, crash, timeout, dmesg-warn, missing ...; again for more")
      ->each([known](const std::string&) { known->given.insert("--outcome"); });
  field("--signature", &known->signature, "glob over signatures of kernel reports");
  field("--text", &known->text, "RE2 expression found in the reason or in the kernel's words");
  field("--reason", &known->reason, "why it is no news");
  field("--link", &known->link, "https address of the bug's report");
  field("--author", &known->author, "whose filter it is; else you (KILN_USER)");
  field("--expires", &known->expires, "2027-01-31, 90d or never");
}

/// How a change is agreed to.
void add_consent(CLI::App* app, KnownOptions* known) {
  app->add_flag("--dry-run", known->dry_run, "show what it would change, save nothing");
  app->add_flag("-y,--yes", known->yes, "save without asking");
}

}  // namespace

void add_format(CLI::App* app, Options* options, Formats formats) {
  std::map<std::string, Format> words{{"text", Format::kText}, {"json", Format::kJson}};
  if (formats != Formats::kDocument) words["html"] = Format::kHtml;
  if (formats == Formats::kReport)
    words.insert({{"junit", Format::kJunit},
                  {"kcidb", Format::kKcidb},
                  {"csv", Format::kCsv},
                  {"patchwork", Format::kPatchwork}});
  const char* help = formats == Formats::kDocument ? "text or json; json is a message of kiln.v1"
                     : formats == Formats::kPage
                         ? "text, json or html; json is a message of kiln.v1"
                         : "text, json, html, junit, kcidb, csv or patchwork; json is the message"
                           " kiln.v1.RunReport";
  app->add_option("--format", options->format, help)->transform(one_of(words))->type_name("FORMAT");
}

void add_run(CLI::App* app, Options* options) {
  app->add_option("RUN", options->run_id, "a run's number, or @last")->default_str("@last");
}

void add_job(CLI::App* app, Options* options) {
  app->add_option("JOB", options->job_file, "the job file (docs/job-file.md)")->required();
}

void Commands::build() {
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", KILN_VERSION);
  app.add_option("--data-dir", options.data_dir,
                 "data folder; else KILN_DATA_DIR, else the user's XDG data folder");
  app.add_option("--lab", options.lab.lab,
                 "a lab elsewhere: its name (kiln lab list) or its data folder; else KILN_LAB");
  app.add_option("--home", options.home, "Kiln's own folder (images/, kernel-configs/)")
      ->envname("KILN_HOME");
  static const std::map<std::string, ColorMode> kColors{
      {"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}};
  app.add_option("--color", options.color, "auto, always or never")
      ->transform(one_of(kColors))
      ->type_name("WHEN");
  static const std::map<std::string, ProgressMode> kProgress{{"auto", ProgressMode::kAuto},
                                                             {"bar", ProgressMode::kBar},
                                                             {"lines", ProgressMode::kLines},
                                                             {"none", ProgressMode::kNone}};
  app.add_option("--progress", options.progress, "auto, bar, lines or none")
      ->transform(one_of(kProgress))
      ->type_name("HOW");

  CLI::App* plan = add("plan", "show what a job would do, before anything starts", plan_command);
  add_job(plan, &options);
  add_format(plan, &options, Formats::kDocument);
  CLI::App* run = add("run", "run a job on this computer and print the verdict", run_command);
  add_job(run, &options);
  add_format(run, &options, Formats::kDocument);
  run->add_flag("--fresh", options.fresh, "do not go on with an interrupted run of this job");
  run->footer(
      "Ctrl-C stops cleanly; the same command goes on where it was.\n"
      "Examples:\n  kiln run jobs/kmap-local-page.yaml\n"
      "  kiln run jobs/kmap-local-page.yaml --format json > report.json");
  CLI::App* serve = add(
      "serve", "the dashboard over the data folder, in a browser on this computer", serve_command);
  serve->add_option("--port", options.port, "of 127.0.0.1; 0 = any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  serve->footer(
      "Prints an address with a key in it: who has it may do everything that you may.\n"
      "Ctrl-C ends it; runs that were started there are stopped and go on with the same job.");
  CLI::App* runs = add("runs", "list the runs, newest first", runs_command);
  runs->add_option("--limit", options.limit, "at most so many")->check(CLI::Range(1, 10000));
  runs->add_option("--where", options.where,
                   "of these: result: job: state: machine: title: (globs), and words");
  add_format(runs, &options, Formats::kDocument);
  CLI::App* show = add("show", "one run: verdict, matrix, builds and sessions", show_command);
  add_run(show, &options);
  add_format(show, &options, Formats::kDocument);
  CLI::App* report = add("report", "the report of a run: text like a mail, and for other programs",
                         report_command);
  add_run(report, &options);
  add_format(report, &options, Formats::kReport);
  report->add_option("--origin", options.origin, "of KCIDB submissions")->default_str("kiln");
  report->add_flag("--post", options.post, "with patchwork: post the checks; else they are shown");
  report->add_option("--patchwork-config", options.patchwork_config,
                     "else kiln/patchwork.yaml in the user's config folder");
  report->add_option("--patchwork-series", options.patchwork_series,
                     "1234 or 1234/2; else the server is asked");
  CLI::App* reach =
      add("reach", "the series' diff: which lines ran, where, by which test", reach_command);
  add_run(reach, &options);
  add_format(reach, &options, Formats::kPage);
  CLI::App* log = add("log", "a session's console, dmesg, or one test's output", log_command);
  log->add_option("RUN", options.run_id, "a run's number, or @last")->required();
  log->add_option("SESSION", options.session_id, "a session's number (kiln show)")->required();
  log->add_option("TEST", options.what, "a test: igt@gem_pread@basic");
  log->add_flag("--console", options.console, "the serial console (default)");
  log->add_flag("--dmesg", options.dmesg, "the kernel log at the end");
  log->add_option("--grep", options.grep, "only lines that this RE2 expression finds, numbered");
  log->add_flag("--follow,-f", options.follow,
                "the console of a session that is going on, as it comes, to its end");
  CLI::App* doctor = add("doctor", "what is missing on this computer and the command that mends it",
                         doctor_command);
  add_format(doctor, &options, Formats::kDocument);
}

void Commands::build_review() {
  CLI::App* judge =
      add("judge", "judge a stored run again, with today's rules and known issues", judge_command);
  add_run(judge, &options);
  add_format(judge, &options, Formats::kDocument);
  judge->add_flag("--save", options.save, "make it the run's verdict; the old one is kept");
  judge->footer("The exit code is the verdict's.\nExample:\n  kiln judge 412 --save");
  CLI::App* repro =
      add("repro", "repeat one finding: boots the run's kernels again", repro_command);
  repro->add_option("FINDING", options.finding, "412/f3, or f3 of the newest run")->required();
  repro->add_option("--boots", options.boots, "on each side; else as many as confirmed it")
      ->check(CLI::Range(1, 40));
  repro->add_flag("--show", options.show_only, "only say how, also by hand; boots nothing");
  add_format(repro, &options, Formats::kDocument);
  repro->footer(
      "The exit code is that of the new run's verdict.\nExamples:\n"
      "  kiln repro 412/f3\n  kiln repro 412/f3 --show");
  CLI::App* known = app.add_subcommand("known", "known issues: what is no news, why, until when");
  known->fallthrough();
  known->require_subcommand(1);
  CLI::App* list = add_to(known, "list", "the filters, and how they were used", known_list_command);
  list->add_flag("--removed", options.known.with_removed, "removed ones, too");
  list->add_option("--where", options.where,
                   "test: config: state: author: machine: (globs), and words");
  add_format(list, &options, Formats::kDocument);
  CLI::App* add_one =
      add_to(known, "add", "a new one; shows first what it changes", known_add_command);
  CLI::App* edit = add_to(known, "edit", "change the fields that are given", known_edit_command);
  CLI::App* remove = add_to(known, "remove", "take one out of force", known_remove_command);
  for (CLI::App* change : {edit, remove})
    change->add_option("ID", options.known.id, "its number (kiln known list)")->required();
  for (CLI::App* change : {add_one, edit}) add_known_fields(change, &options.known);
  for (CLI::App* change : {add_one, edit, remove}) {
    add_consent(change, &options.known);
    add_format(change, &options, Formats::kDocument);
  }
  add_one->footer(
      "Stored runs are judged again at once.\nExamples:\n"
      "  kiln known add --test 'igt@gem_mmap@*' --config '*-nohighmem' --outcome fail \\\n"
      "      --reason 'fails since 6.1.150' --link https://bugs.example.org/7 --expires 90d\n"
      "  kiln known add --signature 'warning: drm_mode*' --reason 'old, harmless' --dry-run");
  CLI::App* audit = add_to(known, "audit", "who changed what, newest first", known_audit_command);
  audit->add_option("ID", options.known.id, "of one filter only");
  audit->add_option("--limit", options.limit, "at most so many")->check(CLI::Range(1, 10000));
  add_format(audit, &options, Formats::kDocument);
}

void Commands::build_findings() {
  FindingsOptions& of = options.findings;
  CLI::App* findings = app.add_subcommand("findings", "what needs a person, over all runs");
  findings->fallthrough();
  findings->require_subcommand(1);
  CLI::App* list = add_to(findings, "list", "those that wait for a decision, newest runs first",
                          findings_list_command);
  list->add_option("--state", of.state, "open, decided or all")
      ->check(CLI::IsMember({"open", "decided", "all"}))
      ->capture_default_str();
  list->add_option("--where", of.where,
                   "class: config: test: job: run: machine: owner: patch: (globs), and words");
  list->add_option("--limit", of.limit, "at most so many")->check(CLI::Range(1, 1000));
  CLI::App* dismiss =
      add_to(findings, "dismiss", "no news, for a reason", findings_dismiss_command);
  dismiss->add_option("--reason", of.reason, "for the others")->required();
  CLI::App* reopen = add_to(findings, "reopen", "it waits again", findings_reopen_command);
  CLI::App* assign = add_to(findings, "assign", "somebody looks at it", findings_assign_command);
  assign->add_option("--to", of.owner, "who; without it nobody does");
  CLI::App* snooze = add_to(findings, "snooze", "not now", findings_snooze_command);
  snooze->add_option("--for", of.span, "how long: 12h, 3d")->required();
  for (CLI::App* change : {dismiss, reopen, assign, snooze})
    change->add_option("FINDING", of.names, "412/f3; several are one decision")->required();
  CLI::App* undo =
      add_to(findings, "undo", "a decision does not stand any more", findings_undo_command);
  undo->add_option("DECISION", of.decision, "its number")->required();
  for (CLI::App* each : {list, dismiss, reopen, assign, snooze, undo})
    add_format(each, &options, Formats::kDocument);
  findings->footer(
      "Example:\n  kiln findings dismiss 412/f3 412/f4 --reason 'a bad cable at kbl-3'");
}

}  // namespace kiln::cli
