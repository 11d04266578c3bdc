/// kiln lab init, join, list: a new lab on this computer, and the labs that this user knows.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/lab_address.h"
#include "cli/paths.h"
#include "cli/terminal.h"
#include "controller/access/access_desk.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/db/database.h"
#include "lib/os/files.h"
#include "lib/pki/authority.h"
#include "lib/pki/fetch.h"

namespace kiln::cli {
namespace {

constexpr Millis kFetchLimit{10'000};

std::string user_name() {
  const char* given = std::getenv("KILN_USER");
  if (given != nullptr && *given != 0) return given;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : "admin";
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "localhost";
}

std::string kilnd_yaml(const os::Path& folder, bool network) {
  const std::string address = network ? "0.0.0.0" : "127.0.0.1";
  return fmt::format(
      "# kilnd's configuration; docs/kilnd.md says what each field means. SIGHUP reads it again.\n"
      "kilnd: 1\n"
      "data_dir: {}\n"
      "# People and their tools (TLS and a token). 0.0.0.0 lets other computers in.\n"
      "listen: \"{}:7420\"\n"
      "# Agents (TLS with a certificate of this lab's own authority).\n"
      "listen_agents: \"{}:7421\"\n"
      "# Parallel compilations; 0 = one a processor.\n"
      "#jobs: 0\n"
      "# Where kernels are built: on this computer, or on a Slurm cluster (docs/guides/slurm.md).\n"
      "#builds: local      # or slurm\n"
      "# Infrastructure errors in a row after which a machine gets no more work; 0 = never.\n"
      "#quarantine_after: 3\n"
      "# So long after that it is checked: a kernel that it did well before, and a few tests.\n"
      "#health_check_after: 1m\n"
      "# Figures for Prometheus and health, plain HTTP; \"none\" = not served.\n"
      "#listen_metrics: \"127.0.0.1:7422\"\n"
      "# The dashboard, plain HTTP, so on this computer only; \"none\" = not served.\n"
      "#listen_dashboard: \"127.0.0.1:7423\"\n"
      "#viewer_without_sign_in: false\n"
      "# With less free space no new work is taken.\n"
      "#min_free: 2GiB\n"
      "# By default all runs keep their logs and kernels; with rules, kilnd clears away the "
      "others'.\n"
      "#keep_runs: 20      # the newest of each job\n"
      "#keep_days: 90\n"
      "# Runs of one user that have not ended, and jobs handed in within a minute; 0 = any "
      "number.\n"
      "#runs_a_user: 50\n"
      "#submissions_a_minute: 30\n"
      "#log_format: text   # or json\n"
      "#log_level: info    # debug, info, warning, error\n",
      folder.string(), address, address);
}

Status must_be_new(const os::Path& folder) {
  std::error_code code;
  if (!std::filesystem::exists(folder / "pki", code)) return {};
  return fail(Error(ErrorKind::kConflict, folder.string() + " is a lab already")
                  .with_hint("kilnd --config " + (folder / "kilnd.yaml").string() + " starts it"));
}

Result<int> init_checked(const Options& options) {
  std::error_code code;
  const os::Path folder = std::filesystem::absolute(options.lab.folder, code).lexically_normal();
  KILN_TRY(must_be_new(folder));
  KILN_TRY(os::make_dirs(folder));
  const SystemClock clock;
  std::vector<std::string> hosts = options.lab.hosts;
  for (const std::string& usual : {std::string("localhost"), std::string("127.0.0.1"), host_name()})
    if (std::find(hosts.begin(), hosts.end(), usual) == hosts.end()) hosts.push_back(usual);
  KILN_ASSIGN(db::Database database, db::Database::open(folder / "kiln.db"));
  const os::Path config = folder / "kilnd.yaml";
  if (!std::filesystem::exists(config, code))
    KILN_TRY(os::write_atomic(config, kilnd_yaml(folder, options.lab.network)));
  // Last but one: its folder is what makes a lab, so that init can be repeated until then.
  KILN_TRY(pki::Authority::create(folder / "pki", options.lab.name, hosts, clock.now()));
  KILN_ASSIGN(const auto authority, pki::Authority::open(folder / "pki"));
  KILN_ASSIGN(const std::string fingerprint, authority.fingerprint());
  v1::CreateTokenRequest request;
  request.set_user(user_name());
  request.set_role("admin");
  request.set_note("made by kiln lab init");
  KILN_ASSIGN(const auto token, controller::make_stored_token(db::AccessTable(database), request,
                                                              "local", clock.now()));
  print_document(
      fmt::format("the lab {} is in {}\n\n"
                  "start it         kilnd --config {}\n"
                  "its fingerprint  {}\n"
                  "admin's token    {}   (shown only now, good for 90 days)\n\n"
                  "next, here       kiln --lab {} machines\n"
                  "an agent         kiln --lab {} agent invite NAME\n"
                  "from elsewhere   kiln lab join {} HOST:7420 --fingerprint {}\n",
                  options.lab.name, folder.string(), config.string(), fingerprint, token.token(),
                  folder.string(), folder.string(), options.lab.name, fingerprint));
  return kOk;
}

/// The token comes by KILN_TOKEN or the first line of stdin: never by an argument, which others
/// can see.
Result<std::string> read_token() {
  if (const char* given = std::getenv("KILN_TOKEN"); given != nullptr && *given != 0) return given;
  if (::isatty(STDIN_FILENO) != 0) std::cerr << "token: ";
  std::string line;
  if (std::getline(std::cin, line); !trim(line).empty()) return std::string(trim(line));
  return fail(Error(ErrorKind::kBadInput, "no token was given")
                  .with_hint("in KILN_TOKEN, or as the first line of stdin"));
}

Result<int> join_checked(const Options& options) {
  KILN_TRY(check_lab_name(options.lab.name));
  KILN_ASSIGN(const std::string ca,
              pki::fetch_authority(options.lab.address, options.lab.fingerprint, kFetchLimit));
  KILN_ASSIGN(const std::string token, read_token());
  KILN_ASSIGN(const auto folder, labs_folder());
  KILN_TRY(os::make_dirs(folder));
  KILN_TRY(save_lab({options.lab.name, options.lab.address, "", ca, token}, folder));
  std::cerr << fmt::format("kiln --lab {0} now speaks to {1}\nnext: kiln --lab {0} machines\n",
                           options.lab.name, options.lab.address);
  return kOk;
}

Result<int> list_checked(const Options& options) {
  (void)options;
  KILN_ASSIGN(const auto folder, labs_folder());
  KILN_ASSIGN(const auto labs, known_labs(folder));
  if (labs.empty()) {
    print_document("no lab is known; kiln lab join NAME HOST:7420 --fingerprint F adds one");
    return kOk;
  }
  std::string text;
  for (const LabAddress& lab : labs) text += fmt::format("{:<20} {}\n", lab.name, lab.target);
  print_document(text);
  return kOk;
}

}  // namespace

int lab_init_command(const Options& options) {
  return finish(options, init_checked(options));
}
int lab_join_command(const Options& options) {
  return finish(options, join_checked(options));
}
int lab_list_command(const Options& options) {
  return finish(options, list_checked(options));
}

}  // namespace kiln::cli
