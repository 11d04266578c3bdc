#include "agent/test/test_phase.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/test/coverage.h"
#include "agent/test/guest.h"
#include "lib/base/text.h"
#include "lib/igt/runner.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Millis kScriptLimit{60'000};
/// igt_runner needs this much to end a test that is over its time.
constexpr Millis kRunnerGrace{30'000};
/// From SIGKILL to the runner's next test.
constexpr Millis kKillGrace{20'000};
constexpr Millis kPowerLook{1'000};
constexpr Millis kModuleLook{5'000};
constexpr size_t kMaxLine = 4096;

std::string last_lines(const ShellReply& reply) {
  auto lines = split_lines(reply.err.empty() ? reply.out : reply.err);
  if (lines.size() > 4) lines.erase(lines.begin(), lines.end() - 4);
  return to_valid_utf8(join(lines, "; "));
}

}  // namespace

TestPhase::TestPhase(const TestPhaseOrder& order, size_t index, PhaseHost host)
    : order_(order), index_(index), host_(std::move(host)), folder_(phase_folder(index)) {}

std::string TestPhase::token(const std::string& what) const {
  return host_.dut->token(fmt::format("{}-{}", index_, what));
}

Status TestPhase::setup(std::stop_token stop) {
  int number = 0;
  for (const std::string& command : order_.setup) {
    ShellRequest request;
    request.command = once_script(token(fmt::format("setup-{}-{}", attempt_, ++number)), command);
    request.timeout = kScriptLimit;
    auto reply = host_.dut->run_again(request, stop);
    if (!reply) return fail(std::move(reply.error()).while_doing("in the setup of " + order_.name));
    if (!reply->ok()) {
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("setup of {}: `{}` failed with exit code {}: {}", order_.name,
                              command, reply->exit_code, last_lines(*reply)));
    }
  }
  return order_.setup.empty() ? Status() : host_.check_modules();
}

Status TestPhase::begin_coverage(std::stop_token stop) {
  ShellRequest request;
  request.command =
      coverage_begin_script(coverage_folder(index_), fmt::format("(setup of {})", order_.name));
  request.input = collector();
  request.timeout = kScriptLimit;
  KILN_ASSIGN(const ShellReply reply, host_.dut->run(request, stop));
  if (reply.ok()) return {};
  return fail(ErrorKind::kInfrastructure,
              reply.exit_code == kNoGcov ? fmt::format("this kernel shows no counters in {}", kGcov)
                                         : "coverage could not be begun: " + last_lines(reply));
}

Result<PhaseReport> TestPhase::run(std::stop_token stop) {
  const auto now = Steady::now();
  deadline_ = std::min(now + order_.timeout, host_.deadline);
  for (;; ++attempt_) {
    auto step = attempt(attempt_, stop);
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the session was cancelled");
    if (!step) {
      // A broken connection is a symptom; what the console and the power say is the cause.
      const auto found = host_.dut->trouble();
      if (!found || found->kind == Trouble::Kind::kMachine) return fail(std::move(step.error()));
      step = Step::kTrouble;
    }
    // Behind the last test there is nothing that a restart would be for.
    if (*step == Step::kEnded || (*step == Step::kAborted && total_ > 0 && done_ + 1 >= total_)) {
      report_.complete = true;
      break;
    }
    if (*step == Step::kTimeUp) {
      report_.left_why = fmt::format("the time of {} for {} was over",
                                     human_duration(order_.timeout), order_.name);
      break;
    }
    if (*step == Step::kAborted && host_.restarts_left() <= 0) {
      // No restart is left for a tainted kernel; the rest runs on it rather than not at all.
      stop_aborting(stop);
      continue;
    }
    KILN_ASSIGN(const bool go_on, recover(stop));
    if (!go_on) break;
  }
  if (!report_.complete && !host_.dut->trouble()) {
    ShellRequest kill;
    kill.command = kill_script(folder_, attempt_);
    (void)host_.dut->run(kill, stop);
  }
  for (const std::string& command : order_.teardown) {
    if (host_.dut->trouble()) break;
    ShellRequest request;
    request.command = command;
    request.timeout = kScriptLimit;
    (void)host_.dut->run(request, stop);
  }
  return std::move(report_);
}

void TestPhase::note_culprit(const Trouble& trouble) {
  Culprit culprit;
  culprit.test = running_ ? current_ : "";
  culprit.running = running_;
  culprit.what = trouble.what;
  culprit.kind = trouble.kind;
  culprit.first_line = host_.dut->boot_line();
  culprit.last_line = host_.dut->console().last();
  report_.culprits.push_back(std::move(culprit));
}

Result<bool> TestPhase::recover(std::stop_token stop) {
  std::string why = "the kernel is tainted";
  bool died = false;
  if (const auto found = host_.dut->trouble()) {
    if (found->kind == Trouble::Kind::kMachine)
      return fail(ErrorKind::kInfrastructure, found->what);
    host_.dut->hear_last_words(stop);
    note_culprit(host_.dut->trouble().value_or(*found));
    died = true;
    why = found->what;
  }
  if (host_.restarts_left() <= 0) {
    report_.left_why = fmt::format("no restart is left after: {}", why);
    return false;
  }
  KILN_TRY(host_.restart(why));
  // Taken in any case: what is of this kernel must not be laid to a later one.
  std::string words = host_.take_crash_words();
  if (died) report_.culprits.back().kept = std::move(words);
  return true;
}

void TestPhase::stop_aborting(std::stop_token stop) {
  aborting_ = false;
  ShellRequest request;
  request.command =
      fmt::format("sed -i 's/^abort_mask : .*/abort_mask : 0/' {}/results/metadata.txt", folder_);
  (void)host_.dut->run_again(request, stop);
}

/// On a kernel that an earlier phase tainted igt_runner stops before its first test, and igt_resume
/// then finds nothing to go on with.
Result<bool> TestPhase::has_begun(std::stop_token stop) {
  ShellRequest look;
  look.command = fmt::format("test -e {}/results/0", folder_);
  look.timeout = kScriptLimit;
  KILN_ASSIGN(const ShellReply reply, host_.dut->run_again(look, stop));
  return reply.ok();
}

Result<TestPhase::Step> TestPhase::attempt(int number, std::stop_token stop) {
  running_ = false;
  current_.clear();
  offset_ = 0;
  line_.clear();
  // After a restart the modules are gone, so the setup runs again.
  KILN_TRY(setup(stop));
  if (host_.collect_coverage) KILN_TRY(begin_coverage(stop));
  if (started_ && total_ == 0) {
    KILN_ASSIGN(started_, has_begun(stop));
  }
  resumed_ = started_;
  const std::string results = folder_ + "/results";
  std::vector<std::string> argv = igt::resume_argv(results);
  ShellRequest start;
  start.timeout = kScriptLimit;
  if (!started_) {
    igt::RunnerOptions options;
    options.test_list = folder_ + "/list";
    options.results = results;
    options.test_root = host_.test_root;
    options.per_test = order_.per_test;
    if (aborting_) options.abort_on = {"taint"};
    if (host_.collect_coverage) options.hooks = {coverage_hook(coverage_folder(index_))};
    argv = igt::runner_argv(options);
    start.command = list_script(folder_, order_.test_list.size()) + " && ";
    start.input = order_.test_list;
  }
  start.command = once_script(token(fmt::format("start-{}", number)),
                              start.command + start_script(folder_, number, argv));
  KILN_ASSIGN(const ShellReply reply, host_.dut->run_again(start, stop));
  if (!reply.ok()) {
    return fail(ErrorKind::kInfrastructure,
                "igt_runner could not be started: " + last_lines(reply));
  }
  started_ = true;
  running_ = true;
  seen_in_attempt_ = 0;
  test_killed_ = false;
  last_output_ = test_started_ = last_answer_ = last_power_look_ = Steady::now();
  return follow(number, stop);
}

Result<TestPhase::Step> TestPhase::follow(int number, std::stop_token stop) {
  for (;;) {
    ShellRequest request;
    request.command = follow_script(folder_, number, offset_);
    request.timeout = std::chrono::ceil<Millis>(deadline_ - Steady::now()) + kRunnerGrace;
    request.max_output = 64 << 10;
    request.on_output = [this](std::string_view bytes) {
      take_output(bytes);
      return keep_waiting();
    };
    request.on_idle = [this] { return keep_waiting(); };
    auto reply = host_.dut->run(request, stop);
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the session was cancelled");
    if (host_.dut->trouble()) return Step::kTrouble;
    if (reply && !reply->left_early) {
      const Step step = ended(reply->err);
      const std::string code(trim(reply->err.substr(0, reply->err.find('\n'))));
      if (step == Step::kEnded && !resumed_ && seen_in_attempt_ == 0 && code != "0") {
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("igt_runner ended with exit code {} and ran no test of {}: {}",
                                code.empty() ? "?" : code, order_.name, last_line_));
      }
      return step;
    }
    if (Steady::now() >= deadline_) return Step::kTimeUp;
    if (over_limit()) {
      KILN_ASSIGN(const bool ended, end_test(number, stop));
      if (!ended) return Step::kTrouble;
      continue;
    }
    if (reply && module_check_due()) {
      next_module_check_ = Steady::now() + kModuleLook;
      KILN_TRY(host_.check_modules());
      last_answer_ = Steady::now();
      continue;
    }
    if (host_.dut->answers(stop)) {
      last_answer_ = Steady::now();
      continue;
    }
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the session was cancelled");
    if (!host_.dut->trouble())
      host_.dut->declare(
          {Trouble::Kind::kHang, "neither the console nor SSH gives a sign of life"});
    return Step::kTrouble;
  }
}

TestPhase::Step TestPhase::ended(const std::string& exit_text) {
  running_ = false;
  return aborting_ && exit_text.find(kAbortedWord) != std::string::npos ? Step::kAborted
                                                                        : Step::kEnded;
}

void TestPhase::take_output(std::string_view bytes) {
  last_output_ = Steady::now();
  offset_ += bytes.size();
  for (const char c : bytes) {
    if (c != '\n') {
      if (line_.size() < kMaxLine) line_ += c;
      continue;
    }
    if (!trim(line_).empty()) last_line_ = to_valid_utf8(line_.substr(0, 300));
    if (const auto start = read_test_start(line_)) {
      ++seen_in_attempt_;
      test_killed_ = false;
      test_started_ = last_output_;
      current_ = start->test;
      done_ = start->index - 1;
      total_ = start->total;
      host_.dut->tell({"testing", current_, done_, total_, ""});
    }
    line_.clear();
  }
}

bool TestPhase::over_limit() const {
  const Millis grace = test_killed_ ? kKillGrace : Millis(0);
  return Steady::now() - test_started_ > order_.per_test + kRunnerGrace + grace;
}

/// igt_runner asks nicely for long; a test that deserves no more is killed from here. One that
/// survives that is held by the kernel.
Result<bool> TestPhase::end_test(int number, std::stop_token stop) {
  if (!test_killed_) {
    test_killed_ = true;
    ShellRequest kill;
    // Twice, it would kill the next one, too.
    kill.command = once_script(token(fmt::format("kill-{}-{}", number, seen_in_attempt_)),
                               kill_test_script(folder_, number));
    const auto reply = host_.dut->run_again(kill, stop);
    if (reply) return true;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the session was cancelled");
  }
  if (!host_.dut->trouble()) {
    host_.dut->declare(
        {Trouble::Kind::kHang,
         fmt::format("{} did not end within its {} and could not be killed",
                     current_.empty() ? "a test" : current_, human_duration(order_.per_test))});
  }
  return false;
}

bool TestPhase::module_check_due() const {
  // Tests load and unload modules themselves: a look while one runs sees what it runs on.
  const auto now = Steady::now();
  return !current_.empty() && now - test_started_ > Millis(2'000) && now >= next_module_check_ &&
         !host_.modules_known();
}

bool TestPhase::keep_waiting() {
  const auto now = Steady::now();
  if (now >= deadline_) return false;
  if (over_limit()) return false;
  if (now - last_power_look_ > kPowerLook) {
    last_power_look_ = now;
    if (host_.dut->trouble()) return false;
  }
  if (module_check_due()) return false;
  const auto heard = std::max({last_output_, last_answer_, host_.dut->console().last_activity()});
  const Millis silence =
      host_.dut->suspicious() ? host_.dut->config().silence / 3 : host_.dut->config().silence;
  return now - heard < silence;
}

}  // namespace kiln::agent
