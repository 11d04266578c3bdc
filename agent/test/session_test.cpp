/// Whole sessions against a machine that does what each test says.
#include <thread>

#include "agent/test/session_fixture.h"

namespace kiln::agent {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

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
  boot_limit_ = Millis(600'000);  // far beyond the silence
  machine_.on_boot = [](int) {};
  machine_.connect_status = fail(ErrorKind::kTimeout, "SSH did not answer");
  const auto outcome = run();
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_EQ(outcome.error, "the kernel does not boot (2 tries): the console stays silent");
}

TEST_F(SessionTest, FirmwareMayBeSilentLongerThanAKernel) {
  use_store();
  boot_limit_ = Millis(600'000);
  boot_silence_ = Millis(60'000);
  std::jthread firmware;
  machine_.on_boot = [&](int) {
    ++boot_id_;
    firmware = std::jthread([this] {
      std::this_thread::sleep_for(Millis(700));  // more than twice a test's silence
      machine_.say(kReady);
    });
  };
  EXPECT_EQ(run().ending, Ending::kTested);
  EXPECT_EQ(machine_.boots(), 1);
}

TEST_F(SessionTest, TheJobsBoundOfABootCountsMoreThanTheAgents) {
  use_store();
  boot_limit_ = Millis(600'000);
  order_.boot_limit = Millis(100);
  machine_.on_boot = [this](int) { machine_.say("Linux version 6.1.192\nstill booting\n"); };
  const auto outcome = run();
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_EQ(outcome.error,
            "the kernel does not boot (2 tries): not up within 0.1 s: it stops while booting; its "
            "last line: still booting");
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

TEST_F(SessionTest, WhereAKnownGoodSystemAnswersAKernelWithoutNetworkIsAtFault) {
  use_store();
  machine_.known_good = true;
  machine_.connect_status = fail(ErrorKind::kTimeout, "SSH did not answer");
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_EQ(outcome.error, "the kernel boots and cannot be reached (2 tries): SSH did not answer");
}

TEST_F(SessionTest, WhereTheKnownGoodSystemDoesNotBootEitherTheMachineIsAtFault) {
  use_store();
  machine_.known_good = true;
  machine_.off_status = fail(ErrorKind::kInfrastructure, "its disk is gone");
  machine_.on_boot = [this](int) {
    machine_.say("Linux version 6.1.192\nKernel panic - not syncing: VFS: Unable to mount\n");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_DUT");
  EXPECT_THAT(outcome.error, HasSubstr("Unable to mount; nor does the machine's own system boot: "
                                       "its disk is gone"));
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

/// The console is cut off by the reset: only the machine's own memory has the end.
TEST_F(SessionTest, WhatADeadKernelWroteDownIsItsTestsAndALogOfTheSession) {
  use_store();
  results({{"igt@gem_x@a", "pass"}, {"igt@gem_x@b", "incomplete"}});
  crash_in_b("[   30.0] [IGT] gem_x: starting subtest b\r\n");
  const os::Path file = dir_ / "0001.txt";
  machine_.kept = [this, file](bool last) -> std::vector<KeptLog> {
    std::vector<KeptLog> out;
    if (machine_.boots() == 2 && !kept_made_) {
      kept_made_ = true;
      EXPECT_TRUE(os::write_atomic(file, kPanic));
      out.push_back({"pstore", file, true});
    }
    if (last) {
      EXPECT_TRUE(os::write_atomic(dir_ / "net", "by UDP\n"));
      out.push_back({"netconsole", dir_ / "net", false});
    }
    return out;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(stored(outcome, "pstore"), kPanic);
  EXPECT_EQ(stored(outcome, "netconsole"), "by UDP\n");
  EXPECT_FALSE(os::file_size(file)) << "what is stored is not kept twice";
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(outcome.results[0].kernel_words, "");
  EXPECT_EQ(outcome.results[1].reason, "BUG: kernel NULL pointer dereference, address: 00000000");
  EXPECT_THAT(outcome.results[1].kernel_words, HasSubstr("EIP: shmem_pread+0x12/0x40"));
  EXPECT_THAT(outcome.kernel, Contains(::testing::Field(&KernelMessage::test, "igt@gem_x@b")));
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

// The taint of the phase before: nothing ran yet that igt_resume could go on with.
TEST_F(SessionTest, ARunnerThatAbortsBeforeItsFirstTestStartsAnew) {
  use_store();
  int attempts = 0;
  runner_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    if (++attempts > 1) request.on_output("[1.0] [1/1] gem_x (a)\n");
    reply.err = attempts == 1 ? "1\nkiln-aborted\n" : "0\n";
    return reply;
  };
  int starts = 0;
  int resumes = 0;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = request.command.find("test -e") == 0 ? 1 : 0;
    starts += request.command.find("igt_runner") != std::string::npos ? 1 : 0;
    resumes += request.command.find("igt_resume") != std::string::npos ? 1 : 0;
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.restarts, 1);
  EXPECT_EQ(starts, 2);
  EXPECT_EQ(resumes, 0);
}

TEST_F(SessionTest, AFailingSetupIsInfrastructure) {
  use_store();
  order_.phases[0].setup = {"modprobe vgem"};
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = request.command.find("modprobe vgem") != std::string::npos ? 1 : 0;
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

TEST_F(SessionTest, APersonsMachineStaysUpUntilItIsGivenBack) {
  use_store();
  order_.stay = true;
  std::stop_source source;
  std::jthread person([&] {
    for (int i = 0; i < 1000 && !seen_up_; ++i) std::this_thread::sleep_for(Millis(10));
    machine_.say("Kernel panic - not syncing: sysrq triggered crash\n");
    for (int i = 0; i < 1000 && !seen_down_; ++i) std::this_thread::sleep_for(Millis(10));
    source.request_stop();
  });
  const auto outcome = run(source.get_token());
  EXPECT_TRUE(seen_up_);
  EXPECT_TRUE(seen_down_) << "a crash is told, and ends nothing";
  EXPECT_EQ(outcome.ending, Ending::kCancelled);
  EXPECT_TRUE(outcome.identity.proved) << "it is the kernel that was asked for";
  EXPECT_EQ(machine_.boots(), 1);
  EXPECT_THAT(machine_.log(), Each(Not(HasSubstr("igt_runner"))));
  EXPECT_THAT(seen_, Contains("down Kernel panic - not syncing: sysrq triggered crash"));
}

TEST_F(SessionTest, ThatAPersonsTimeIsOverIsNoFault) {
  use_store();
  order_.stay = true;
  order_.timeout = Millis(300);
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested);
  EXPECT_EQ(outcome.error, "");
}

TEST_F(SessionTest, AMissingArtifactNamesItself) {
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "INFRA_DEPLOY");
  EXPECT_EQ(outcome.error, "artifact kernel is not there");
  EXPECT_EQ(machine_.boots(), 0);
}

}  // namespace
}  // namespace kiln::agent
