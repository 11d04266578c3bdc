/// The test and bench phases of a Session.
#include <fmt/format.h>

#include <algorithm>

#include "agent/test/archive.h"
#include "agent/test/coverage.h"
#include "agent/test/guest.h"
#include "agent/test/metrics.h"
#include "agent/test/results.h"
#include "agent/test/session.h"
#include "lib/base/text.h"
#include "lib/igt/results.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

constexpr uint64_t kMaxResultFile = 8ULL << 20;
constexpr uint64_t kMaxResults = 256ULL << 20;
constexpr uint64_t kMaxCoverage = 256ULL << 20;
constexpr uint64_t kMaxBenchTar = 512ULL << 20;
constexpr uint64_t kMaxBenchOutput = 4ULL << 20;
constexpr int kMaxOutputs = 300;
constexpr Millis kFetchLimit{300'000};
constexpr Millis kSetupLimit{60'000};

std::string last_lines(const std::string& text) {
  auto lines = split_lines(text);
  if (lines.size() > 4) lines.erase(lines.begin(), lines.end() - 4);
  return to_valid_utf8(join(lines, "; "));
}

}  // namespace

Session::Step Session::run_phase(size_t index, std::stop_token stop) {
  const TestPhaseOrder& phase = order_.phases[index];
  enter("test " + phase.name);
  dut_->tell({"testing", phase.name, 0, 0, ""});
  PhaseHost host;
  host.dut = dut_.get();
  host.restart = [&](const std::string& why) { return restart(why, stop); };
  host.take_crash_words = [this] { return store_kept_logs(false); };
  host.check_modules = [&] { return check_modules(stop); };
  host.modules_known = [this] { return modules_known(); };
  host.restarts_left = [this] { return order_.max_restarts - outcome_.restarts; };
  host.deadline = deadline_;
  host.test_root = deps_.test_root;
  host.collect_coverage = order_.collect_coverage;
  TestPhase runner(phase, index, std::move(host));
  auto report = runner.run(stop);
  if (!report) {
    if (restart_end_) return tl::unexpected(*restart_end_);
    return tl::unexpected(end_of(report.error(), "INFRA_DUT"));
  }
  if (!report->complete) {
    note(fmt::format("{} was left: {}", phase.name, report->left_why));
    if (!failure_) {
      failure_ = End{Ending::kTested, report->culprits.empty() ? "TIMED_OUT" : "CRASH",
                     fmt::format("{} was left: {}", phase.name, report->left_why)};
    }
  }
  const auto found = dut_->trouble();
  if (found && found->kind == Trouble::Kind::kMachine) return tl::unexpected(machine_end(*found));
  if (found) {
    // One more boot, for the results on its disk and for the phases to come.
    if (auto up = restart("to fetch the results of " + phase.name, stop); !up)
      return tl::unexpected(*restart_end_);
    // No restart was left for it in the phase.
    if (!report->culprits.empty() && report->culprits.back().kept.empty())
      report->culprits.back().kept = store_kept_logs(false);
  }
  enter("results " + phase.name);
  fetch_results(index, phase, *report, runner.folder(), stop);
  if (order_.collect_coverage) fetch_coverage(index, phase, stop);
  return {};
}

void Session::fetch_results(size_t index, const TestPhaseOrder& phase, const PhaseReport& report,
                            const std::string& folder, std::stop_token stop) {
  const Path tar = deps_.folder / fmt::format("results-{}.tar", index);
  ShellRequest request;
  request.command = fetch_script(folder, kMaxResultFile, kMaxResults);
  request.output_file = tar.string();
  request.max_output = 2 * kMaxResults;
  request.timeout = kFetchLimit;
  const auto reply = dut_->run_again(request, stop);
  std::vector<TestResult> results;
  const Path unpacked = deps_.folder / fmt::format("results-{}", index);
  if (!reply) {
    note(fmt::format("the results of {} could not be fetched: {}", phase.name,
                     reply.error().message));
  } else {
    for (const Cut& cut : read_cuts(reply->err)) {
      note(fmt::format("{}: {} was {} long and is kept up to {}", phase.name,
                       to_valid_utf8(cut.file), human_bytes(cut.bytes),
                       human_bytes(kMaxResultFile)));
    }
    const auto done = unpack_tar(tar, unpacked);
    if (!done) note(fmt::format("results of {}: {}", phase.name, done.error().message));
    if (done && done->cut_off) note(fmt::format("the results of {} are cut off", phase.name));
    store_tar("results-" + phase.name, tar);
  }
  const auto read = igt::read_results(unpacked);
  if (read) {
    for (const igt::TestResult& result : read->tests) {
      // A planned test without a result is lost, which the controller sees by its absence.
      if (result.outcome == "notrun") continue;
      results.push_back({result.test, result.outcome, result.seconds, phase.name, result.reason,
                         result.kernel_words});
      if (result.outcome != "pass" && result.outcome != "skip") store_output(result);
    }
    for (const std::string& text : read->notes) note(phase.name + ": " + text);
  } else {
    note(fmt::format("{} has no results: {}", phase.name, read.error().message));
  }
  std::vector<Culprit> culprits = report.culprits;
  name_culprits(culprits, results);
  for (const Culprit& culprit : culprits) {
    blame(culprit,
          console_range(dut_->console().after(culprit.first_line, 1'000'000), culprit.first_line,
                        culprit.last_line),
          phase.name, results);
  }
  std::move(results.begin(), results.end(), std::back_inserter(outcome_.results));
  (void)os::remove_tree(unpacked);
}

/// What each test of the phase executed; a session without it is a session all the same.
void Session::fetch_coverage(size_t index, const TestPhaseOrder& phase, std::stop_token stop) {
  const Path tar = deps_.folder / fmt::format("coverage-{}.tar", index);
  ShellRequest request;
  request.command = coverage_end_script(coverage_folder(index),
                                        fmt::format("(end of {})", phase.name), kMaxCoverage);
  request.output_file = tar.string();
  request.max_output = 2 * kMaxCoverage;
  request.timeout = kFetchLimit;
  const auto reply = dut_->run(request, stop);
  if (!reply || !reply->ok()) {
    note(fmt::format("the coverage of {} could not be fetched: {}", phase.name,
                     !reply ? reply.error().message
                     : reply->exit_code == kTooMuchCoverage
                         ? fmt::format("it is more than {}", human_bytes(kMaxCoverage))
                         : last_lines(reply->err)));
    return;
  }
  store_tar("coverage-" + phase.name, tar);
}

void Session::store_tar(const std::string& name, const Path& tar) {
  if (is_compressed(tar)) {
    store(name + ".tar.zst", tar);
    return;
  }
  const Path compressed = tar.string() + ".zst";
  if (auto packed = compress_file(tar, compressed)) {
    store(name + ".tar.zst", compressed);
  } else {
    note(fmt::format("{} is not stored: {}", name, packed.error().message));
  }
}

/// What a test that did not simply pass printed, under the name by which people ask for it.
void Session::store_output(const igt::TestResult& result) {
  if (++outputs_stored_ > kMaxOutputs) return;
  const Path file = deps_.folder / fmt::format("output-{}", outputs_stored_);
  std::string text = "-- stdout\n" + result.out + "\n-- stderr\n" + result.err;
  if (!result.dmesg.empty()) text += "\n-- kernel log\n" + result.dmesg;
  if (os::write_atomic(file, text + "\n")) store("test:" + result.test, file);
}

Session::Step Session::run_bench(const BenchPhaseOrder& bench, std::stop_token stop) {
  enter("bench " + bench.name);
  ++benches_begun_;
  dut_->tell({"measuring", bench.name, 0, 0, ""});
  const auto request_of = [&](std::string command, Millis limit) {
    ShellRequest request;
    request.command = std::move(command);
    request.timeout = limit;
    request.max_output = kMaxBenchOutput;
    request.on_idle = [this] { return !dut_->trouble().has_value(); };
    return request;
  };
  if (!bench.files_digest.empty() && bench_on_machine_ != bench.files_digest) {
    if (Step step = unpack_bench(bench, stop); !step) return step;
  }
  int number = 0;
  for (const std::string& command : bench.setup) {
    const std::string token = dut_->token(fmt::format("bench-{}-{}", benches_begun_, ++number));
    const auto reply = dut_->run_again(request_of(once_script(token, command), kSetupLimit), stop);
    if (!reply || !reply->ok()) return bench_failed(bench, "setup `" + command + "`", reply);
  }
  if (auto checked = look_around(hygiene::When::kBefore, stop); !checked)
    return tl::unexpected(end_of(checked.error(), "INFRA_NET"));
  const auto limit = std::min(bench.timeout, std::chrono::ceil<Millis>(deadline_ - Steady::now()));
  // Never twice: the second measurement would be another.
  const auto reply = dut_->run(
      request_of("cd /kiln/bench && " + bench.command, std::max(limit, Millis(1'000))), stop);
  if (reply) {
    Metrics metrics = read_metrics(reply->out, bench.name);
    std::move(metrics.values.begin(), metrics.values.end(),
              std::back_inserter(outcome_.measurements));
    for (const std::string& refused : metrics.refused)
      note(fmt::format("bench {}: {}", bench.name, refused));
    if (reply->truncated) note(fmt::format("bench {}: its output is cut", bench.name));
  }
  if (!reply || !reply->ok()) return bench_failed(bench, "`" + bench.command + "`", reply);
  if (auto checked = look_around(hygiene::When::kAfter, stop); !checked)
    return tl::unexpected(end_of(checked.error(), "INFRA_NET"));
  return {};
}

Session::Step Session::unpack_bench(const BenchPhaseOrder& bench, std::stop_token stop) {
  const auto file = deps_.artifacts->fetch(bench.files_digest, stop);
  if (!file) return tl::unexpected(end_of(file.error(), "INFRA_DEPLOY"));
  const Path tar = deps_.folder / "bench.tar";
  if (auto done = decompress_file(*file, tar, kMaxBenchTar); !done)
    return tl::unexpected(end_of(done.error(), "INFRA_DEPLOY"));
  ShellRequest request;
  request.command =
      "rm -rf /kiln/bench && mkdir -p /kiln/bench && tar -x -f - -C /kiln/bench && sync";
  request.input_file = tar.string();
  request.timeout = kSetupLimit;
  const auto reply = dut_->run_again(request, stop);
  if (!reply) return tl::unexpected(end_of(reply.error(), "INFRA_NET"));
  if (!reply->ok()) {
    return tl::unexpected(
        End{Ending::kInfrastructure, "INFRA_DEPLOY",
            "the bench could not be unpacked on the machine: " + last_lines(reply->err)});
  }
  bench_on_machine_ = bench.files_digest;
  return {};
}

/// The machine's own failure ends the session; a kernel that crashed is restarted for the next
/// bench; a command that failed is noted and the others go on.
Session::Step Session::bench_failed(const BenchPhaseOrder& bench, const std::string& what,
                                    const Result<ShellReply>& reply) {
  if (!reply && reply.error().kind == ErrorKind::kCancelled)
    return tl::unexpected(end_of(reply.error(), "CANCELLED"));
  const auto found = dut_->trouble();
  if (found && found->kind == Trouble::Kind::kMachine) return tl::unexpected(machine_end(*found));
  std::string why = found ? found->what : "";
  std::string error_class = found ? "CRASH" : "FAIL";
  if (!found && !reply) {
    why = reply.error().message;
    error_class = reply.error().kind == ErrorKind::kTimeout ? "TIMED_OUT" : "LOST_SUT";
  }
  if (!found && reply) {
    why = fmt::format("exit code {}: {}", reply->exit_code,
                      last_lines(reply->err.empty() ? reply->out : reply->err));
  }
  const std::string text = fmt::format("bench {}: {} failed: {}", bench.name, what, why);
  note(text);
  if (!failure_ || failure_->ending == Ending::kTested)
    failure_ = End{Ending::kTestFailed, error_class, text};
  if (!found) return {};
  dut_->hear_last_words({});
  bench_on_machine_.clear();
  if (outcome_.restarts >= order_.max_restarts)
    return tl::unexpected(End{Ending::kTestFailed, error_class, text});
  if (auto up = restart(why, {}); !up) return tl::unexpected(*restart_end_);
  return {};
}

}  // namespace kiln::agent
