/// Builds on a real Slurm: munged, slurmctld and two slurmd, real bubblewrap, make and gcc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/slurm/integration/slurm_fixture.h"
#include "lib/os/host.h"

namespace kiln::slurm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// What decides whether a kernel is the same one.
auto bytes_of(const kernel::BuildRecord& r) {
  return std::tuple(r.key, r.state, r.release, r.kernel_build_id, r.module_build_ids,
                    r.config_digest, r.image_digest, r.modules_digest, r.vmlinux_digest,
                    r.bench_digest, r.warnings, r.notes);
}

TEST_F(SlurmTest, TheKernelIsTheLocalOneByteForByte) {
  builder::write_files(dir_ / "bench", builder::fake_bench());
  BuildRequest base = request(tree());
  base.bench_dir = dir_ / "bench";
  base.input.bench_digest = *builder::folder_digest(base.bench_dir);
  const BuildRequest patch =
      patched(base, tree({{"drivers/fake_drm.c", drm("\tint forgotten;\n\treturn x + 2;\n")}}));
  const BuildRequest other =
      patched(base, tree({{"drivers/fake_drm.c", drm("\treturn x * 3;\n")}}));
  const auto here = std::array{build(base), build(patch), build(other)};
  ASSERT_TRUE(os::remove_tree(dir_ / "data/objects"));
  sink_ = std::make_unique<builder::FolderSink>(dir_ / "second");
  open();
  open_executor();

  std::vector<std::string> phases;
  const auto first = ask(base, {}, [&](const BuildProgress& now) { phases.push_back(now.phase); });
  ASSERT_TRUE(first) << render(first.error()) << words_of_jobs();
  EXPECT_EQ(bytes_of(*first), bytes_of(here[0]));
  EXPECT_THAT(phases, testing::Contains("handed to Slurm"));
  for (const std::string& digest : builder::artifacts_of(*first)) EXPECT_TRUE(sink_->has(digest));
  EXPECT_THAT(attempts(), IsEmpty());

  // The node that has the baseline's objects is preferred; where it cannot be had they are fetched.
  const std::string home = node_of(first->key);
  EXPECT_THAT(home, testing::StartsWith("node"));
  const auto second = get(patch);
  EXPECT_EQ(bytes_of(second), bytes_of(here[1]));
  EXPECT_TRUE(second.incremental);
  EXPECT_EQ(node_of(second.key), home);
  cluster_->run({"scontrol", "update", "NodeName=" + home, "State=DRAIN", "Reason=test"});
  const auto third = get(other);
  cluster_->run({"scontrol", "update", "NodeName=" + home, "State=RESUME"});
  EXPECT_EQ(bytes_of(third), bytes_of(here[2]));
  EXPECT_TRUE(third.incremental);
  EXPECT_NE(node_of(third.key), home);
  EXPECT_EQ(jobs(), 3);
}

TEST_F(SlurmTest, AWishForABusyNodeEnds) {
  const BuildRequest base = request(tree());
  const std::string home = (get(base), node_of(kernel::build_key(base.input)));
  const fs::path script = dir_ / "sleeper";
  std::ofstream(script) << "#!/bin/sh\nexec sleep 60\n";
  const std::string blocker(
      trim(cluster_->run({"sbatch", "--parsable", "--nodelist=" + home, "--cpus-per-task=2",
                          "--output=/dev/null", script.string()})));
  const auto record = get(patched(base, tree({{"drivers/fake_drm.c", drm("\treturn x + 2;\n")}})));
  cluster_->run({"scancel", blocker});
  EXPECT_NE(node_of(record.key), home);
}

TEST_F(SlurmTest, APatchThatBreaksTheBuildIsARecordAsAtHome) {
  const BuildRequest broken = request(tree({{"drivers/fake_drm.c", drm("\treturn x +;\n")}}));
  const auto record = get(broken);
  EXPECT_EQ(record.state, "failed");
  EXPECT_EQ(record.error, "drivers/fake_drm.c:5: expected expression before ';' token");
  EXPECT_TRUE(sink_->has(record.log_digest));
  EXPECT_FALSE(builder_->has_objects(record.key));
  EXPECT_EQ(jobs(), 1) << "it is not tried again";
}

TEST_F(SlurmTest, CancellingEndsTheJob) {
  auto running = start(request(slow_tree()));
  const Place place = linking();
  running->stop.request_stop();
  const auto& record = running->wait();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(within(15s, [&] { return ::kill(place.worker, 0) != 0; }));
  EXPECT_TRUE(within(15s, [&] { return cluster_->jobs("PENDING,RUNNING,CG").empty(); }));
  EXPECT_THAT(attempts(), IsEmpty());
}

TEST_F(SlurmTest, ABuildThatTakesTooLongIsTimedOutAsAtHome) {
  BuildRequest slow = request(slow_tree());
  slow.timeout = Millis(3'000);
  const auto record = ask(slow);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kTimeout) << render(record.error());
  EXPECT_THAT(render(record.error()), HasSubstr("did not end within"));
  EXPECT_EQ(jobs(), 1) << "it is not tried again";
}

TEST_F(SlurmTest, AJobThatSlurmStartsAgainIsOneBuild) {
  link_seconds_ = 4;
  auto running = start(request(slow_tree()));
  linking();
  const std::string id(split(cluster_->jobs("RUNNING").front(), ' ').front());
  cluster_->run({"scontrol", "requeue", id});
  auto& record = running->wait();
  ASSERT_TRUE(record) << render(record.error()) << words_of_jobs();
  EXPECT_EQ(record->state, "built");
  EXPECT_EQ(jobs(), 1);
}

TEST_F(SlurmTest, ALostNodeIsNotTheSeriesFault) {
  link_seconds_ = 4;
  auto running = start(request(slow_tree()));
  const Place place = linking();
  cluster_->cut_power(place.node, place.worker);
  auto& record = running->wait();
  cluster_->start_node(place.node);
  ASSERT_TRUE(record) << render(record.error()) << words_of_jobs();
  EXPECT_EQ(record->state, "built");
  EXPECT_NE(node_of(record->key), place.node);
  EXPECT_TRUE(cluster_->wait_until_up());
}

TEST_F(SlurmTest, AControllerThatIsAway) {
  link_seconds_ = 4;
  auto running = start(request(slow_tree()));
  linking();
  cluster_->kill_controller();
  auto& record = running->wait();
  ASSERT_TRUE(record) << render(record.error());
  EXPECT_EQ(record->state, "built") << "what runs goes on";

  slurm_.patience = Millis(1'000);
  open_executor();
  const auto refused = ask(request(tree()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(refused.error()),
              AllOf(HasSubstr("Slurm does not answer: a build was handed in"),
                    HasSubstr("Unable to contact slurm controller"), HasSubstr("`scontrol ping`")));

  slurm_.patience = Millis(40'000);
  open_executor();
  running = start(request(tree()));
  EXPECT_TRUE(within(10s, [&] { return !attempts().empty(); }));
  std::this_thread::sleep_for(1s);
  EXPECT_FALSE(running->ended);
  cluster_->start_controller();
  auto& second = running->wait();
  ASSERT_TRUE(second) << render(second.error());
  EXPECT_EQ(second->state, "built") << "what was asked meanwhile is built when it is back";
  EXPECT_TRUE(cluster_->wait_until_up());
}

TEST_F(SlurmTest, WhatSlurmRefusesIsSaidAtOnce) {
  slurm_.partition = "nosuch";
  open_executor();
  const auto record = ask(request(tree()));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(record.error()),
              AllOf(HasSubstr("invalid partition specified: nosuch"), HasSubstr("kilnd.yaml")));
}

TEST_F(SlurmTest, ATornResultIsTriedAgain) {
  const fs::path script = dir_ / "worker";
  std::ofstream(script) << "#!/bin/sh\ncase $1 in\n*.1) printf '{\"node\": \"n' >$1/result.json;;\n"
                           "*) exec " KILN_TEST_WORKER " $1;;\nesac\n";
  slurm_.worker = {"/bin/sh", script.string()};
  open_executor();
  const auto record = get(request(tree()));
  EXPECT_EQ(record.state, "built");
  EXPECT_EQ(jobs(), 2);
}

TEST_F(SlurmTest, ADamagedArtifactIsTriedAgain) {
  const fs::path script = dir_ / "worker";
  std::ofstream(script) << "#!/bin/sh\ncase $1 in *.1) ;; *) exec " KILN_TEST_WORKER
                           " $1;; esac\ncp -a $1 $1.copy\n" KILN_TEST_WORKER
                           " $1.copy\nfor f in $1.copy/out-*/blobs/*; do echo x >>$f; done\n"
                           "mv $1.copy/out-* $1.copy/result.json $1/\n";
  slurm_.worker = {"/bin/sh", script.string()};
  open_executor();
  const auto record = get(request(tree()));
  EXPECT_EQ(record.state, "built");
  EXPECT_EQ(jobs(), 2);
}

TEST_F(SlurmTest, JobsWithoutResultsEndAfterThreeAttempts) {
  slurm_.worker = {"/bin/sh", "-c", "echo no kilnd here >&2; exit 3"};
  slurm_.settle = Millis(500);
  open_executor();
  const auto record = ask(request(tree()));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(record.error()),
              AllOf(HasSubstr("3 attempts to build on Slurm came to nothing"),
                    HasSubstr("(FAILED) and left no result: no kilnd here")));
  EXPECT_EQ(jobs(), 3);
  EXPECT_THAT(attempts(), IsEmpty());
}

TEST_F(SlurmTest, ANodeWithAnotherCompilerIsRefused) {
  BuildRequest strange = request(tree());
  strange.input.toolchain = "gcc 99";
  const auto record = ask(strange);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(record.error()), AllOf(HasSubstr("the controller has `gcc 99`"),
                                            HasSubstr("install the same compiler")));
}

TEST_F(SlurmTest, TwoWhoWantOneKernelGetOneBuild) {
  const BuildRequest wanted = request(tree());
  auto one = start(wanted);
  auto two = start(wanted);
  const auto first = one->wait();
  const auto second = two->wait();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(bytes_of(*first), bytes_of(*second));
  EXPECT_EQ(jobs(), 1);
}

TEST_F(SlurmTest, WhoLeavesFindsTheBuildAgain) {
  link_seconds_ = 3;
  const BuildRequest wanted = request(slow_tree());
  auto running = start(wanted);
  linking();
  running->leave.request_stop();
  running->stop.request_stop();
  ASSERT_FALSE(running->wait());
  open();
  open_executor();
  EXPECT_EQ(get(wanted).state, "built");
  EXPECT_EQ(jobs(), 1);
}

/// Run by the next test as a process of its own, to be killed.
TEST_F(SlurmTest, DISABLED_AChildThatBuilds) {
  const fs::path given(std::getenv(kChildFolder));
  std::map<std::string, std::string> env;
  env["SLURM_CONF"] = os::read_file(given / "conf").value_or("");
  slurm_.env = env;
  slurm_.shared = options_.data_dir = given / "data";
  slurm_.scratch = given / "scratch";
  auto git = intake::Git::open(given / "data/sources.git", given / "data/tmp/child");
  git_ = std::make_unique<intake::Git>(std::move(*git));
  link_seconds_ = 5;
  open();
  open_executor();
  (void)ask(request(slow_tree()));
}

TEST_F(SlurmTest, AKilledControllerAttachesToItsBuild) {
  (void)os::write_atomic(dir_ / "conf", cluster_->env().at("SLURM_CONF"));
  builder_.reset();
  os::Command command;
  command.argv = {os::own_program(), "--gtest_filter=*AChildThatBuilds",
                  "--gtest_also_run_disabled_tests"};
  command.env = {{kChildFolder, dir_.string()}};
  command.output_file = (dir_ / "child.log").string();
  auto child = os::Child::start(command);
  ASSERT_TRUE(child);
  linking();
  child->signal(SIGKILL);
  ASSERT_TRUE(child->wait(Millis(10'000)));
  link_seconds_ = 5;
  open();
  open_executor();
  EXPECT_EQ(get(request(slow_tree())).state, "built");
  EXPECT_EQ(jobs(), 1) << os::read_file(dir_ / "child.log").value_or("");
}

}  // namespace
}  // namespace kiln::slurm
