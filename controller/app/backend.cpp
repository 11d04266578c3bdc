#include "controller/app/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "controller/app/bundle.h"
#include "controller/scheduler/report_builder.h"
#include "controller/scheduler/stored_job.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

uint64_t draw_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32U | device()) | 1U;
}

/// How a machine stands in plans and reports: "qemu-1 (TCG: wall clock is information only)".
std::string describe(const v1::MachineInfo& machine) {
  std::string text = machine.name();
  std::string facts;
  for (const auto& [name, value] : machine.facts())
    facts += fmt::format("{}{} {}", facts.empty() ? "" : ", ", name, value);
  if (!facts.empty()) text += " (" + facts + ")";
  if (machine.emulated()) text += "; emulated: wall clock is information only";
  return text;
}

int count_tests(const scheduler::Prepared& prepared) {
  size_t count = 0;
  for (const scheduler::PhaseList& list : prepared.lists) count += list.tests.size();
  return static_cast<int>(count);
}

/// Before the embedded machine has come in: what it will be to this job.
std::string embedded_words(const std::vector<std::string>& tags) {
  std::vector<std::string> lacks;
  for (const std::string& tag : tags)
    if (tag != "qemu" && tag != "i386") lacks.push_back(tag);
  if (lacks.empty()) return "the embedded one (a run tries KVM first)";
  return fmt::format(
      "one of a lab's with the tags {}, which the embedded one has not: kiln --lab "
      "NAME submit",
      join(lacks, ", "));
}

}  // namespace

void Backend::leave() {
  leaving_.request_stop();
  stop();
}

void Backend::stop() {
  std::map<int64_t, DriverThread> drivers;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    drivers.swap(drivers_);
  }
  if (!leaving_.stop_requested())
    for (auto& [id, driver] : drivers) driver.thread.request_stop();
}

std::string Backend::machine_words() {
  const auto machine = parts_.lab.some_machine();
  return machine ? describe(machine->info) : "";
}

Result<job::Plan> Backend::plan_of(const scheduler::Prepared& prepared, uint64_t seed) {
  job::PlanInput input;
  input.spec = prepared.spec;
  input.source = prepared.source;
  input.series_title = prepared.series_title;
  for (const scheduler::PatchInfo& patch : prepared.patches) input.patches.push_back(patch.subject);
  for (const scheduler::BuildTarget& target : prepared.targets) {
    KILN_ASSIGN(const auto found, parts_.store.find_build(target.key));
    const bool base_first = !target.base_key.empty() && target.base_key != target.key;
    input.cells.push_back({target.variant, target.config, target.key,
                           found        ? job::CellKey::State::kCached
                           : base_first ? job::CellKey::State::kIncremental
                                        : job::CellKey::State::kFull});
  }
  input.tests_per_cell = count_tests(prepared);
  input.history = parts_.store.history();
  input.seed = seed;
  job::Plan plan = job::make_plan(input);
  plan.notes.insert(plan.notes.begin(), prepared.notes.begin(), prepared.notes.end());
  return plan;
}

Result<v1::Plan> Backend::plan(const std::string& job_file,
                               const std::function<void(const std::string&)>& note,
                               std::stop_token stop) {
  if (parts_.preparer == nullptr)
    return fail(ErrorKind::kPermission, "this controller is read only");
  KILN_ASSIGN(scheduler::Prepared prepared, parts_.preparer->prepare({job_file}, note, stop));
  KILN_ASSIGN(const job::Plan plan, plan_of(prepared, 1));
  const std::string machine = machine_words();
  v1::Plan out = scheduler::to_proto(
      prepared, plan, machine.empty() ? embedded_words(prepared.spec.machine.tags) : machine,
      count_tests(prepared));
  out.set_id(fmt::format("{:016x}", draw_seed()));
  *planned_.lock() = Planned{out.id(), std::move(prepared)};
  return out;
}

Result<scheduler::Prepared> Backend::prepared_for(const v1::StartRunRequest& request) {
  {
    auto planned = planned_.lock();
    if (!request.plan_id().empty() && *planned && (*planned)->id == request.plan_id()) {
      scheduler::Prepared prepared = std::move((*planned)->prepared);
      planned->reset();
      return prepared;
    }
  }
  return parts_.preparer->prepare({request.job_file()}, nullptr, {});
}

Status Backend::may_start() const {
  if (parts_.preparer == nullptr)
    return fail(ErrorKind::kPermission, "this controller is read only");
  return parts_.may_start ? parts_.may_start() : Status();
}

Result<v1::StartRunReply> Backend::start_run(const v1::StartRunRequest& request) {
  KILN_TRY(may_start());
  KILN_ASSIGN(scheduler::Prepared prepared, prepared_for(request));
  RunAsk ask;
  ask.fresh = request.fresh();
  ask.prepared = std::move(prepared);
  return start(std::move(ask));
}

Result<v1::StartRunReply> Backend::start(RunAsk ask) {
  KILN_TRY(may_start());
  const bool repeats = !ask.repro_of.empty() || !ask.checks_machine.empty();
  v1::StartRunReply reply;
  bool resumed = false;
  KILN_ASSIGN(scheduler::DriverInput input, open_run(std::move(ask), &resumed));
  *reply.mutable_plan() = scheduler::to_proto(*input.prepared, input.plan, machine_words(),
                                              count_tests(*input.prepared));
  reply.set_run_id(input.run_id);
  reply.set_resumed(resumed);
  KILN_TRY(open_story(input.run_id));
  const std::lock_guard lock(mutex_);
  if (stopped_) return fail(ErrorKind::kCancelled, "the controller is stopping");
  const int64_t run_id = input.run_id;
  if (is_driven_locked(run_id))
    return fail(ErrorKind::kConflict, fmt::format("run {} is under way", run_id));
  add_driver_locked(run_id, [this, repeats, input = std::move(input)](const std::stop_token& stop) {
    drive(repeats, input, stop);
  });
  return reply;
}

bool Backend::is_driven_locked(int64_t run_id) const {
  const auto found = drivers_.find(run_id);
  return found != drivers_.end() && !found->second.ended->load();
}

Status Backend::open_story(int64_t run_id) {
  KILN_ASSIGN(const int64_t last, parts_.store.last_event(run_id));
  if (last > 0)
    parts_.hub.resume(run_id, last);
  else
    parts_.hub.open(run_id);
  return {};
}

void Backend::add_driver_locked(int64_t run_id, std::function<void(const std::stop_token&)> work) {
  std::erase_if(drivers_, [](const auto& entry) { return entry.second.ended->load(); });
  DriverThread& driver = drivers_[run_id];
  driver.ended = std::make_shared<std::atomic<bool>>(false);
  driver.thread =
      std::jthread([work = std::move(work), ended = driver.ended](const std::stop_token& stop) {
        work(stop);
        *ended = true;
      });
}

void Backend::drive(bool repeats, scheduler::DriverInput input, const std::stop_token& stop) {
  auto deps = repeats ? repro_deps() : job_deps(input.prepared);
  scheduler::RunDriver driver(std::move(deps), std::move(input));
  driver.run(stop, leaving_.get_token());
}

Result<int64_t> Backend::start_planned(const scheduler::JobSource& source, const std::string& key,
                                       const std::string& user, lab::Priority priority) {
  KILN_ASSIGN(const auto started, parts_.store.find_started(key));
  if (started) return started->id;
  KILN_TRY(may_start());
  RunAsk ask;
  KILN_ASSIGN(ask.prepared, parts_.preparer->prepare(source, nullptr, {}));
  ask.fresh = true;
  ask.user = user;
  ask.priority = priority;
  ask.start_key = key;
  KILN_ASSIGN(const auto reply, start(std::move(ask)));
  return reply.run_id();
}

Result<nights::Print> Backend::look_at(const std::string& job_file, const std::stop_token& stop) {
  KILN_ASSIGN(const scheduler::Prepared prepared,
              parts_.preparer->prepare({job_file}, nullptr, stop));
  return nights::Print{prepared.source_tree, prepared.job_digest};
}

Result<bool> Backend::is_running(int64_t run_id) {
  KILN_ASSIGN(const v1::RunReport report, parts_.store.report(run_id, false));
  return report.run().state() == "running";
}

Result<Quota::Ticket> Backend::admit(const std::string& user) {
  KILN_ASSIGN(const int running, parts_.store.count_running(user));
  return quota_.enter(user, running);
}

Result<v1::StartRunReply> Backend::submit(const v1::SubmitHeader& header, const std::string& user,
                                          const std::function<bool(v1::SubmitFile*)>& next) {
  KILN_TRY(may_start());
  const std::string word = header.priority().empty() ? "interactive" : header.priority();
  const auto priority = lab::priority_from(word);
  if (!priority ||
      (*priority != lab::Priority::kInteractive && *priority != lab::Priority::kNightly))
    return fail(ErrorKind::kBadInput,
                fmt::format("`{}` is no priority of a run: interactive or nightly", word));
  KILN_ASSIGN(const Quota::Ticket ticket, admit(user));
  KILN_ASSIGN(Bundle bundle, Bundle::create(parts_.bundles));
  v1::SubmitFile part;
  while (next(&part)) KILN_TRY(bundle.add(part));
  KILN_TRY(bundle.find(header.job_file()));
  if (!header.series().empty()) KILN_TRY(bundle.find(header.series()));
  KILN_TRY(os::write_atomic(bundle.root().parent_path() / "job",
                            header.job_file() + "\n" + header.series() + "\n"));
  KILN_ASSIGN(const scheduler::JobSource source, bundled_job(bundle.root()));
  RunAsk ask;
  KILN_ASSIGN(ask.prepared, parts_.preparer->prepare(source, nullptr, {}));
  if (!header.title_path().empty()) ask.prepared.spec.file = to_valid_utf8(header.title_path());
  if (header.dry_run()) {
    KILN_ASSIGN(const job::Plan plan, plan_of(ask.prepared, 1));
    v1::StartRunReply reply;
    *reply.mutable_plan() =
        scheduler::to_proto(ask.prepared, plan, machine_words(), count_tests(ask.prepared));
    return reply;
  }
  ask.fresh = true;  // each submission is a run of its own
  ask.user = user;
  ask.priority = *priority;
  ask.bundle = bundle.name();
  auto reply = start(std::move(ask));
  if (reply) bundle.keep();
  return reply;
}

/// What every run needs.
scheduler::DriverDeps Backend::common_deps() {
  scheduler::DriverDeps deps;
  deps.clock = &parts_.clock;
  deps.lab = &parts_.lab;
  deps.no_machine = parts_.no_machine;
  deps.hub = &parts_.hub;
  deps.consoles = &parts_.consoles;
  deps.store = &parts_.store;
  return deps;
}

/// Boots what is there already; it has no source to build from.
scheduler::DriverDeps Backend::repro_deps() {
  scheduler::DriverDeps deps = common_deps();
  deps.build = [](const scheduler::BuildTarget& target, const std::stop_token& /*stop*/,
                  const auto& /*progress*/) -> Result<kernel::BuildRecord> {
    return fail(ErrorKind::kInfrastructure, fmt::format("the kernel of {}/{} is no longer in store",
                                                        target.variant, target.config));
  };
  return deps;
}

scheduler::DriverDeps Backend::job_deps(const std::shared_ptr<const scheduler::Prepared>& job) {
  scheduler::DriverDeps deps = common_deps();
  deps.build = [this, job](const scheduler::BuildTarget& target, std::stop_token stop,
                           const std::function<void(const scheduler::BuildProgress&)>& progress) {
    return build(*job, target, std::move(stop), progress);
  };
  deps.make_part = [this, job](const std::string& variant, const std::string& config,
                               std::stop_token stop) {
    return parts_.preparer->target_of_part(*job, variant, config, std::move(stop));
  };
  deps.check_tests = [this, job](const std::string& test_names) {
    return check_tests(*job, test_names);
  };
  deps.read_coverage = [this](const builder::CoverageRequest& wanted, std::stop_token stop) {
    return parts_.builder->read_coverage(
        wanted, [this](const auto& digest, uint64_t max) { return blob(digest, max); },
        std::move(stop));
  };
  if (const auto wanted = scheduler::Preparer::static_request_of(*job))
    deps.check_statics = [this, wanted](std::stop_token stop) {
      return parts_.builder->check_statics(*wanted, std::move(stop));
    };
  deps.decode = [this, job](const scheduler::BuildTarget& target,
                            const std::vector<dmesg::StackEntry>& stack, std::stop_token stop) {
    builder::DecodeRequest wanted;
    wanted.key = target.key;
    wanted.base_tree_id = scheduler::Preparer::request_of(*job, target).base_tree_id;
    wanted.stack = stack;
    return parts_.builder->decode(wanted, std::move(stop));
  };
  return deps;
}

/// The stored row of a new run.
Result<db::RunRow> Backend::create_run(const RunAsk& ask, uint64_t seed, const job::Plan& plan,
                                       const std::string& machine) {
  const scheduler::Prepared& prepared = ask.prepared;
  db::RunRow row;
  row.job_digest = prepared.job_digest;
  row.job_name = prepared.spec.name;
  row.title = prepared.spec.title;
  row.job_file = prepared.spec.file;
  row.started = started_.next();
  row.source = prepared.source;
  row.source_tree = prepared.source_tree;
  row.kiln_version = KILN_VERSION;
  row.toolchain = prepared.toolchain;
  row.machine = machine;
  row.seed = seed;
  row.repro_of = ask.repro_of;
  row.user = ask.user;
  row.priority = lab::to_string(ask.priority);
  row.bundle = ask.bundle;
  row.start_key = ask.start_key;
  row.checks_machine = ask.checks_machine;
  KILN_ASSIGN(row.id, parts_.store.create_run(row, plan));
  return row;
}

/// A new run, or the unfinished one of the very same job.
Result<scheduler::DriverInput> Backend::open_run(RunAsk ask, bool* resumed) {
  db::RunRow row;
  if (ask.row) {
    row = *ask.row;
    *resumed = true;
    if (row.state != "running") KILN_TRY(parts_.store.run_goes_on(row));
  } else if (!ask.fresh) {
    KILN_ASSIGN(const auto unfinished, parts_.store.find_unfinished(ask.prepared.job_digest));
    if (unfinished) {
      row = *unfinished;
      *resumed = true;
      KILN_TRY(parts_.store.run_goes_on(row));
    }
  }
  const uint64_t seed = *resumed                      ? row.seed
                        : ask.prepared.spec.seed != 0 ? ask.prepared.spec.seed
                                                      : draw_seed();
  KILN_ASSIGN(job::Plan plan,
              ask.plan ? ask.plan(ask.prepared, seed) : plan_of(ask.prepared, seed));
  const std::string machine = machine_words();
  if (!*resumed) {
    KILN_ASSIGN(row, create_run(ask, seed, plan, machine));
  }
  const scheduler::Prepared& prepared = ask.prepared;
  // Again when it goes on: the process may have died between the two.
  KILN_TRY(parts_.store.put_job(row.id, scheduler::to_stored(prepared)));
  scheduler::DriverInput input;
  input.run_id = row.id;
  input.seed = seed;
  input.elapsed_before = row.elapsed_seconds;
  input.user = row.user;
  input.priority = lab::priority_from(row.priority).value_or(lab::Priority::kInteractive);
  v1::Run& run = input.run;
  run.set_id(row.id);
  run.set_job_name(prepared.spec.name);
  run.set_title(to_valid_utf8(prepared.spec.title));
  run.set_job_file(prepared.spec.file);
  run.mutable_started()->set_seconds(row.started.time_since_epoch().count() / 1000);
  run.set_source(prepared.source);
  run.set_source_tree(prepared.source_tree);
  run.set_kiln_version(KILN_VERSION);
  run.set_toolchain(prepared.toolchain);
  run.set_machine(machine);
  run.set_repro_of(row.repro_of);
  run.set_checks_machine(row.checks_machine);
  input.check_machine = row.checks_machine;
  input.plan = std::move(plan);
  input.prepared = std::make_shared<const scheduler::Prepared>(std::move(ask.prepared));
  return input;
}

Status Backend::check_tests(const scheduler::Prepared& prepared, const std::string& test_names) {
  KILN_ASSIGN(const uint64_t size, parts_.blobs.size(test_names));
  constexpr uint64_t kMost = scheduler::Preparer::kMaxTestNames;
  if (size > kMost)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("a list of tests with {} is no such list", human_bytes(size)));
  KILN_ASSIGN(const std::string names, blob(test_names, kMost));
  return scheduler::Preparer::check_tests(prepared, names);
}

Result<kernel::BuildRecord> Backend::build(
    const scheduler::Prepared& prepared, const scheduler::BuildTarget& target, std::stop_token stop,
    const std::function<void(const scheduler::BuildProgress&)>& progress) {
  std::vector<std::string> keys;
  std::vector<std::string> trees;
  for (const scheduler::BuildTarget& each : prepared.targets) {
    keys.push_back(each.key);
    trees.push_back(each.input.tree_id);
  }
  KILN_TRY(parts_.builder->collect(keys, trees));
  return parts_.executor->build(
      scheduler::Preparer::request_of(prepared, target), {stop, leaving_.get_token()},
      [&](const builder::BuildProgress& now) {
        progress({now.compiled, now.expected, now.last_step.empty() ? now.phase : now.last_step});
      });
}

Status Backend::cancel_run(int64_t run_id, const std::string& user, bool keeper) {
  if (!keeper) {
    KILN_ASSIGN(const std::string owner, parts_.store.user_of(run_id));
    if (owner != user)
      return fail(Error(ErrorKind::kPermission,
                        fmt::format("run {} is of {}: they or a keeper cancel it", run_id, owner))
                      .with_hint("kiln queue shows whose runs there are"));
  }
  const std::lock_guard lock(mutex_);
  const auto found = drivers_.find(run_id);
  if (found == drivers_.end())
    return fail(ErrorKind::kNotFound, fmt::format("run {} is not running here", run_id));
  found->second.thread.request_stop();
  return {};
}

}  // namespace kiln::controller
