#include "lib/slurm/slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::slurm {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Slurm, AJobAsksForWhatItsBuildMayTake) {
  Submission job;
  job.name = "kiln-abc-1";
  job.log = "/s/log";
  job.folder = "/s";
  job.cpus = 8;
  job.memory_bytes = 6ULL << 30;
  job.time_limit = Millis(3'660'001);
  job.partition = "build";
  job.avoid = {"n1", "n2"};
  job.extra = {"--qos=low"};
  const auto argv = sbatch_command(job);
  for (const char* word : {"--parsable", "--job-name=kiln-abc-1", "--cpus-per-task=8",
                           "--mem=6144M", "--time=62", "--partition=build", "--exclude=n1,n2"})
    EXPECT_THAT(argv, Contains(word));
  EXPECT_EQ(argv.back(), "--qos=low");
  for (const std::string& word : argv) {
    EXPECT_THAT(word, Not(HasSubstr("--account")));
    EXPECT_THAT(word, Not(HasSubstr("--nodelist")));
  }
}

TEST(Slurm, ExtraOptionsAreOptionsAndNotKilnsOwn) {
  EXPECT_EQ(check_extra("--qos=low"), "");
  EXPECT_EQ(check_extra("--constraint=gcc12&fast"), "");
  EXPECT_EQ(check_extra("--no-requeue"), "");
  EXPECT_EQ(check_extra("--reservation=night"), "");
  EXPECT_EQ(check_extra("--time=10"), "Kiln sets `--time` itself");
  EXPECT_EQ(check_extra("--job=x"), "Kiln sets `--job-name` itself");
  EXPECT_THAT(check_extra("-p x"), HasSubstr("begins with `--`"));
  EXPECT_THAT(check_extra("qos=low"), HasSubstr("begins with `--`"));
  EXPECT_THAT(check_extra("--"), HasSubstr("begins with `--`"));
  EXPECT_THAT(check_extra("--qos low"), HasSubstr("behind `=`"));
}

TEST(Slurm, TheNewestJobOfANameCounts) {
  EXPECT_FALSE(parse_look(""));
  EXPECT_FALSE(parse_look("slurm_load_jobs error: Invalid job id specified\n"));
  const auto look = parse_look("9|FAILED|node1|NonZeroExitCode\n10|PENDING||Resources\n");
  ASSERT_TRUE(look);
  EXPECT_EQ(look->id, "10");
  EXPECT_EQ(look->reason, "Resources");
  EXPECT_EQ(phase_of(*look), Phase::kQueued);
}

TEST(Slurm, NoEndWithoutAResultIsTheSeriesFault) {
  const auto kind = [](const char* state) {
    const JobLook job{"7", state, "node1", ""};
    EXPECT_EQ(phase_of(job), Phase::kEnded) << state;
    return ended_without_result(job).kind;
  };
  EXPECT_EQ(kind("TIMEOUT"), ErrorKind::kTimeout);
  EXPECT_EQ(kind("DEADLINE"), ErrorKind::kTimeout);
  for (const char* state : {"NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "CANCELLED", "PREEMPTED",
                            "FAILED", "COMPLETED", "REVOKED", "SOMETHING_NEW"})
    EXPECT_EQ(kind(state), ErrorKind::kInfrastructure) << state;
  EXPECT_EQ(ended_without_result({"7", "NODE_FAIL", "node1", ""}).message,
            "Slurm's job 7 on node1 was lost with its node");
}

TEST(Slurm, RunningIsAlsoWhatIsOnItsWay) {
  for (const char* state : {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED"})
    EXPECT_EQ(phase_of({"7", state, "", ""}), Phase::kRunning) << state;
}

TEST(Slurm, WhoDidNotAnswerIsToldFromARefusal) {
  EXPECT_TRUE(
      is_away("sbatch: error: Batch job submission failed: Unable to contact slurm "
              "controller (connect failure)"));
  EXPECT_TRUE(is_away("slurm_load_jobs error: Socket timed out on send/recv operation"));
  EXPECT_TRUE(is_away("sbatch: error: Munge encode failed: Failed to access \"/run/x\""));
  EXPECT_FALSE(is_away("sbatch: error: invalid partition specified: nope"));
  EXPECT_FALSE(is_away("sbatch: unrecognized option '--foo'"));
}

TEST(Slurm, IdsAndNodeStates) {
  EXPECT_EQ(parse_job_id("41\n"), "41");
  EXPECT_EQ(parse_job_id("41;cluster\n"), "41");
  EXPECT_EQ(parse_job_id("error\n"), "");
  EXPECT_EQ(parse_job_id(""), "");
  EXPECT_THAT(parse_up_nodes("n1|idle\nn2|idle*\nn3|down\nn4|allocated\nn1|idle\nrubbish\n"),
              testing::ElementsAre("n1", "n4"));
  EXPECT_THAT(parse_up_nodes(""), testing::IsEmpty());
}

}  // namespace
}  // namespace kiln::slurm
