#include "agent/test/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "agent/test/archive.h"
#include "agent/test/results.h"
#include "lib/base/text.h"
#include "lib/hygiene/fit.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

constexpr uint64_t kMaxModulesTar = 2ULL << 30;
constexpr Millis kLookAtHeld{500};
/// How often the machine is asked whether other work is done before a bench starts all the same.
constexpr int kLooksForQuiet = 20;
constexpr uint64_t kMaxKeptLog = 16ULL << 20;
/// Exit codes of the script that unpacks the modules.
constexpr int kUnpackFailed = 90;
constexpr int kNoZstd = 91;

/// An error with its context and the way out, for people.
std::string words(const Error& error) {
  std::string text = error.message;
  for (const std::string& context : error.context) text += "\n  " + context;
  if (!error.hint.empty()) text += "\n  " + error.hint;
  return text;
}

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::kTested:
      return "tested";
    case Ending::kTestFailed:
      return "test-failed";
    case Ending::kInfrastructure:
      return "infrastructure";
    case Ending::kCancelled:
      return "cancelled";
  }
  return "infrastructure";
}

Session::Session(SessionDeps deps, SessionOrder order)
    : deps_(std::move(deps)), order_(std::move(order)) {}

SessionOutcome Session::run(std::stop_token stop) {
  const auto started = Steady::now();
  deadline_ = started + order_.timeout;
  outcome_.started = deps_.clock->now();
  Step step = go(stop);
  enter("power-off");
  if (dut_) store_logs();
  dut_.reset();
  enter("");
  if (stop.stop_requested())
    step = tl::unexpected(End{Ending::kCancelled, "CANCELLED", "cancelled"});
  if (step) {
    outcome_.ending = Ending::kTested;
    if (failure_) step = tl::unexpected(*failure_);
  }
  if (!step) {
    outcome_.ending = step.error().ending;
    outcome_.error = step.error().error;
    outcome_.error_class = step.error().error_class;
  }
  outcome_.conditions = hygiene::sum_up(readings_);
  outcome_.elapsed = std::chrono::duration_cast<Millis>(Steady::now() - started);
  return std::move(outcome_);
}

void Session::enter(const std::string& phase) {
  const auto now = Steady::now();
  if (!phase_.empty()) {
    outcome_.phases.push_back({phase_, std::chrono::duration_cast<Millis>(now - phase_started_)});
  }
  phase_ = phase;
  phase_started_ = now;
}

void Session::note(const std::string& text) {
  notes_.push_back(text);
  if (deps_.progress) deps_.progress({"note", text, 0, 0, ""});
}

Session::End Session::end_of(const Error& error, std::string error_class) {
  if (error.kind == ErrorKind::kCancelled) return {Ending::kCancelled, "CANCELLED", "cancelled"};
  if (wrong_kernel_) return {Ending::kInfrastructure, "WRONG_KERNEL", error.message};
  // Before it was ever switched on, a machine that is off explains nothing: the error does.
  if (dut_ && phase_ != "prepare") {
    const auto found = dut_->trouble();
    if (found && found->kind == Trouble::Kind::kMachine) return machine_end(*found);
  }
  return {Ending::kInfrastructure, std::move(error_class), words(error)};
}

Session::End Session::machine_end(const Trouble& found) {
  if (found.error_class == "WRONG_KERNEL") outcome_.identity.proved = false;
  return {Ending::kInfrastructure, found.error_class, found.what};
}

std::vector<std::string> Session::module_names() const {
  std::vector<std::string> names;
  for (const auto& [name, build_id] : order_.expected.module_build_ids) names.push_back(name);
  return names;
}

Session::Step Session::go(std::stop_token stop) {
  if (Step step = fetch(stop); !step) return step;
  if (Step step = start(stop); !step) return step;
  if (Step step = boot(stop); !step) return step;
  if (Step step = identify(/*deploy=*/true, stop); !step) return step;
  if (order_.stay) return stay(stop);
  for (size_t i = 0; i < order_.phases.size() && !out_of_time(); ++i) {
    if (Step step = run_phase(i, stop); !step) return step;
  }
  for (const BenchPhaseOrder& bench : order_.benches) {
    if (out_of_time()) break;
    if (Step step = run_bench(bench, stop); !step) return step;
  }
  return collect(stop);
}

bool Session::out_of_time() {
  if (Steady::now() < deadline_) return false;
  if (!failure_) {
    failure_ =
        End{Ending::kTested, "TIMED_OUT",
            fmt::format("the session's time of {} was over", human_duration(order_.timeout))};
  }
  return true;
}

Session::Step Session::fetch(std::stop_token stop) {
  enter("fetch");
  if (deps_.progress) deps_.progress({"fetching", "", 0, 0, ""});
  auto image = deps_.artifacts->fetch(order_.image_digest, stop);
  if (!image) return tl::unexpected(end_of(image.error(), "INFRA_DEPLOY"));
  image_ = *image;
  if (order_.modules_digest.empty()) return {};
  auto modules = deps_.artifacts->fetch(order_.modules_digest, stop);
  if (!modules) return tl::unexpected(end_of(modules.error(), "INFRA_DEPLOY"));
  modules_ = *modules;
  // The modules' own word, before anything boots.
  const auto names = module_names();
  const auto ids = module_build_ids(modules_, {names.begin(), names.end()});
  if (!ids) return tl::unexpected(end_of(ids.error(), "INFRA_DEPLOY"));
  for (const auto& [name, wanted] : order_.expected.module_build_ids) {
    const auto found = ids->find(name);
    if (found != ids->end() && found->second != wanted) {
      return tl::unexpected(End{Ending::kInfrastructure, "WRONG_KERNEL",
                                fmt::format("{} in the modules' archive has build id {}, built was "
                                            "{}",
                                            name, found->second, wanted)});
    }
  }
  return {};
}

Session::Step Session::start(std::stop_token stop) {
  enter("prepare");
  auto dut = Dut::create({.folder = deps_.folder,
                          .nonce = deps_.nonce,
                          .silence = deps_.silence,
                          .boot_silence = deps_.boot_silence},
                         *deps_.machine, *deps_.clock, deps_.progress);
  if (!dut) return tl::unexpected(end_of(dut.error(), "INFRA_AGENT"));
  dut_ = std::move(*dut);
  if (auto begun = dut_->begin(stop); !begun) {
    const std::string its = deps_.machine->power().state().error_class;
    return tl::unexpected(end_of(begun.error(), its.empty() ? "INFRA_DEPLOY" : its));
  }
  BootSpec spec;
  spec.kernel = image_;
  spec.cmdline = fmt::format("kiln.session={}", deps_.nonce);
  if (!order_.cmdline.empty()) spec.cmdline += " " + order_.cmdline;
  spec.memory_bytes = order_.memory_bytes;
  spec.cpus = order_.cpus;
  spec.count_instructions = order_.count_instructions;
  if (auto armed = dut_->arm(spec); !armed)
    return tl::unexpected(end_of(armed.error(), "INFRA_DEPLOY"));
  return {};
}

/// A kernel that does not come up is booted once more before it is said to be its fault; what the
/// machine itself fails at never is.
Session::Step Session::boot(std::stop_token stop) {
  enter("boot");
  const Millis limit = order_.boot_limit.count() > 0 ? order_.boot_limit : deps_.boot_limit;
  bool forgiven = false;
  for (int tries = 1;; ++tries) {
    auto booted = dut_->boot(limit, stop);
    if (booted) return {};
    const Error& error = booted.error();
    if (error.kind == ErrorKind::kCancelled) return tl::unexpected(end_of(error, "CANCELLED"));
    const auto found = dut_->trouble();
    const bool machine = found && found->kind == Trouble::Kind::kMachine;
    if (machine && !forgiven && found->try_again) {
      note(fmt::format("{}; tried again", found->what));
      forgiven = true;
      --tries;
      continue;
    }
    if (machine || (!found && error.kind != ErrorKind::kTimeout)) {
      const std::string its = found ? found->error_class : "INFRA_POWER";
      return tl::unexpected(End{Ending::kInfrastructure,
                                error.kind == ErrorKind::kPermission ? "INFRA_NET" : its,
                                words(error)});
    }
    dut_->hear_last_words(stop);
    note(fmt::format("boot {} failed: {}", tries, error.message));
    if (tries < deps_.boot_tries) continue;
    const bool reached = found || !dut_->saw_ready();
    if (!reached && !deps_.machine->has_known_good())
      return tl::unexpected(end_of(error, "INFRA_NET"));
    // Whose fault it is says the system that is known to boot there.
    const std::string what = found ? found->what : error.message;
    if (auto home = dut_->power_off(); !home)
      return tl::unexpected(End{Ending::kInfrastructure, "INFRA_DUT",
                                fmt::format("{}; nor does the machine's own system boot: {}", what,
                                            words(home.error()))});
    return tl::unexpected(End{Ending::kTestFailed, "BOOT_FAIL",
                              fmt::format("the kernel {} ({} {}): {}",
                                          reached ? "does not boot" : "boots and cannot be reached",
                                          tries, tries == 1 ? "try" : "tries", what)});
  }
}

Result<ShellReply> Session::probe(bool deploy, WallTime& told, std::stop_token stop) {
  ShellRequest request;
  request.timeout = Millis(120'000);
  request.command = probe_script(module_names());
  // The machine's clock is compared with ours at the moment when it tells its own.
  request.on_output = [&](std::string_view text) {
    if (text.starts_with("now=")) told = deps_.clock->now();
    return true;
  };
  // To unpack twice is as once, so all of it may be tried again.
  if (!deploy || modules_.empty()) return dut_->run_again(request, stop);
  const std::string probe = request.command;
  // Compressed, since ciphers cost an emulated machine more than zstd does. Synced, since a crash
  // may come before the disk has it.
  const std::string unpack = "tar -x -f - --keep-directory-symlink -C / && sync || exit {}\n";
  request.command = fmt::format("command -v zstd >/dev/null || exit {}\nzstd -q -dc | ", kNoZstd) +
                    fmt::format(fmt::runtime(unpack), kUnpackFailed) + probe;
  request.input_file = modules_.string();
  auto reply = dut_->run_again(request, stop);
  if (!reply || reply->exit_code != kNoZstd) return reply;
  const Path tar = deps_.folder / "modules.tar";
  KILN_TRY(decompress_file(modules_, tar, kMaxModulesTar));
  request.command = fmt::format(fmt::runtime(unpack), kUnpackFailed) + probe;
  request.input_file = tar.string();
  return dut_->run_again(request, stop);
}

Session::Step Session::identify(bool deploy, std::stop_token stop) {
  enter(deploy ? "deploy" : "identify");
  dut_->tell({"identifying", "", 0, 0, ""});
  WallTime told = deps_.clock->now();
  const auto reply = probe(deploy, told, stop);
  if (!reply) return tl::unexpected(end_of(reply.error(), "INFRA_NET"));
  if (reply->exit_code == kUnpackFailed) {
    return tl::unexpected(End{
        Ending::kInfrastructure, "INFRA_DEPLOY",
        "the modules could not be unpacked on the machine: " + to_valid_utf8(trim(reply->err))});
  }
  auto seen = read_probe(reply->out, told);
  if (!seen) return tl::unexpected(end_of(seen.error(), "INFRA_NET"));
  const auto wrong = differences(order_.expected, *seen, deps_.nonce, boot_ids_);
  for (const auto& [name, id] : outcome_.identity.module_build_ids)
    seen->module_build_ids.emplace(name, id);
  outcome_.identity = std::move(*seen);
  outcome_.identity.proved = wrong.empty();
  boot_ids_.push_back(outcome_.identity.boot_id);
  dut_->know_boot(outcome_.identity.boot_id);
  readings_.push_back(hygiene::read_reading(reply->out, hygiene::When::kBoot));
  if (wrong.empty()) return {};
  wrong_kernel_ = true;
  return tl::unexpected(End{Ending::kInfrastructure, "WRONG_KERNEL", join(wrong, "; ")});
}

Status Session::check_modules(std::stop_token stop) {
  const auto names = module_names();
  if (names.empty()) return {};
  ShellRequest request;
  request.command = module_script(names);
  KILN_ASSIGN(const ShellReply reply, dut_->run_again(request, stop));
  return check_loaded(reply.out);
}

Status Session::check_loaded(std::string_view output) {
  const auto seen = read_modules(output);
  const auto wrong = module_differences(order_.expected, seen);
  for (const auto& [name, id] : seen) outcome_.identity.module_build_ids[name] = id;
  if (wrong.empty()) return {};
  outcome_.identity.proved = false;
  wrong_kernel_ = true;
  return fail(ErrorKind::kInfrastructure, join(wrong, "; "));
}

Status Session::look_around(hygiene::When when, std::stop_token stop) {
  // A machine that counts instructions is not disturbed by what else runs.
  const bool before = when == hygiene::When::kBefore && !order_.count_instructions;
  ShellRequest request;
  request.command = module_script(module_names()) + hygiene::reading_script(before);
  for (int look = 1;; ++look) {
    KILN_ASSIGN(const ShellReply reply, dut_->run_again(request, stop));
    const hygiene::Reading reading = hygiene::read_reading(reply.out, when);
    const bool quiet = reading.other_load.value_or(0) <= hygiene::kMuchLoad;
    if (before && !quiet && look < kLooksForQuiet) continue;
    readings_.push_back(reading);
    return check_loaded(reply.out);
  }
}

bool Session::modules_known() const {
  return std::all_of(order_.expected.module_build_ids.begin(),
                     order_.expected.module_build_ids.end(), [this](const auto& module) {
                       return outcome_.identity.module_build_ids.contains(module.first);
                     });
}

Status Session::restart(const std::string& why, std::stop_token stop) {
  note(fmt::format("restart {}: {}", outcome_.restarts + 1, why));
  ++outcome_.restarts;
  const std::string phase = phase_;
  enter("restart");
  Step step = boot(stop);
  if (step) step = identify(/*deploy=*/false, stop);
  enter(phase);
  if (step) return {};
  restart_end_ = step.error();
  return fail(step.error().ending == Ending::kCancelled ? ErrorKind::kCancelled
                                                        : ErrorKind::kInfrastructure,
              step.error().error);
}

bool Session::store(const std::string& name, const Path& file) {
  auto digest = deps_.artifacts->put(file);
  if (digest)
    outcome_.artifacts[name] = *digest;
  else
    note(fmt::format("{} is not stored: {}", name, digest.error().message));
  return digest.has_value();
}

std::string Session::store_kept_logs(bool last) {
  std::string words;
  for (const KeptLog& log : deps_.machine->kept_logs(last)) {
    std::string name = log.name;
    if (log.crash) {
      words += os::read_file(log.file, kMaxKeptLog).value_or("");
      if (++crash_logs_ > 1) name += fmt::format("-{}", crash_logs_);
    }
    std::error_code ignored;
    if (store(name, log.file)) std::filesystem::remove(log.file, ignored);
  }
  crash_words_ += words;
  return words;
}

/// Those that the console had, too, are there already.
void Session::add_kernel_messages(std::string_view log) {
  for (KernelMessage& message : kernel_messages(log)) {
    const bool known =
        std::any_of(outcome_.kernel.begin(), outcome_.kernel.end(),
                    [&](const KernelMessage& old) { return old.signature == message.signature; });
    if (!known) outcome_.kernel.push_back(std::move(message));
  }
}

/// The machine is a person's: what he does to it is for him to see, on its console.
Session::Step Session::stay(std::stop_token stop) {
  enter("held");
  dut_->tell({"up", "", 0, 0, ""});
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock waiting(mutex);
  std::string told;
  while (!stop.stop_requested() && !out_of_time()) {
    changed.wait_for(waiting, stop, kLookAtHeld, [] { return false; });
    const auto found = dut_->trouble();
    const std::string now = found ? found->what : "";
    if (now == told) continue;
    told = now;
    dut_->tell({now.empty() ? "up" : "down", now, 0, 0, ""});
  }
  failure_.reset();  // that its time is over is no fault
  return {};
}

Session::Step Session::collect(std::stop_token stop) {
  enter("collect");
  dut_->tell({"collecting", "", 0, 0, ""});
  if (const auto found = dut_->trouble(); found && found->kind != Trouble::Kind::kMachine)
    return {};  // nobody is there to ask; the console has it all
  ShellRequest request;
  request.command =
      "read -r x </proc/sys/kernel/random/boot_id; echo boot_id=$x >&2\n"
      "read -r x </proc/sys/kernel/tainted; echo taint=$x >&2\n"
      "dmesg -r\n";
  request.command = "{ " + hygiene::reading_script(false) + "} >&2\n" + request.command;
  request.output_file = (deps_.folder / "dmesg").string();
  request.max_output = 32 << 20;
  const auto reply = dut_->run_again(request, stop);
  if (!reply) return tl::unexpected(end_of(reply.error(), "INFRA_NET"));
  // The end of the proof: results of a machine that restarted unseen belong to nobody.
  if (reply->err.find("boot_id=" + outcome_.identity.boot_id) == std::string::npos) {
    outcome_.identity.proved = false;
    return tl::unexpected(End{Ending::kInfrastructure, "WRONG_KERNEL",
                              "the machine restarted unseen: its boot id has changed"});
  }
  readings_.push_back(hygiene::read_reading(reply->err, hygiene::When::kEnd));
  return {};
}

void Session::store_logs() {
  (void)dut_->power_off();  // what it says while going down belongs to the log
  const Path console = dut_->console().file();
  if (const auto text = os::read_file(console, 128 << 20)) outcome_.kernel = kernel_messages(*text);
  store_kept_logs(true);
  add_kernel_messages(crash_words_);
  if (const uint64_t dropped = dut_->console().dropped_bytes(); dropped > 0)
    note(fmt::format("{} of the console were too much to keep", human_bytes(dropped)));
  store("console", console);
  store("console-index", console.string() + ".index");
  if (::access((deps_.folder / "dmesg").c_str(), R_OK) == 0) store("dmesg", deps_.folder / "dmesg");
  if (notes_.empty()) return;
  const Path file = deps_.folder / "notes";
  if (os::write_atomic(file, join(notes_, "\n") + "\n")) store("notes", file);
}

}  // namespace kiln::agent
