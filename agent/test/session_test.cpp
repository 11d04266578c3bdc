/// Whole sessions against a machine that does what each test says.
#include "agent/test/session.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <thread>

#include "agent/machine/fake_machine.h"
#include "agent/test/archive.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// Artifacts in a folder; what is put stays readable under its digest.
class FolderArtifacts final : public Artifacts {
 public:
  explicit FolderArtifacts(os::Path folder) : folder_(std::move(folder)) {}
  Result<os::Path> fetch(const std::string& digest, std::stop_token) override {
    if (!os::file_size(folder_ / digest))
      return fail(ErrorKind::kNotFound, "artifact " + digest + " is not there");
    return folder_ / digest;
  }
  Result<std::string> put(const os::Path& file) override {
    KILN_ASSIGN(const std::string digest, os::sha256_file(file));
    std::filesystem::rename(file, folder_ / digest);
    return digest;
  }

 private:
  os::Path folder_;
};

constexpr const char* kReady =
    "[    0.000000] Linux version 6.1.192 (kiln@kiln)\r\n[    2.0] Run /sbin/init\r\n"
    "kiln-init: ready\r\n";
constexpr const char* kPanic =
    "[   30.1] [IGT] gem_x: starting subtest b\r\n"
    "[   31.2] BUG: kernel NULL pointer dereference, address: 00000000\r\n"
    "[   31.2] EIP: shmem_pread+0x12/0x40\r\n"
    "[   31.3] Kernel panic - not syncing: Fatal exception\r\n"
    "[   31.4] Rebooting in 5 seconds..\r\n";

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "session");
    for (const char* name : {"session", "store", "results"})
      ASSERT_TRUE(os::make_dirs(dir_ / name));
    ASSERT_TRUE(os::write_atomic(dir_ / "store/kernel", "bzImage"));
    order_.session_id = 7;
    order_.image_digest = "kernel";
    order_.max_restarts = 2;
    order_.expected.release = "6.1.192";
    order_.expected.config_digest = "cc";
    order_.phases.push_back({.name = "gem", .test_list = "igt@gem_x\n"});
    machine_.on_boot = [this](int boot) {
      ++boot_id_;
      machine_.say(kReady);
      (void)boot;
    };
    machine_.answer = [this](const ShellRequest& request, std::stop_token stop) {
      return answer(request, stop);
    };
    results({{"igt@gem_x@a", "pass"}, {"igt@gem_x@b", "fail"}});
  }
  void TearDown() override { (void)os::remove_tree(dir_); }

  /// What igt_runner is to leave behind.
  void results(const std::vector<std::pair<std::string, std::string>>& tests) {
    std::string json;
    for (const auto& [name, outcome] : tests) {
      json += fmt::format(
          R"({}"{}":{{"result":"{}","out":"","err":"","dmesg":"","time":{{"__type__":"TimeAttribute","start":0,"end":1.5}}}})",
          json.empty() ? "" : ",", name, outcome);
    }
    ASSERT_TRUE(os::write_atomic(
        dir_ / "results/results.json",
        R"({"__type__":"TestrunResult","results_version":10,"name":"x","tests":{)" + json + "}}"));
  }

  std::string probe() const {
    return fmt::format(
        "now=1790000000.0\nrelease={}\nboot_id=boot-{}\ntaint=0\ncmdline=root=/dev/vda "
        "kiln.session=7-n\nnotes=\nconfig=cc\nMemTotal:=2000000\ndisk=1000\nend=kiln-probe\n",
        release_, boot_id_);
  }

  Result<ShellReply> answer(const ShellRequest& request, std::stop_token stop) {
    const std::string& command = request.command;
    const auto has = [&](std::string_view word) { return command.find(word) != command.npos; };
    ShellReply reply;
    reply.exit_code = 0;
    if (has("kiln-probe")) {
      reply.out = probe();
    } else if (has("tail -c")) {
      if (runner_) return runner_(request, stop);
      request.on_output("[1.0] [1/2] gem_x (a)\n[2.0] [2/2] gem_x (b)\n");
      reply.err = "0\n";
    } else if (has("tar -cf")) {
      os::Command tar;
      tar.argv = {"tar", "-cf", request.output_file, "-C", (dir_ / "results").string(), "."};
      EXPECT_TRUE(os::run_ok(tar));
    } else if (has("dmesg -r")) {
      reply.err = fmt::format("boot_id=boot-{}\ntaint=0\n", boot_id_);
      EXPECT_TRUE(os::write_atomic(request.output_file, "<6>[ 1.0] hello\n"));
    } else if (command.starts_with("echo ")) {
      if (!answers_) return fail(ErrorKind::kTimeout, "no answer");
      reply.out = command.substr(5) + "\n";
    } else if (other_) {
      return other_(request, stop);
    }
    return reply;
  }

  SessionOutcome run(std::stop_token stop = {}) {
    SessionDeps deps;
    deps.machine = &machine_;
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = dir_ / "session";
    deps.nonce = "7-n";
    deps.boot_limit = boot_limit_;
    deps.silence = Millis(300);
    deps.progress = [this](const SessionProgress& p) { seen_.push_back(p.phase + " " + p.text); };
    SessionOutcome outcome = Session(std::move(deps), order_).run(stop);
    EXPECT_FALSE(machine_.is_on());
    EXPECT_TRUE(machine_.ended()) << "the disk is removed, whatever happened";
    return outcome;
  }
  std::string stored(const SessionOutcome& outcome, const std::string& name) {
    const auto found = outcome.artifacts.find(name);
    return found == outcome.artifacts.end()
               ? "(none)"
               : os::read_file(dir_ / "store" / found->second).value_or("(lost)");
  }
  /// The runner's output for a machine that dies in gem_x@b at its first attempt.
  void crash_in_b(const char* console) {
    runner_ = [this, console](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
      ShellReply reply;
      reply.exit_code = 0;
      reply.err = "0\n";
      if (machine_.boots() > 1) return reply;
      request.on_output("[1.0] [1/2] gem_x (a)\n[2.0] [2/2] gem_x (b)\n");
      machine_.crash(console);
      return fail(ErrorKind::kInfrastructure, "the connection broke while `tail` ran");
    };
  }

  os::Path dir_;
  SystemClock clock_;
  FakeMachine machine_;
  FolderArtifacts artifacts_{"/nonexistent"};
  SessionOrder order_;
  std::string release_ = "6.1.192";
  int boot_id_ = 0;
  bool answers_ = true;
  Millis boot_limit_{300};
  std::function<Result<ShellReply>(const ShellRequest&, std::stop_token)> runner_;
  std::function<Result<ShellReply>(const ShellRequest&, std::stop_token)> other_;
  std::vector<std::string> seen_;
  void use_store() { artifacts_ = FolderArtifacts(dir_ / "store"); }
};

TEST_F(SessionTest, TestsAreRunAndEverythingIsCollected) {
  use_store();
  const auto outcome = run();
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.ending, Ending::kTested);
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(outcome.results[1].test, "igt@gem_x@b");
  EXPECT_EQ(outcome.results[1].outcome, "fail");
  EXPECT_EQ(outcome.results[1].phase, "gem");
  EXPECT_TRUE(outcome.identity.proved);
  EXPECT_EQ(outcome.identity.boot_id, "boot-1");
  EXPECT_EQ(stored(outcome, "console"), kReady);
  EXPECT_EQ(stored(outcome, "dmesg"), "<6>[ 1.0] hello\n");
  EXPECT_THAT(stored(outcome, "test:igt@gem_x@b"), StartsWith("-- stdout"));
  EXPECT_TRUE(outcome.artifacts.contains("results-gem.tar.zst"));
  EXPECT_THAT(machine_.spec().cmdline, HasSubstr("kiln.session=7-n"));
  EXPECT_THAT(seen_, Contains("testing igt@gem_x@b"));
  EXPECT_GE(outcome.phases.size(), 7U);
}

TEST_F(SessionTest, AnotherKernelThanTheOneBuiltIsNeverTested) {
  use_store();
  release_ = "6.1.0-13-686";
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "WRONG_KERNEL");
  EXPECT_EQ(outcome.error, "the kernel's release is 6.1.0-13-686, built was 6.1.192");
  EXPECT_FALSE(outcome.identity.proved);
  EXPECT_THAT(outcome.results, IsEmpty());
  EXPECT_THAT(machine_.log(), Each(Not(HasSubstr("igt_runner"))));
}

TEST_F(SessionTest, AKernelThatPanicsAtBootTwiceFailedItsTest) {
  use_store();
  machine_.on_boot = [this](int) {
    machine_.crash("Linux version 6.1.192\nKernel panic - not syncing: VFS: Unable to mount\n");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_EQ(outcome.error,
            "the kernel does not boot (2 tries): Kernel panic - not syncing: VFS: Unable to mount");
  EXPECT_EQ(machine_.boots(), 2);
  EXPECT_THAT(stored(outcome, "console"), HasSubstr("VFS: Unable to mount"));
  ASSERT_FALSE(outcome.kernel.empty());
  EXPECT_EQ(outcome.kernel[0].kind, "panic");
}

TEST_F(SessionTest, OneFailedBootIsTriedAgain) {
  use_store();
  machine_.on_boot = [this](int boot) {
    ++boot_id_;
    if (boot == 1) {
      machine_.crash("Linux version 6.1.192\nKernel panic - not syncing: once\n");
    } else {
      machine_.say(kReady);
    }
  };
  EXPECT_EQ(run().ending, Ending::kTested);
}

TEST_F(SessionTest, AnAcceleratorThatGivesUpIsNotTheKernelsFault) {
  use_store();
  machine_.on_boot = [this](int boot) {
    ++boot_id_;
    if (boot == 1) {
      machine_.fail_power("QEMU froze the guest: KVM internal error", /*try_again=*/true);
    } else if (boot == 2) {
      machine_.crash("Linux version 6.1.192\nKernel panic - not syncing: once\n");
    } else {
      machine_.say(kReady);
    }
  };
  EXPECT_EQ(run().ending, Ending::kTested) << "the first boot did not count";
  EXPECT_EQ(machine_.boots(), 3);
}

TEST_F(SessionTest, AMachineThatSaysNothingAtAllDoesNotBoot) {
  use_store();
  machine_.on_boot = [](int) {};
  machine_.connect_status = fail(ErrorKind::kTimeout, "SSH did not answer");
  const auto outcome = run();
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_EQ(outcome.error, "the kernel does not boot (2 tries): the console stays silent");
}

TEST_F(SessionTest, AKernelThatHangsWhileBootingIsFoundByItsSilence) {
  use_store();
  boot_limit_ = Millis(600'000);  // far beyond the silence
  machine_.on_boot = [this](int boot) {
    ++boot_id_;
    machine_.connect_status =
        boot == 1 ? Status(fail(ErrorKind::kTimeout, "SSH did not answer")) : Status();
    machine_.say(boot == 1 ? "Linux version 6.1.192\nvirtio_blk virtio2: [vda] 1.50 GiB\n"
                           : kReady);
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(machine_.boots(), 2);
  EXPECT_THAT(stored(outcome, "notes"),
              HasSubstr("boot 1 failed: it stops while booting; its last line: virtio_blk virtio2: "
                        "[vda] 1.50 GiB"));
}

TEST_F(SessionTest, SshThatNeverAnswersOnAMachineThatIsReadyIsInfrastructure) {
  use_store();
  machine_.connect_status =
      fail(ErrorKind::kTimeout, "SSH did not answer within 3 s (7 tries); the last one: refused");
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_NET");
  EXPECT_EQ(outcome.error, "SSH did not answer within 3 s (7 tries); the last one: refused");
}

TEST_F(SessionTest, QemuThatIsNotThereIsInfrastructure) {
  use_store();
  machine_.power_status =
      fail(Error(ErrorKind::kInfrastructure, "program `qemu-system-i386` is not installed")
               .with_hint("run `kiln doctor` to see what is missing"));
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_POWER");
  EXPECT_EQ(outcome.error,
            "program `qemu-system-i386` is not installed\n"
            "  run `kiln doctor` to see what is missing");
}

TEST_F(SessionTest, AnImageThatCannotBeMadeIsNamed) {
  use_store();
  machine_.begin_status =
      fail(ErrorKind::kNoSpace, "the root image needs 1.5 GB in /x, 7 MB are free");
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_DEPLOY");
  EXPECT_EQ(outcome.error, "the root image needs 1.5 GB in /x, 7 MB are free");
}

TEST_F(SessionTest, QemuKilledInATestIsInfrastructure) {
  use_store();
  runner_ = [this](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    request.on_output("[1.0] [1/2] gem_x (a)\n");
    machine_.fail_power("QEMU was killed by signal 9");
    return fail(ErrorKind::kInfrastructure, "the connection broke");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_POWER");
  EXPECT_EQ(outcome.error, "QEMU was killed by signal 9");
}

TEST_F(SessionTest, APanicRestartsTheMachineAndTheCulpritCarriesTheKernelsWords) {
  use_store();
  results({{"igt@gem_x@a", "pass"}, {"igt@gem_x@b", "incomplete"}});
  crash_in_b(kPanic);
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(outcome.restarts, 1);
  EXPECT_EQ(machine_.boots(), 2);
  EXPECT_EQ(outcome.identity.boot_id, "boot-2");
  EXPECT_THAT(machine_.log(), Contains(HasSubstr("igt_resume")));
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(outcome.results[0].kernel_words, "");
  const TestResult& b = outcome.results[1];
  EXPECT_EQ(b.outcome, "incomplete");
  EXPECT_EQ(b.reason, "BUG: kernel NULL pointer dereference, address: 00000000");
  EXPECT_THAT(b.kernel_words, HasSubstr("EIP: shmem_pread+0x12/0x40"));
  EXPECT_THAT(b.kernel_words, HasSubstr("Kernel panic - not syncing: Fatal exception"));
}

TEST_F(SessionTest, ACulpritWithoutAResultGetsOne) {
  use_store();
  results({{"igt@gem_x@a", "pass"}});
  crash_in_b(kPanic);
  const auto outcome = run();
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(outcome.results[1].test, "igt@gem_x@b");
  EXPECT_EQ(outcome.results[1].outcome, "incomplete");
}

TEST_F(SessionTest, ATestThatKilledTheMachineBeforeItsNameCameIsFoundInTheResults) {
  use_store();
  results({{"igt@gem_x@a", "pass"}, {"igt@gem_x@b", "incomplete"}});
  runner_ = [this](const ShellRequest&, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.err = "0\n";
    if (machine_.boots() > 1) return reply;
    machine_.crash(kPanic);
    return fail(ErrorKind::kInfrastructure, "the connection broke");
  };
  const auto outcome = run();
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_THAT(outcome.results[1].kernel_words, HasSubstr("Kernel panic - not syncing"));
}

TEST_F(SessionTest, SilenceOnConsoleAndSshIsAHang) {
  use_store();
  results({{"igt@gem_x@a", "incomplete"}});
  runner_ = [this](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.err = "0\n";
    answers_ = machine_.boots() > 1;
    if (answers_) return reply;
    request.on_output("[1.0] [1/2] gem_x (a)\n");
    machine_.connect_status = fail(ErrorKind::kTimeout, "SSH did not answer");
    while (request.on_idle()) std::this_thread::yield();
    reply.left_early = true;
    return reply;
  };
  machine_.on_boot = [this](int) {
    ++boot_id_;
    machine_.connect_status = Status();
    machine_.say(kReady);
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.restarts, 1) << outcome.error;
  ASSERT_EQ(outcome.results.size(), 1U);
  EXPECT_EQ(outcome.results[0].reason, "neither the console nor SSH gives a sign of life");
}

TEST_F(SessionTest, RestartsAreBounded) {
  use_store();
  runner_ = [this](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    request.on_output("[1.0] [1/9] gem_x (a)\n");
    machine_.crash(kPanic);
    return fail(ErrorKind::kInfrastructure, "the connection broke");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested);
  EXPECT_EQ(outcome.error_class, "CRASH");
  EXPECT_THAT(outcome.error,
              StartsWith("gem was left: no restart is left after: BUG: kernel NULL"));
  // Two restarts were allowed; one more boot fetched the results.
  EXPECT_EQ(machine_.boots(), 4);
  EXPECT_FALSE(outcome.results.empty());
}

TEST_F(SessionTest, ATaintedKernelIsRestartedAndTheRestRunsOn) {
  use_store();
  int attempts = 0;
  runner_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    request.on_output("[1.0] [1/9] gem_x (a)\n");
    reply.err = ++attempts < 5 ? "1\nkiln-aborted\n" : "0\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.restarts, 2) << "then the rest runs on the tainted kernel";
  EXPECT_THAT(machine_.log(), Contains(HasSubstr("abort_mask : 0")));
}

TEST_F(SessionTest, AFailingSetupIsInfrastructure) {
  use_store();
  order_.phases[0].setup = {"modprobe vgem"};
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = request.command == "modprobe vgem" ? 1 : 0;
    reply.err = "modprobe: FATAL: Module vgem not found\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_THAT(outcome.error, HasSubstr("setup of gem: `modprobe vgem` failed with exit code 1: "
                                       "modprobe: FATAL: Module vgem not found"));
}

TEST_F(SessionTest, AListThatTheRunnerRefusesIsNamed) {
  use_store();
  runner_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    request.on_output("No tests in job list.\n");
    reply.err = "1\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error,
            "igt_runner ended with exit code 1 and ran no test of gem: No tests in job list.");
}

TEST_F(SessionTest, CancellingEndsAtOnceAndPowersOff) {
  use_store();
  std::stop_source source;
  runner_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    request.on_output("[1.0] [1/2] gem_x (a)\n");
    source.request_stop();
    return fail(ErrorKind::kCancelled, "stopped");
  };
  const auto outcome = run(source.get_token());
  EXPECT_EQ(outcome.ending, Ending::kCancelled);
  EXPECT_EQ(outcome.error_class, "CANCELLED");
}

TEST_F(SessionTest, AMissingArtifactNamesItself) {
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_DEPLOY");
  EXPECT_EQ(outcome.error, "artifact kernel is not there");
  EXPECT_EQ(machine_.boots(), 0);
}

class BenchTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    use_store();
    order_.phases.clear();
    order_.benches.push_back({.name = "kmap", .command = "./run"});
    order_.benches.push_back({.name = "pread", .command = "./pread"});
  }
};

TEST_F(BenchTest, MetricsAreMeasured) {
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.out =
        "kiln-metric " + std::string(request.command.ends_with("./run") ? "a" : "b") + " 2.5 ns\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  ASSERT_EQ(outcome.measurements.size(), 2U);
  EXPECT_EQ(outcome.measurements[0].bench, "kmap");
  EXPECT_EQ(outcome.measurements[1].metric, "b");
}

TEST_F(BenchTest, AFailingBenchIsTheKernelsTestAndTheOthersGoOn) {
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = request.command.ends_with("./run") ? 3 : 0;
    reply.out = "kiln-metric ok 1 ns\n";
    reply.err = "insmod: cannot insert kmap_bench.ko\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "FAIL");
  EXPECT_EQ(outcome.error,
            "bench kmap: `./run` failed: exit code 3: insmod: cannot insert kmap_bench.ko");
  EXPECT_EQ(outcome.measurements.size(), 2U);
}

TEST_F(BenchTest, AKernelThatDiesInABenchIsRestartedForTheNext) {
  other_ = [this](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.out = "kiln-metric ok 1 ns\n";
    if (!request.command.ends_with("./run")) return reply;
    machine_.crash(kPanic);
    return fail(ErrorKind::kInfrastructure, "the connection broke");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "CRASH");
  EXPECT_EQ(machine_.boots(), 2);
  EXPECT_EQ(outcome.measurements.size(), 1U);
}

}  // namespace
}  // namespace kiln::agent
