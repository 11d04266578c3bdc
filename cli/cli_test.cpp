#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/embedded.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "cli/review_options.h"
#include "cli/schedule.h"
#include "cli/terminal.h"

namespace kiln::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::RunEvent session_event(const std::string& kind, const std::string& text,
                           const std::string& state) {
  v1::RunEvent event;
  event.set_kind(kind);
  event.set_text(text);
  event.set_cell("patched/hm");
  event.set_state(state);
  event.set_session_id(7);
  return event;
}

TEST(RunId, IsANumberOrTheNewest) {
  EXPECT_EQ(*parse_run_id("@last"), 0);
  EXPECT_EQ(*parse_run_id(""), 0);
  EXPECT_EQ(*parse_run_id("412"), 412);
  for (const char* wrong : {"-1", "0", "4x", "99999999999999999999"}) {
    const auto id = parse_run_id(wrong);
    ASSERT_FALSE(id) << wrong;
    EXPECT_EQ(id.error().message, std::string("`") + wrong + "` is no run: a number or @last");
  }
}

TEST(KnownIssue, EndsOnADayOrAfterDaysOrNever) {
  constexpr int64_t kNow = 1'795'000'000;
  EXPECT_EQ(*parse_expiry("never", kNow), 0);
  EXPECT_EQ(*parse_expiry("90d", kNow), kNow + 90 * 86'400);
  EXPECT_EQ(*parse_expiry("2027-01-31", kNow), 1'801'439'999);  // the day's last second, UTC
  for (const char* wrong : {"", "d", "0d", "-3d", "3 d", "99999999999999999999d", "2027-13-01",
                            "31.1.2027", "2027-01-31x"})
    EXPECT_FALSE(parse_expiry(wrong, kNow)) << wrong;
}

TEST(KnownIssue, OnlyGivenFieldsAreWritten) {
  v1::KnownFilter filter;
  filter.set_test("igt@a@b");
  filter.set_reason("old");
  filter.mutable_expires()->set_seconds(5);
  KnownOptions options;
  options.reason = "new";
  options.config = "*-highmem";
  options.outcomes = {"fail", "crash"};
  options.expires = "never";
  options.given = {"--reason", "--outcome", "--expires"};
  ASSERT_TRUE(fill_filter(options, 0, &filter));
  EXPECT_EQ(filter.test(), "igt@a@b");
  EXPECT_EQ(filter.reason(), "new");
  EXPECT_EQ(filter.config(), "");
  EXPECT_EQ(filter.outcomes_size(), 2);
  EXPECT_FALSE(filter.has_expires());
  options.given = {"--reason"};
  options.reason = "\xff";
  EXPECT_FALSE(fill_filter(options, 0, &filter));
}

TEST(ExitCodes, FollowTheKindOfError) {
  EXPECT_EQ(exit_code_of(ErrorKind::kBadInput), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::kConflict), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::kNoSpace), 3);
  EXPECT_EQ(exit_code_of(ErrorKind::kInfrastructure), 3);
  EXPECT_EQ(exit_code_of(ErrorKind::kCancelled), 130);
}

TEST(Paths, TheOptionWinsOverTheVariableOverXdg) {
  ::setenv("KILN_DATA_DIR", "/from/variable", 1);
  ::setenv("XDG_DATA_HOME", "/xdg", 1);
  EXPECT_EQ(data_dir("/from/option")->string(), "/from/option");
  EXPECT_EQ(data_dir("")->string(), "/from/variable");
  ::unsetenv("KILN_DATA_DIR");
  EXPECT_EQ(data_dir("")->string(), "/xdg/kiln");
  ::unsetenv("XDG_DATA_HOME");
}

TEST(Progress, WithoutATerminalEachEventIsOnePlainLine) {
  testing::internal::CaptureStderr();
  Progress progress(Terminal{}, ProgressMode::kAuto);
  progress.event(session_event("session", "functional starts on qemu-1", "starting"));
  progress.event(session_event("test", "igt@gem_pread@self", "testing"));
  progress.event(session_event("console", "[    1.0] a line of the console", ""));
  progress.finish();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("patched/hm  functional starts on qemu-1\n"));
  EXPECT_THAT(text, Not(HasSubstr("gem_pread")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(progress.last_console_line(), "[    1.0] a line of the console");
}

TEST(Progress, OnATerminalTheRowsAreRedrawnAndHostileBytesAreTakenOut) {
  testing::internal::CaptureStderr();
  Terminal terminal;
  terminal.live = true;
  Progress progress(terminal, ProgressMode::kBar);
  progress.event(session_event("test", "igt@\x1b[31mevil\x07", "testing"));
  progress.finish();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("s7 patched/hm"));
  EXPECT_THAT(text, HasSubstr("igt@[31mevil"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[31m")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
}

TEST(Schedule, ItsRequestHasTheJobsWholePathAndSeconds) {
  ScheduleOptions options;
  options.name = "drm-tip";
  options.cron = "30 2 * * *";
  options.job = "jobs/../night.yaml";
  options.jitter = "10m";
  options.max_late = "1h30m";
  const auto request = add_request(options);
  ASSERT_TRUE(request) << render(request.error());
  EXPECT_EQ(request->schedule().job_file(),
            (std::filesystem::current_path() / "night.yaml").string());
  EXPECT_EQ(request->schedule().jitter_seconds(), 600);
  EXPECT_EQ(request->schedule().max_late_seconds(), 5400);
  EXPECT_EQ(request->schedule().zone(), "UTC");
  EXPECT_FALSE(request->who().empty());
}

TEST(Schedule, RefusesWhatIsNoDurationAndNoText) {
  ScheduleOptions options;
  options.job = "night.yaml";
  options.jitter = "ten minutes";
  EXPECT_EQ(render(add_request(options).error()),
            "error: --jitter: `ten minutes` is no duration\n  10m, 1h30m, 90s");
  options.jitter.clear();
  options.name = "\xff";
  EXPECT_EQ(add_request(options).error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kiln::cli
