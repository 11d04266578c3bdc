#include "controller/slurm/build_job.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace kiln::slurm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kJobFile = "job.json";
constexpr const char* kSubmittedFile = "submitted";
constexpr const char* kLogFile = "job.log";
constexpr uint64_t kMaxSmall = 1 << 20;
constexpr size_t kMaxWords = 300;
/// Of the worker itself, beyond what its build may take.
constexpr uint64_t kWorkerMemory = 512ULL << 20;

std::string to_text(const JobFile& job) {
  return json{{"name", job.name},
              {"node", job.node},
              {"avoid", job.avoid},
              {"asked_ms", job.asked_ms}}
             .dump() +
         "\n";
}

Result<JobFile> parse_job(const std::string& text) {
  const json from = json::parse(text, nullptr, false);
  try {
    JobFile job;
    job.name = from.at("name").get<std::string>();
    job.node = from.at("node").get<std::string>();
    job.avoid = from.at("avoid").get<std::vector<std::string>>();
    job.asked_ms = from.at("asked_ms").get<int64_t>();
    return job;
  } catch (const json::exception&) {
    return fail(ErrorKind::kInfrastructure, "a build's job file is damaged");
  }
}

/// Names and links of nothing: the job's files only.
Status copy_bench(const os::Path& from, const os::Path& to) {
  KILN_ASSIGN(const std::vector<os::Path> files, builder::source_files(from));
  for (const os::Path& file : files) {
    KILN_TRY(os::make_dirs((to / file).parent_path()));
    std::error_code error;
    fs::copy_file(from / file, to / file, error);
    if (error) return fail(os::errno_error("copy", from / file, error.value()));
  }
  return {};
}

/// The last words of the job itself.
std::string last_words(const os::Path& folder) {
  const auto text = os::read_file(folder / kLogFile, kMaxSmall);
  const std::string words = text ? to_valid_utf8(trim(*text)) : "";
  if (words.empty()) return {};
  return ": " + join(split_lines(words.size() > kMaxWords
                                     ? to_valid_utf8(words.substr(words.size() - kMaxWords))
                                     : words),
                     "; ");
}

Error no_answer(const std::string& tried, const std::string& words) {
  return Error(ErrorKind::kInfrastructure,
               fmt::format("Slurm does not answer: {}; {}", tried, words))
      .with_hint(
          "`scontrol ping` tells who is missing; start slurmctld and munged there, then "
          "start the run again: it goes on");
}

}  // namespace

Status BuildJob::prepare(const os::Path& folder, const builder::RemoteRequest& request,
                         const JobFile& job) {
  const os::Path temp = folder.string() + ".tmp";
  KILN_TRY(os::remove_tree(temp));
  KILN_TRY(os::make_dirs(temp));
  if (!request.build.bench_dir.empty())
    KILN_TRY(copy_bench(request.build.bench_dir, temp / builder::kBenchFolder));
  KILN_TRY(os::write_atomic(temp / builder::kRequestFile, builder::to_text(request)));
  KILN_TRY(os::write_atomic(temp / kJobFile, to_text(job)));
  std::error_code error;
  fs::rename(temp, folder, error);
  if (error) return fail(os::errno_error("rename", temp, error.value()));
  return {};
}

Result<std::optional<builder::RemoteResult>> BuildJob::run(const builder::BuildStops& stops,
                                                           const builder::OnProgress& progress) {
  stops_ = &stops;
  progress_ = &progress;
  Status went = load();
  if (went) went = submit();
  if (went && !over_) went = watch();
  if (went) return std::move(result_);
  if (went.error().kind != ErrorKind::kCancelled) {
    // A folder that cannot be read or written: nothing of it is of use.
    lost_ = {std::move(went.error()), true, ""};
    return std::optional<builder::RemoteResult>();
  }
  if (!stops.leave.stop_requested()) cancel();
  return fail(std::move(went.error()));
}

Status BuildJob::load() {
  KILN_ASSIGN(const std::string job, os::read_file(folder_ / kJobFile, kMaxSmall));
  KILN_ASSIGN(job_, parse_job(job));
  KILN_ASSIGN(const std::string request,
              os::read_file(folder_ / builder::kRequestFile, builder::kMaxBuildFile));
  KILN_ASSIGN(request_, builder::parse_request(request));
  return {};
}

Status BuildJob::submit() {
  if (const auto id = os::read_file(folder_ / kSubmittedFile, kMaxSmall)) {
    id_ = trim(*id);
    return {};
  }
  const Steady begun = clock_.steady();
  // An earlier process may have died between Slurm's yes and the note of it.
  for (int tries = 1;; ++tries) {
    const Status done = submit_once();
    if (done) return {};
    const Error& error = done.error();
    if (error.kind == ErrorKind::kInfrastructure && !(job_.avoid.empty() && job_.node.empty())) {
      job_.avoid.clear();  // such a node may be gone by now
      job_.node.clear();
      continue;
    }
    if (error.kind != ErrorKind::kTimeout) {
      give_up(
          Error(ErrorKind::kInfrastructure, "Slurm refused a build: " + error.message)
              .with_hint("`partition`, `account`, `extra` and `jobs` in kilnd.yaml and the job's "
                         "`build_memory` say what is asked of it"),
          false);
      return {};
    }
    const auto waited = std::chrono::duration_cast<Millis>(clock_.steady() - begun);
    if (waited >= options_.patience) {
      give_up(no_answer(fmt::format("a build was handed in {} times in {}", tries,
                                    human_duration(waited)),
                        error.message),
              false);
      return {};
    }
    show("Slurm does not answer");
    KILN_TRY(pause(options_.look_every));
  }
}

Status BuildJob::submit_once() {
  KILN_ASSIGN(const auto look, commands_.look(job_.name));
  if (look) id_ = look->id;
  if (id_.empty()) {
    Submission job;
    job.name = job_.name;
    job.log = (folder_ / kLogFile).string();
    job.folder = folder_.string();
    job.partition = options_.partition;
    job.account = options_.account;
    job.extra = options_.extra;
    job.node = job_.node;
    job.avoid = job_.avoid;
    job.cpus = request_.jobs;
    job.memory_bytes = request_.build.memory_bytes + kWorkerMemory;
    job.time_limit = request_.build.timeout + options_.margin;
    std::vector<std::string> worker = options_.worker;
    worker.push_back(folder_.string());
    KILN_ASSIGN(
        id_, commands_.submit(job,
                              "#!/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                              "/sbin:/bin\nexport PATH\nexec " +
                                  shell_join(worker) + "\n"));
  }
  return os::write_atomic(folder_ / kSubmittedFile, id_ + "\n");
}

Status BuildJob::watch() {
  life_ = next_look_ = clock_.steady();
  show("handed to Slurm");
  while (true) {
    KILN_TRY(read_result());
    if (over_) return {};
    read_progress();
    if (clock_.steady() >= next_look_) look();
    check_bounds();
    if (over_) return {};
    KILN_TRY(pause(options_.poll));
  }
}

/// The truth: a result that is there counts, whatever Slurm says.
Status BuildJob::read_result() {
  const auto text = os::read_file(folder_ / builder::kResultFile, builder::kMaxBuildFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return {};
  auto result = text ? builder::parse_result(*text)
                     : Result<builder::RemoteResult>(tl::unexpected<Error>(text.error()));
  if (result) {
    result_ = std::move(*result);
    over_ = true;
    return {};
  }
  // Another computer's file may be seen half for a moment.
  if (!torn_) torn_ = clock_.steady();
  if (clock_.steady() - *torn_ >= options_.settle)
    give_up(Error(ErrorKind::kInfrastructure,
                  fmt::format("the result of Slurm's job {} cannot be read: {}", id_,
                              result.error().message)),
            true);
  return {};
}

void BuildJob::read_progress() {
  const auto text = os::read_file(folder_ / builder::kProgressFile, kMaxSmall);
  if (!text || *text == pulse_) return;
  const auto progress = builder::parse_progress(*text);
  if (!progress) return;
  pulse_ = *text;
  life_ = clock_.steady();
  if (last_.node.empty()) last_.node = progress->node;
  if (*progress_ && !queued_) (*progress_)(progress->build);
}

/// A hint only: it tells when waiting makes no sense any more.
void BuildJob::look() {
  next_look_ = clock_.steady() + options_.look_every;
  const auto look = commands_.look(job_.name);
  if (!look) {
    away_ = look.error().message;
    return;
  }
  away_.clear();
  life_ = clock_.steady();
  if (!*look) {
    last_.state.clear();
    if (!ended_) ended_ = clock_.steady();
    return;
  }
  last_ = **look;
  const Phase phase = phase_of(last_);
  if (phase != Phase::kEnded) ended_.reset();
  if (phase != Phase::kQueued) queued_.reset();
  if (phase == Phase::kEnded && !ended_) ended_ = clock_.steady();
  if (phase == Phase::kQueued) wait_in_queue();
}

void BuildJob::wait_in_queue() {
  if (!queued_) queued_ = clock_.steady();
  show(fmt::format("waits in Slurm's queue ({})", last_.reason));
  if (job_.node.empty() || freed_ || clock_.steady() - *queued_ < options_.prefer_for) return;
  freed_ = commands_.free_from_node(last_.id).has_value();
}

void BuildJob::check_bounds() {
  const auto now = clock_.steady();
  if (ended_ && !torn_ && now - *ended_ >= options_.settle) {
    Error error = last_.state.empty()
                      ? Error(ErrorKind::kInfrastructure,
                              fmt::format("Slurm knows nothing of job {} any more, and it left no "
                                          "result",
                                          id_))
                      : ended_without_result(last_);
    error.message += last_words(folder_);
    const bool again = error.kind != ErrorKind::kTimeout;
    return give_up(std::move(error), again);
  }
  if (!away_.empty() && now - life_ >= options_.patience)
    return give_up(
        no_answer(fmt::format("for {} it was asked for job {}, which shows no life, either",
                              human_duration(options_.patience), id_),
                  away_),
        false);
  const Millis waited(clock_.now().time_since_epoch().count() - job_.asked_ms);
  if (queued_ && waited >= options_.queue_limit)
    return give_up(Error(ErrorKind::kInfrastructure,
                         fmt::format("Slurm's job {} did not start within {} ({})", id_,
                                     human_duration(options_.queue_limit), last_.reason))
                       .with_hint("`queue_limit` in kilnd.yaml is how long a build may wait"),
                   false);
  const Millis longest = options_.queue_limit + options_.patience +
                         (builder::kMaxRestarts + 1) * (request_.build.timeout + options_.margin);
  if (waited >= longest)
    give_up(Error(ErrorKind::kInfrastructure, fmt::format("Slurm's job {} did not end within {}",
                                                          id_, human_duration(longest))),
            false);
}

void BuildJob::show(const std::string& phase) {
  if (*progress_) (*progress_)({phase, 0, 0, ""});
}

void BuildJob::give_up(Error error, bool again) {
  lost_ = {std::move(error), again, last_.node};
  over_ = true;
}

/// kCancelled as soon as it is to stop.
Status BuildJob::pause(Millis time) const {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stops_->stop, time, [] { return false; });
  if (stops_->stop.stop_requested()) return fail(ErrorKind::kCancelled, "the build was stopped");
  return {};
}

void BuildJob::cancel() const {
  // Without an answer the job finds its folder gone, and ends.
  if (!job_.name.empty()) (void)commands_.cancel(job_.name);
}

}  // namespace kiln::slurm
