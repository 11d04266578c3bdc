/// kiln submit: a job with all files that it names, to a lab.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/follow.h"
#include "cli/terminal.h"
#include "lib/base/clock.h"
#include "lib/job/load.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/report/report.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPart = 512 << 10;
constexpr uint64_t kMostBytes = 64ULL << 20;

/// What is sent: every file under its absolute path, so that the job's own paths hold.
struct Bundle {
  std::set<fs::path> files;
  std::string job;  ///< paths in the bundle
  std::string series;
};

std::string in_bundle(const fs::path& path) {
  return path.relative_path().string();
}

Status add(const fs::path& path, Bundle* bundle) {
  std::error_code code;
  if (fs::is_regular_file(path, code)) {
    bundle->files.insert(path);
    return {};
  }
  for (fs::recursive_directory_iterator at(path, code), end; !code && at != end; at.increment(code))
    if (at->is_regular_file(code)) bundle->files.insert(at->path());
  if (code) return fail(os::errno_error("read", path, code.value()));
  return {};
}

/// Output of a command that makes patches, as an mbox of its own.
Result<fs::path> make_mbox(std::vector<std::string> argv, const fs::path& folder,
                           const std::string& doing) {
  os::Command command;
  command.argv = std::move(argv);
  command.timeout = std::chrono::minutes(5);
  command.max_capture = kMostBytes;
  auto patches = os::run_ok(command);
  if (!patches) return fail(Error(patches.error()).while_doing(doing));
  if (patches->empty()) return fail(ErrorKind::kBadInput, doing + ": there are none");
  KILN_TRY(os::write_atomic(folder / "series.mbox", *patches));
  return folder / "series.mbox";
}

/// --series in its forms, as a path that can be sent.
Result<fs::path> find_series(const std::string& wanted, const fs::path& scratch) {
  std::error_code code;
  if (fs::exists(wanted, code)) return fs::absolute(wanted, code).lexically_normal();
  const size_t colon = wanted.rfind(':');
  if (colon != std::string::npos && wanted.find("..", colon) != std::string::npos)
    return make_mbox({"git", "-C", wanted.substr(0, colon), "format-patch", "--stdout",
                      "--no-signature", "--end-of-options", wanted.substr(colon + 1)},
                     scratch, "making patches of " + wanted);
  if (wanted.find('@') != std::string::npos && wanted.find('/') == std::string::npos)
    return make_mbox({"b4", "am", "--no-cover", "-o", "-", "--", wanted}, scratch,
                     "fetching " + wanted + " with b4");
  return fail(Error(ErrorKind::kNotFound, "no series `" + wanted + "`")
                  .with_hint("a folder of patches, an mbox, REPO:BASE..TIP, or a message-id"));
}

Result<Bundle> collect(const Options& options, const fs::path& scratch) {
  std::string series;
  if (!options.lab.series.empty()) {
    KILN_ASSIGN(const fs::path found, find_series(options.lab.series, scratch));
    series = found.string();
  }
  KILN_ASSIGN(const job::JobSpec spec, job::load_job(options.job_file, "", series));
  Bundle bundle;
  if (spec.series.kind == job::SeriesSpec::Kind::kCommits)
    return fail(Error(ErrorKind::kBadInput, "`commits` are not handed in with a job")
                    .with_hint("use `range` for a few, or run the job where the repository is"));
  if (spec.source.kind == job::SourceSpec::Kind::kTarball)
    return fail(Error(ErrorKind::kBadInput, "a tarball is not handed in with a job")
                    .with_hint("name a package or a git URL that the lab can reach"));
  KILN_TRY(add(spec.file, &bundle));
  bundle.job = in_bundle(spec.file);
  for (const job::TestPhase& phase : spec.tests) KILN_TRY(add(phase.list_file, &bundle));
  for (const std::string& folder : {spec.helpers, spec.bench_files, spec.config_dir})
    if (!folder.empty()) KILN_TRY(add(folder, &bundle));
  if (spec.series.kind == job::SeriesSpec::Kind::kGitRange) {
    KILN_ASSIGN(const fs::path found,
                find_series(spec.series.path + ":" + spec.series.range, scratch));
    series = found.string();
  }
  if (!series.empty()) {
    KILN_TRY(add(series, &bundle));
    bundle.series = in_bundle(series);
  } else if (spec.series.kind != job::SeriesSpec::Kind::kNone) {
    KILN_TRY(add(spec.series.path, &bundle));
  }
  return bundle;
}

using Writer = grpc::ClientWriter<v1::SubmitPart>;

/// False when the server has ended the call already.
bool send_file(const fs::path& path, Writer* writer) {
  std::ifstream in(path, std::ios::binary);
  std::string buffer(kPart, '\0');
  std::error_code code;
  const bool executable =
      (fs::status(path, code).permissions() & fs::perms::owner_exec) != fs::perms::none;
  do {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    v1::SubmitPart part;
    part.mutable_file()->set_path(in_bundle(path));
    part.mutable_file()->set_data(buffer.data(), static_cast<size_t>(in.gcount()));
    part.mutable_file()->set_executable(executable);
    if (!writer->Write(part)) return false;
  } while (in);
  return true;
}

Result<v1::StartRunReply> hand_in(const Options& options, EmbeddedLab& lab, const Bundle& bundle) {
  uint64_t bytes = 0;
  std::error_code code;
  for (const fs::path& file : bundle.files) bytes += fs::file_size(file, code);
  if (bytes > kMostBytes)
    return fail(ErrorKind::kBadInput, fmt::format("the job's files have {}, a lab takes {}",
                                                  human_bytes(bytes), human_bytes(kMostBytes)));
  grpc::ClientContext context;
  rpc::set_deadline(context, kPrepareLimit);
  v1::StartRunReply reply;
  const auto writer = lab.lab().SubmitRun(&context, &reply);
  v1::SubmitPart header;
  header.mutable_header()->set_job_file(bundle.job);
  header.mutable_header()->set_series(bundle.series);
  header.mutable_header()->set_title_path("/" + bundle.job);
  header.mutable_header()->set_priority(options.lab.priority);
  header.mutable_header()->set_dry_run(options.lab.dry_run);
  bool open = writer->Write(header);
  for (const fs::path& file : bundle.files) open = open && send_file(file, writer.get());
  writer->WritesDone();
  if (const grpc::Status status = writer->Finish(); !status.ok())
    return fail(rpc::from_grpc(status, "handing in " + options.job_file));
  return reply;
}

Result<int> submit_checked(const Options& options) {
  KILN_ASSIGN(const os::TempFolder scratch,
              os::TempFolder::make(fs::temp_directory_path(), "kiln-submit-"));
  KILN_ASSIGN(const Bundle bundle, collect(options, scratch.path()));
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const v1::StartRunReply reply, hand_in(options, *lab, bundle));
  if (options.lab.dry_run)
    return print_reply(options, reply.plan(), report::plan_to_text(reply.plan()));
  if (options.lab.wait) return follow_run(options, *lab, reply.run_id());
  if (options.format == Format::kJson) {
    KILN_ASSIGN(const std::string json, report::message_to_json(reply));
    print_document(json);
    return kOk;
  }
  print_document(
      report::plan_to_text(reply.plan()) + "\n" +
      fmt::format("run {0} is in the queue\nnext: kiln watch {0} | kiln queue\n", reply.run_id()));
  return kOk;
}

}  // namespace

int submit_command(const Options& options) {
  return finish(options, submit_checked(options));
}

}  // namespace kiln::cli
