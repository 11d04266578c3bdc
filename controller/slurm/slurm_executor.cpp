#include "controller/slurm/slurm_executor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/process.h"
#include "lib/os/random.h"

namespace kiln::slurm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "builds";
constexpr const char* kFailedFile = "failed";
constexpr Millis kTurn{200};
constexpr size_t kMaxDone = 64;
constexpr auto kOldFolder = std::chrono::hours(48);

Result<std::string> unique_name(const std::string& key, size_t attempt) {
  KILN_ASSIGN(const std::string bytes, os::random_bytes(4));
  std::string nonce;
  for (const char byte : bytes) nonce += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("kiln-{}-{}-{}", key.substr(0, 12), attempt, nonce);
}

}  // namespace

Result<std::unique_ptr<SlurmExecutor>> SlurmExecutor::open(SlurmOptions options,
                                                           builder::Builder& builder,
                                                           builder::ArtifactSink& sink,
                                                           const intake::Git& git,
                                                           const Clock& clock) {
  for (const char* program : {"sbatch", "squeue", "scancel", "scontrol", "sinfo"})
    if (os::find_program(program).empty())
      return fail(Error(ErrorKind::kInfrastructure,
                        fmt::format("`builds: slurm` needs `{}`, which is not installed", program))
                      .with_hint("run: apt-get install slurm-client"));
  KILN_TRY(os::make_dirs(options.shared / kFolder));
  std::unique_ptr<SlurmExecutor> executor(
      new SlurmExecutor(std::move(options), builder, sink, git, clock));
  KILN_TRY(executor->remove_old());
  return executor;
}

/// Folders of builds that nobody asked for again, long after their jobs can have ended.
Status SlurmExecutor::remove_old() const {
  const auto oldest = fs::file_time_type::clock::now() - kOldFolder - options_.queue_limit;
  std::error_code error;
  for (fs::directory_iterator it(options_.shared / kFolder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() == ".tmp" || fs::last_write_time(it->path(), ignored) < oldest)
      KILN_TRY(os::remove_tree(it->path()));
  }
  if (error) return fail(os::errno_error("read", options_.shared / kFolder, error.value()));
  return {};
}

os::Path SlurmExecutor::folder(const std::string& key, size_t attempt) const {
  return options_.shared / kFolder / fmt::format("{}.{}", key, attempt);
}

std::vector<SlurmExecutor::Failure> SlurmExecutor::failures(const std::string& key) const {
  std::vector<Failure> list;
  while (true) {
    const auto text = os::read_file(folder(key, list.size() + 1) / kFailedFile, 1 << 16);
    if (!text) return list;
    const size_t line = std::min(text->find('\n'), text->size());
    list.push_back({text->substr(0, line), std::string(trim(text->substr(line)))});
  }
}

void SlurmExecutor::forget(const std::string& key) const {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 1; attempt <= options_.attempts; ++attempt) {
    // Renamed first: a job that still writes must not leave half a folder under this name.
    const os::Path gone =
        fmt::format("{}.{}-{}.tmp", folder(key, attempt).string(), ::getpid(), ++counter);
    std::error_code error;
    fs::rename(folder(key, attempt), gone, error);
    if (!error) (void)os::remove_tree(gone);
  }
}

/// Waits while another run has the same kernel built; then its record, or nullopt: it is our turn.
Result<std::optional<kernel::BuildRecord>> SlurmExecutor::take_turn(const std::string& key,
                                                                    const std::stop_token& stop) {
  auto turns = turns_.lock();
  bool waited = false;
  while (turns->building.contains(key)) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the build was stopped");
    waited = true;
    turns.wait_until(std::chrono::steady_clock::now() + kTurn,
                     [&] { return !turns->building.contains(key); });
  }
  if (const auto done = turns->done.find(key); waited && done != turns->done.end())
    return std::optional(done->second);
  turns->building.insert(key);
  return std::optional<kernel::BuildRecord>();
}

void SlurmExecutor::end_turn(const std::string& key, const Result<kernel::BuildRecord>& record) {
  auto turns = turns_.lock();
  turns->building.erase(key);
  if (turns->done.size() >= kMaxDone) turns->done.clear();
  if (record) turns->done.insert_or_assign(key, *record);
  turns.notify_all();
}

Result<kernel::BuildRecord> SlurmExecutor::build(const builder::BuildRequest& request,
                                                 const builder::BuildStops& stops,
                                                 const builder::OnProgress& progress) {
  const std::string key = kernel::build_key(request.input);
  KILN_ASSIGN(const auto done, take_turn(key, stops.stop));
  if (done) return *done;
  auto record = attempts(request, key, stops, progress);
  const bool left =
      !record && record.error().kind == ErrorKind::kCancelled && stops.leave.stop_requested();
  if (!left) forget(key);
  end_turn(key, record);
  return record;
}

Result<kernel::BuildRecord> SlurmExecutor::attempts(const builder::BuildRequest& request,
                                                    const std::string& key,
                                                    const builder::BuildStops& stops,
                                                    const builder::OnProgress& progress) {
  std::vector<Failure> failed = failures(key);
  std::string hint;
  while (failed.size() < static_cast<size_t>(options_.attempts)) {
    const os::Path place = folder(key, failed.size() + 1);
    const bool goes_on = fs::exists(place);
    if (!goes_on) KILN_TRY(prepare(request, key, failed, place));
    BuildJob job(options_, commands_, clock_, place);
    KILN_ASSIGN(const auto result, job.run(stops, progress));
    Lost lost = job.lost();
    if (result && result->error) lost = judge(*result->error, result->node);
    if (result && !result->error) {
      auto record = take(place, key, *result);
      log::line(log::Level::kInfo, "built on Slurm",
                {{"key", key.substr(0, 12)},
                 {"job", job.job_id()},
                 {"node", result->node},
                 {"attached", goes_on ? "yes" : "no"},
                 {"state", record ? record->state : "damaged"}});
      if (record) return record;
      lost = judge(record.error(), result->node);
    }
    job.cancel();
    if (!lost.again) return fail(std::move(lost.error));
    log::line(log::Level::kWarning, "a build on Slurm came to nothing",
              {{"key", key.substr(0, 12)}, {"job", job.job_id()}, {"why", lost.error.message}});
    failed.push_back({lost.node, lost.error.message});
    hint = lost.error.hint;
    KILN_TRY(os::write_atomic(place / kFailedFile, lost.node + "\n" + lost.error.message + "\n"));
  }
  std::vector<std::string> words;
  for (const Failure& each : failed) words.push_back(each.words);
  if (hint.empty()) hint = "`sinfo -R` and slurmctld's log tell why; the same command goes on";
  return fail(Error(ErrorKind::kInfrastructure,
                    fmt::format("{} attempts to build on Slurm came to nothing: {}", failed.size(),
                                join(words, "; ")))
                  .with_hint(std::move(hint)));
}

/// Whether another node may do better. A build's own end of time is not tried again, as at home.
Lost SlurmExecutor::judge(const Error& error, const std::string& node) const {
  const bool again = error.kind == ErrorKind::kInfrastructure || error.kind == ErrorKind::kNoSpace;
  Lost lost{error, again, node};
  if (again) lost.error.message = fmt::format("{}: {}", node, error.message);
  return lost;
}

Status SlurmExecutor::prepare(const builder::BuildRequest& request, const std::string& key,
                              const std::vector<Failure>& failed, const os::Path& place) const {
  builder::RemoteRequest asked;
  asked.version = options_.version;
  asked.build = request;
  asked.sources = git_.dir();
  asked.objects = builder_.objects_root();
  asked.scratch = options_.scratch;
  asked.jobs = options_.jobs;
  asked.free_needed = options_.free_needed;
  JobFile job;
  KILN_ASSIGN(job.name, unique_name(key, failed.size() + 1));
  job.asked_ms = clock_.now().time_since_epoch().count();
  std::set<std::string> others = commands_.up_nodes(options_.partition);
  for (const Failure& each : failed) others.erase(each.node);
  // Slurm takes a job that no node may run, and ends it at once.
  if (!others.empty())
    for (const Failure& each : failed)
      if (!each.node.empty()) job.avoid.push_back(each.node);
  if (const auto base = builder_.objects_of(request.base_key)) {
    for (const std::string& digest : {base->vmlinux_digest, base->bench_digest})
      if (!digest.empty() && sink_.has(digest)) asked.present.insert(digest);
    if (others.contains(base->node)) job.node = base->node;
  }
  return BuildJob::prepare(place, asked, job);
}

/// What came back becomes ours, each piece checked against its name.
Result<kernel::BuildRecord> SlurmExecutor::take(const os::Path& place, const std::string& key,
                                                const builder::RemoteResult& result) {
  if (result.record.key != key)
    return fail(ErrorKind::kInfrastructure, "the result is of another build");
  const os::Path out = place / result.folder;
  for (const std::string& digest : builder::artifacts_of(result.record)) {
    const os::Path file = out / builder::kArtifactFolder / digest;
    std::error_code error;
    if (!fs::exists(file, error) && sink_.has(digest)) continue;  // it was known here
    auto stored = sink_.put_file(file);
    if (!stored && stored.error().kind == ErrorKind::kNoSpace) return fail(stored.error());
    if (!stored || *stored != digest)
      return fail(
          ErrorKind::kInfrastructure,
          fmt::format("the artifact {} came back missing or damaged", digest.substr(0, 12)));
  }
  if (result.objects) {
    const Status adopted = builder_.adopt_objects(out / builder::kObjectsFolder, key, result.node);
    // Without them the next build is a full one.
    if (!adopted)
      log::line(log::Level::kWarning, "objects of a build were not kept",
                {{"key", key.substr(0, 12)}, {"error", render(adopted.error())}});
  }
  return result.record;
}

}  // namespace kiln::slurm
