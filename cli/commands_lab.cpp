/// The commands of a lab and of its keeper.
#include "cli/commands.h"

namespace kiln::cli {

void Commands::build_lab() {
  LabOptions* lab = &options.lab;
  CLI::App* submit = add("submit", "hand a job with its files to a lab", submit_command);
  add_job(submit, &options);
  submit->add_option("--series", lab->series,
                     "instead of the job's own: a folder, an mbox, REPO:BASE..TIP, or a"
                     " message-id (fetched by b4)");
  submit->add_option("--priority", lab->priority, "interactive or nightly")
      ->check(CLI::IsMember({"interactive", "nightly"}));
  submit->add_flag("--dry-run", lab->dry_run, "show what it would do; nothing is started or kept");
  submit->add_flag("--wait", lab->wait,
                   "watch it, then print its report; exit code of the verdict");
  add_format(submit, &options, Formats::kDocument);
  submit->footer(
      "Examples:\n  kiln --lab oulu submit jobs/kmap-local-page.yaml --wait\n"
      "  kiln --lab oulu submit job.yaml --series ~/linux:v6.1..my-branch");
  CLI::App* watch = add("watch", "what happens in a run, until it has ended", watch_command);
  add_run(watch, &options);
  watch->add_option("--until", lab->until, "first-failure, verdict or done")
      ->check(CLI::IsMember({"first-failure", "verdict", "done"}));
  watch->add_option("--timeout", lab->timeout, "give up after that: 2h (exit code 3)");
  add_format(watch, &options, Formats::kDocument);
  add_run(add("cancel", "stop a run; what it has is kept", cancel_command), &options);
  CLI::App* retry = add("retry",
                        "run a run once more: what came to no verdict goes on with what it"
                        " has, what is done is run anew",
                        retry_command);
  add_run(retry, &options);
  retry->add_flag("--fresh", options.fresh, "anew in any case");
  retry->add_flag("--wait", lab->wait, "watch it, then print its report; exit code of the verdict");
  add_format(retry, &options, Formats::kDocument);
  retry->footer("Example:\n  kiln --lab oulu retry 412 --wait");
  add_format(add("queue", "what runs and what waits, for what", queue_command), &options,
             Formats::kDocument);
  CLI::App* machines = add("machines", "the lab's machines and how they are", machines_command);
  machines->add_option("--where", options.where,
                       "name: state: agent: tag: host: (globs), and words");
  add_format(machines, &options, Formats::kDocument);
  add_format(add("agents", "the lab's agents", agents_command), &options, Formats::kDocument);
  CLI::App* hold = add("hold", "borrow a machine: no sessions until then", hold_command);
  hold->add_option("--reason", lab->reason, "for the others")->required();
  hold->add_option("--for", lab->duration, "how long, at most 6h")->capture_default_str();
  add_format(hold, &options, Formats::kDocument);
  hold->footer(
      "Then it boots what you like, and is yours on its console and by SSH:\n"
      "  kiln hold qemu-1 --reason 'looking at the hang of run 412' --for 2h\n"
      "  kiln boot qemu-1 --run 412 --cell patched/i386-highmem\n"
      "  kiln ssh qemu-1 dmesg\n  kiln release qemu-1");
  build_visit();
  CLI::App* release = add("release", "give a machine back", release_command);
  CLI::App* drain = add("drain", "let a machine finish and take nothing new", drain_command);
  drain->add_option("--reason", lab->reason, "for the others")->required();
  CLI::App* resume =
      add("resume", "a machine works again: after drain or quarantine", resume_command);
  for (CLI::App* one : {hold, release, drain, resume})
    one->add_option("MACHINE", lab->machine, "its name (kiln machines)")->required();
}

/// What the holder of a machine does with it.
void Commands::build_visit() {
  LabOptions* lab = &options.lab;
  CLI::App* boot = add("boot", "a kernel of a run on a machine that you hold", boot_command);
  boot->add_option("--run", options.run_id,
                   "whose kernel; without it the last that did well on this machine");
  boot->add_option("--cell", lab->cell, "patched/i386-highmem; without it the run's first patched");
  boot->add_flag("--wait,!--no-wait", lab->wait, "until it is up (default)");
  boot->preparse_callback([lab](size_t) { lab->wait = true; });
  add_format(boot, &options, Formats::kDocument);
  boot->footer("Example:\n  kiln boot qemu-1 --run 412 --cell baseline/i386-highmem");
  CLI::App* console =
      add("console", "what a machine's console says; its holder types", console_command);
  console->footer(
      "For all to read, also while a session runs. Ctrl-] leaves it.\n"
      "Examples:\n  kiln console qemu-1\n  kiln console qemu-1 >boot.log");
  CLI::App* ssh =
      add("ssh", "a shell, or a command, on a machine that you have booted", ssh_command);
  ssh->add_option("MACHINE", lab->machine, "its name (kiln machines)")->required();
  ssh->fallthrough(false);
  ssh->prefix_command();  // all that follows MACHINE is the command's
  ssh->parse_complete_callback([ssh, lab] {
    for (std::string& word : ssh->remaining()) lab->arguments.push_back(std::move(word));
  });
  ssh->footer(
      "What follows MACHINE is the command. As root, with a key for this one connection; the\n"
      "machine's host key is the lab's.\n"
      "Examples:\n  kiln ssh qemu-1\n  kiln ssh qemu-1 cat /proc/meminfo");
  CLI::App* tunnel = add("tunnel", "for ssh's ProxyCommand: kiln ssh makes it", tunnel_command);
  tunnel->group("");
  tunnel->add_option("--key", lab->key, "public key to let in")->required();
  tunnel->add_option("--known-hosts", lab->known_hosts, "file for the machine's host key");
  for (CLI::App* one : {boot, console, tunnel})
    one->add_option("MACHINE", lab->machine, "its name (kiln machines)")->required();
}

void Commands::build_access() {
  LabOptions* lab = &options.lab;
  CLI::App* labs = app.add_subcommand("lab", "make a lab here, or get to know one elsewhere");
  labs->fallthrough();
  labs->require_subcommand(1);
  CLI::App* init = add_to(labs, "init", "a new lab: folder, authority, first token, kilnd.yaml",
                          lab_init_command);
  init->add_option("FOLDER", lab->folder, "its data folder")->required();
  init->add_option("--name", lab->name, "of the lab")->capture_default_str();
  init->add_option("--host", lab->hosts, "a name or address of this computer; again for more");
  init->add_flag("--network", lab->network, "let other computers in (always with TLS)");
  CLI::App* join =
      add_to(labs, "join", "remember a lab elsewhere with your token for it", lab_join_command);
  join->add_option("NAME", lab->name, "what you call it")->required();
  join->add_option("ADDRESS", lab->address, "HOST:7420")->required();
  join->add_option("--fingerprint", lab->fingerprint, "of its authority (kiln lab init told it)")
      ->required();
  join->footer("The token comes by KILN_TOKEN or the first line of stdin.");
  add_to(labs, "list", "the labs that you have joined", lab_list_command);

  CLI::App* token = app.add_subcommand("token", "who may use a lab, and what for");
  token->fallthrough();
  token->require_subcommand(1);
  CLI::App* token_add = add_to(token, "add", "a new one; shown once", token_add_command);
  token_add->add_option("USER", lab->user, "whose it is")->required();
  token_add->add_option("--role", lab->role, "viewer, submitter, keeper or admin")
      ->check(CLI::IsMember({"viewer", "submitter", "keeper", "admin"}))
      ->capture_default_str();
  token_add->add_option("--for", lab->lifetime, "how long it is good: 30d, never; else 90d");
  token_add->add_option("--note", lab->reason, "what it is for");
  CLI::App* token_list =
      add_to(token, "list", "the tokens, without their secrets", token_list_command);
  token_list->add_flag("--ended", lab->with_ended, "expired and revoked ones, too");
  CLI::App* token_revoke = add_to(token, "revoke", "end one, now", token_revoke_command);
  token_revoke->add_option("ID", lab->id, "its id (kiln token list)")->required();
  for (CLI::App* one : {token_add, token_list}) add_format(one, &options, Formats::kDocument);

  CLI::App* agent = app.add_subcommand("agent", "let an agent into a lab, or keep it out");
  agent->fallthrough();
  agent->require_subcommand(1);
  CLI::App* invite = add_to(agent, "invite", "a one-time code for a new agent", invite_command);
  invite->add_option("--for", lab->lifetime, "how long the code is good; else 1h");
  add_format(invite, &options, Formats::kDocument);
  CLI::App* revoke = add_to(agent, "revoke", "its certificates end, now", revoke_agent_command);
  revoke->add_option("--reason", lab->reason, "for the others")->required();
  revoke->add_flag("--unknown", lab->unknown,
                   "also an agent that this database never saw (after a restored backup)");
  for (CLI::App* one : {invite, revoke})
    one->add_option("NAME", lab->agent, "the agent's name")->required();

  CLI::App* audit =
      add("audit", "what was changed and what was refused, newest first", audit_command);
  audit->add_option("--who", lab->user, "only of this user");
  audit->add_option("--outcome", lab->outcome, "done, failed or refused")
      ->check(CLI::IsMember({"done", "failed", "refused"}));
  audit->add_option("--limit", options.limit, "at most so many")->check(CLI::Range(1, 1000));
  add_format(audit, &options, Formats::kDocument);
}

void Commands::build_schedule() {
  ScheduleOptions& of = options.schedule;
  CLI::App* schedule = app.add_subcommand("schedule", "jobs that start by themselves, as nights");
  schedule->fallthrough();
  schedule->require_subcommand(1);
  CLI::App* add_one = add_to(schedule, "add", "a new one", schedule_add_command);
  CLI::App* list =
      add_to(schedule, "list", "all, or one, with the next times", schedule_list_command);
  CLI::App* pause = add_to(schedule, "pause", "starts nothing meanwhile", schedule_pause_command);
  CLI::App* resume =
      add_to(schedule, "resume", "what it missed is not made up for", schedule_resume_command);
  CLI::App* remove = add_to(schedule, "remove", "its history stays", schedule_remove_command);
  CLI::App* now =
      add_to(schedule, "run-now", "start it, whatever the time", schedule_run_now_command);
  CLI::App* history =
      add_to(schedule, "history", "what became of its times", schedule_history_command);
  for (CLI::App* command : {add_one, pause, resume, remove, now, history})
    command->add_option("NAME", of.name, "its name: a-z, 0-9, `.`, `_`, `-`")->required();
  list->add_option("NAME", of.name, "only that one");
  list->add_option("--times", of.times, "so many next times")->check(CLI::Range(1, 100));
  list->add_flag("--removed", of.with_removed, "removed ones, too");
  history->add_option("--limit", options.limit, "at most so many")->check(CLI::Range(1, 10000));
  add_one->add_option("--cron", of.cron, "minute hour day-of-month month day-of-week, or @daily")
      ->required();
  add_one->add_option("--zone", of.zone, "whose clock: Europe/Helsinki")->capture_default_str();
  add_one->add_option("--job", of.job, "the job file (docs/job-file.md)")->required();
  add_one->add_option("--jitter", of.jitter, "start up to so much later: 10m");
  add_one->add_option("--missed", of.missed, "run-once or skip: when nobody was there")
      ->capture_default_str();
  add_one->add_option("--max-late", of.max_late, "a missed time may start so late; else 6h");
  add_one->add_option("--overlap", of.overlap, "skip or queue: while its last run is under way")
      ->capture_default_str();
  add_one->add_option("--unchanged", of.unchanged, "skip or run: when nothing changed since")
      ->capture_default_str();
  for (CLI::App* command : {add_one, list, pause, resume, remove, now, history})
    add_format(command, &options, Formats::kDocument);
  add_one->footer(
      "Example:\n  kiln schedule add drm-tip --cron '30 2 * * *' --zone Europe/Helsinki \\\n"
      "      --job jobs/night.yaml --jitter 10m");
}

void Commands::build_machine() {
  MachineOptions& of = options.machine;
  CLI::App* machine = app.add_subcommand("machine", "a real machine of this computer's agent");
  machine->fallthrough();
  machine->require_subcommand(1);
  build_machine_add(machine);
  CLI::App* check =
      add_to(machine, "check", "try each of its drivers, say what to mend", machine_check_command);
  check->add_option("NAME", of.name, "its name in the lab file")->required();
  check->add_option("--file", of.file, "the lab file (docs/lab-file.md)")->capture_default_str();
  check->add_flag("--power", of.power, "also switch it off and on: what runs there is lost");
  add_format(check, &options, Formats::kDocument);
  check->get_option("--format")->description("text or json: {machine, checks: [...]}");
  check->footer(
      "Run it on the agent's computer while no session has the machine.\nExample:\n"
      "  kiln machine check tgl-1 --file lab.yaml --power");
}

void Commands::build_machine_add(CLI::App* machine) {
  MachineOptions& of = options.machine;
  CLI::App* add =
      add_to(machine, "add", "find out what a machine is and write it into the lab file",
             machine_add_command);
  add->add_option("NAME", of.name, "what the lab is to call it: a-z, 0-9, -");
  add->add_option("--file", of.file, "the lab file; made when it is not there")
      ->capture_default_str();
  add->add_option("--address", of.address, "where its SSH server is");
  add->add_option("--port", of.port, "of that server")->capture_default_str();
  add->add_option("--user", of.user, "must be root there")->capture_default_str();
  add->add_option("--key", of.key, "private key that it lets in");
  add->add_option("--fingerprint", of.fingerprint,
                  "its host key's, as ssh-keygen -lf says on it: SHA256:...");
  add->add_option("--tag", of.tags, "what jobs ask for; again for more. Else by its GPU");
  add->add_option("--power", of.power_map, "what switches it, as in the file: '{driver: ...}'");
  add->add_option("--console", of.console_map, "its serial line, likewise");
  add->add_option("--bmc-user", of.bmc_user, "of its BMC, whose address it tells itself");
  add->add_option("--bmc-password-file", of.bmc_password_file, "the BMC's password, first line");
  add->add_option("--cmdline", of.cmdline,
                  "of built kernels; else root and console as it has them");
  add->add_flag("--yes", of.yes, "ask nothing: take what is given and found");
  add->add_flag("--dry-run", of.dry_run, "say what it would write");
  add_format(add, &options, Formats::kDocument);
  add->get_option("--format")
      ->description("text or json: {machine, file, written, found, entry, ...}");
  add->footer(
      "Run it on the agent's computer. It logs in and looks; nothing is changed on the machine.\n"
      "Examples:\n  kiln machine add\n"
      "  kiln machine add tgl-1 --address 10.0.0.7 --key secrets/agent-key --file lab.yaml\n"
      "  kiln machine add hsw-2 --address 10.0.0.8 --key secrets/agent-key --yes \\\n"
      "      --fingerprint SHA256:... --console '{driver: telnet, address: con-1, port: 3005}' \\\n"
      "      --power '{driver: snmp, address: pdu-1, model: apc-rpdu, outlet: 5}'");
}

void Commands::build_keeping() {
  KeepingOptions& of = options.keeping;
  CLI::App* backup =
      add("backup", "copy a data folder, also while a lab works in it", backup_command);
  backup->add_option("TO", of.folder, "folder of backups; what it has is not copied again")
      ->required();
  backup->add_option("--keep", of.keep, "so many newest backups stay there; else all")
      ->check(CLI::Range(1, 100000));
  backup->add_option("--config", of.config, "kilnd.yaml, when it is not in the data folder")
      ->check(CLI::ExistingFile);
  backup->add_flag("--check", of.check, "read again what was copied by earlier ones");
  backup->footer(
      "Examples:\n  kiln backup /mnt/backup/kiln\n"
      "  kiln --lab /var/lib/kiln backup /mnt/backup/lab --keep 14");
  CLI::App* restore = add("restore", "a new data folder out of a backup", restore_command);
  restore->add_option("FROM", of.from, "one backup, or the folder of backups: its newest")
      ->required();
  restore->add_option("FOLDER", of.folder, "the data folder to be: not there, or empty")
      ->required();
  restore->add_flag("--partial", of.partial, "go on without artifacts that are damaged there");
  CLI::App* keep =
      add("keep", "keep a run's logs and kernels whatever the rules say", keep_command);
  keep->add_option("--reason", of.why, "for the others");
  CLI::App* unkeep = add("unkeep", "only the rules keep it from now on", unkeep_command);
  for (CLI::App* one : {keep, unkeep}) add_run(one, &options);
  CLI::App* kept = add("kept", "the runs that people keep", kept_command);
  CLI::App* gc = add("gc", "clear away logs and kernels that no rule and nobody keeps", gc_command);
  gc->add_flag("--dry-run", of.dry_run, "say what would go, and how much");
  gc->add_option("--runs", of.runs, "keep the newest so many of each job")
      ->check(CLI::Range(1, 1000000));
  gc->add_option("--days", of.days, "keep those of the last so many days")
      ->check(CLI::Range(1, 36500));
  gc->add_flag("--no-findings", of.no_findings, "let go also of runs with open findings");
  gc->footer(
      "Results, findings and reports stay. Without --runs and --days the rules of the lab's\n"
      "kilnd.yaml hold; on this computer, none: only what belongs to no run goes.\n"
      "Example:\n  kiln gc --runs 20 --days 90 --dry-run");
  for (CLI::App* one : {backup, restore, keep, kept, gc})
    add_format(one, &options, Formats::kDocument);
}

}  // namespace kiln::cli
