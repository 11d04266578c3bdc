/// Copies and one-shot entries over real SSH servers, with GRUB's own tools.
#include <gmock/gmock.h>

#include "agent/hardware/deploy.h"
#include "agent/hardware/one_shot.h"
#include "agent/power/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr Millis kLimit{60'000};

class BootTest : public ::testing::TestWithParam<SshServer> {
 protected:
  void SetUp() override {
    if (const std::string why = LocalSshd::missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
    sshd_ = std::make_unique<LocalSshd>(GetParam());
    auto shell = connect_until(sshd_->endpoint(), kLimit, {}, {});
    ASSERT_TRUE(shell) << render(shell.error());
    shell_ = std::move(*shell);
    ASSERT_TRUE(os::make_dirs(boot() / "grub"));
  }
  os::Path boot() { return folder_.path() / "boot"; }
  os::Path place() { return boot() / "kiln"; }
  DeployFile file(const std::string& name, const std::string& content) {
    const os::Path local = folder_.path() / ("local-" + name);
    EXPECT_TRUE(os::write_atomic(local, content));
    return {name, local};
  }
  std::string there(const std::string& name) {
    return os::read_file(place() / name).value_or("(not there)");
  }
  /// The shell with a folder of programs before its own.
  class WithPath final : public Shell {
   public:
    WithPath(Shell& shell, std::string path) : shell_(shell), path_(std::move(path)) {}
    Result<ShellReply> run(const ShellRequest& request, std::stop_token stop) override {
      ShellRequest with = request;
      with.command = "PATH=" + path_ + ":/usr/sbin:/sbin:$PATH; " + request.command;
      return shell_.run(with, stop);
    }
    [[nodiscard]] bool alive() const override { return shell_.alive(); }

   private:
    Shell& shell_;
    std::string path_;
  };
  /// A program of that name in folder_/bin, for WithPath.
  void program(const std::string& name, const std::string& body) {
    ASSERT_TRUE(os::make_dirs(folder_.path() / "bin"));
    ASSERT_TRUE(os::write_atomic(folder_.path() / "bin" / name, "#!/bin/sh\n" + body + "\n", 0755));
  }
  std::string bin() { return (folder_.path() / "bin").string(); }
  std::unique_ptr<LocalSshd> sshd_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "boot-");
  std::unique_ptr<Shell> shell_;
};
INSTANTIATE_TEST_SUITE_P(Server, BootTest,
                         ::testing::Values(SshServer::kOpenSsh, SshServer::kDropbear), server_name);

TEST_P(BootTest, UnchangedFilesAreNotSentAgainAndOldOnesGo) {
  const std::string kernel(3'000'000, '\xff');
  const std::vector<DeployFile> one{file("vmlinuz", kernel), file("initrd.img", "i1")};
  auto report = deploy(*shell_, place().string(), one, kLimit, {});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->sent, 2);
  EXPECT_EQ(report->bytes, kernel.size() + 2);
  EXPECT_EQ(there("vmlinuz"), kernel);
  report = deploy(*shell_, place().string(), one, kLimit, {});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->sent, 0);
  EXPECT_EQ(report->kept, 2);
  report = deploy(*shell_, place().string(), {file("vmlinuz", "another")}, kLimit, {});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->sent, 1);
  EXPECT_EQ(there("vmlinuz"), "another");
  EXPECT_EQ(there("initrd.img"), "(not there)");
  ASSERT_TRUE(empty_folder(*shell_, place().string(), kLimit, {}));
  EXPECT_FALSE(std::filesystem::exists(place()));
}

TEST_P(BootTest, AFileThatWasDamagedThereIsSentAgain) {
  const std::vector<DeployFile> files{file("vmlinuz", "good")};
  ASSERT_TRUE(deploy(*shell_, place().string(), files, kLimit, {}));
  ASSERT_TRUE(os::write_atomic(place() / "vmlinuz", "gooD"));
  ASSERT_TRUE(os::write_atomic(place() / "vmlinuz.part", "half"));
  const auto report = deploy(*shell_, place().string(), files, kLimit, {});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->sent, 1);
  EXPECT_EQ(there("vmlinuz"), "good");
  EXPECT_EQ(there("vmlinuz.part"), "(not there)");
}

TEST_P(BootTest, AFolderThatCannotBeMadeIsAnErrorWithTheMachinesWords) {
  ASSERT_TRUE(os::write_atomic(place(), "a file"));
  const auto report = deploy(*shell_, place().string(), {file("vmlinuz", "x")}, kLimit, {});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("File exists"));
}

TEST_P(BootTest, WhatTheDiskHasIsComparedAndHalfAFileGetsNoName) {
  // A disk that loses bytes: what cat writes is not what it was given.
  program("cat", "head -c 100");
  WithPath bad(*shell_, bin());
  const std::string kernel(3'000'000, '\xff');
  const auto report = deploy(bad, place().string(),
                             {file("initrd.img", "i1"), file("vmlinuz", kernel)}, kLimit, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(report.error().message, MatchesRegex("vmlinuz arrived as [0-9a-f]{64}, it is "
                                                   "[0-9a-f]{64}: half a file, or a bad disk"));
  EXPECT_EQ(there("vmlinuz"), "(not there)");
  EXPECT_EQ(there("initrd.img"), "(not there)");
}

TEST_P(BootTest, AMachineWithoutOpensslHashesAsWell) {
  program("openssl", "exit 1");
  WithPath bare(*shell_, bin());
  const std::vector<DeployFile> files{file("vmlinuz", "good"), file("initrd.img", "i1")};
  for (const int sent : {2, 0}) {
    const auto report = deploy(bare, place().string(), files, kLimit, {});
    ASSERT_TRUE(report) << render(report.error());
    EXPECT_EQ(report->sent, sent);
  }
  EXPECT_EQ(there("vmlinuz"), "good");
}

TEST_P(BootTest, WhatEndsTheMachineIsAnsweredFirst) {
  for (const bool hang_up : {true, false}) {
    const os::Path file = folder_.path() / (hang_up ? "after" : "anyway");
    const auto reply = shell_->run({.command = after_goodbye("echo x > " + file.string())}, {});
    ASSERT_TRUE(reply) << render(reply.error());
    EXPECT_TRUE(reply->ok()) << reply->err;
    if (hang_up) shell_ = std::move(*connect_until(sshd_->endpoint(), kLimit, {}, {}));
    EXPECT_TRUE(testing::eventually([&] { return os::read_file(file).value_or("") == "x\n"; }));
  }
}

class GrubTest : public BootTest {
 protected:
  void SetUp() override {
    for (const char* program : {"grub-reboot", "grub-editenv"})
      if (os::find_program(program).empty()) GTEST_SKIP() << program << " is not installed";
    BootTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // Which disk it is, is the one thing that a test's folder cannot tell GRUB's tools.
    program("grub-probe", "echo 1234-ABCD");
    program("grub-mkrelpath", "echo /kiln");
    ASSERT_TRUE(
        deploy(*shell_, place().string(), {file("vmlinuz", "k"), file("initrd", "i")}, kLimit, {}));
    spec_ = {"grub", place().string(), "", ""};
    wrapped_ = std::make_unique<WithPath>(*shell_, bin());
    one_shot_ = make_one_shot(spec_, boot().string());
  }
  std::string custom() { return os::read_file(boot() / "grub/custom.cfg").value_or(""); }
  std::string env() { return os::read_file(boot() / "grub/grubenv").value_or(""); }
  machine::BootSpec spec_;
  std::unique_ptr<WithPath> wrapped_;
  std::unique_ptr<OneShot> one_shot_;
};

INSTANTIATE_TEST_SUITE_P(Server, GrubTest,
                         ::testing::Values(SshServer::kOpenSsh, SshServer::kDropbear), server_name);

TEST_P(GrubTest, ArmsAnEntryForOneBootAndLeavesOthersPartAlone) {
  ASSERT_TRUE(os::write_atomic(boot() / "grub/custom.cfg", "set color=blue\n"));
  const BootEntry entry{"vmlinuz", "initrd", "root=/dev/sda2 console=ttyS0,115200 lab.job=7-ab"};
  for (int i = 0; i < 2; ++i) {
    const auto armed = one_shot_->arm(*wrapped_, entry, {});
    ASSERT_TRUE(armed) << render(armed.error());
  }
  EXPECT_EQ(custom(),
            "set color=blue\n### kiln\nmenuentry \"Kiln: one boot\" --id kiln {\n"
            "  search --no-floppy --fs-uuid --set=root 1234-ABCD\n"
            "  linux /kiln/vmlinuz root=/dev/sda2 console=ttyS0,115200 lab.job=7-ab\n"
            "  initrd /kiln/initrd\n}\n### end of kiln\n");
  EXPECT_THAT(env(), HasSubstr("next_entry=kiln\n"));
  ASSERT_TRUE(one_shot_->disarm(*wrapped_, {}));
  EXPECT_EQ(custom(), "set color=blue\n");
  EXPECT_THAT(env(), Not(HasSubstr("next_entry=kiln")));
  EXPECT_TRUE(one_shot_->disarm(*wrapped_, {}));
}

TEST_P(GrubTest, AKernelThatIsNotThereArmsNothing) {
  EXPECT_FALSE(one_shot_->arm(*wrapped_, {"vmlinuz-gone", "", "x"}, {}));
  EXPECT_THAT(custom(), Not(HasSubstr("menuentry")));
  EXPECT_THAT(env(), Not(HasSubstr("next_entry=kiln")));
}

TEST_P(GrubTest, SomebodyElsesEntryStays) {
  ASSERT_TRUE(one_shot_->arm(*wrapped_, {"vmlinuz", "", "x"}, {}));
  os::Command set;
  set.argv = {"grub-editenv", (boot() / "grub/grubenv").string(), "set", "next_entry=theirs"};
  ASSERT_TRUE(os::run_ok(set));
  ASSERT_TRUE(one_shot_->disarm(*wrapped_, {}));
  EXPECT_THAT(env(), HasSubstr("next_entry=theirs"));
}

/// kexec's kernel is lost with the memory: only a power cycle, and that boots the known-good one.
TEST(OneShotTest, WhichOnesSurviveAReset) {
  machine::BootSpec boot;
  boot.folder = "/boot/kiln";
  boot.esp = "/boot";
  for (const char* driver : {"grub", "systemd-boot", "kexec"}) {
    boot.driver = driver;
    EXPECT_EQ(make_one_shot(boot)->survives_reset(), boot.driver != "kexec") << driver;
  }
}

TEST(CommandLines, WhatALoaderWouldTakeForItsOwnIsRefused) {
  EXPECT_TRUE(is_safe_cmdline("root=UUID=12-34 ro i915.modeset=1 dyndbg=file,x +p"));
  for (const char* bad : {"a\nmenuentry", "a;b", "a$b", "a\"b", "a'b", "a}b", "a\\b", "a`b", "a#b"})
    EXPECT_FALSE(is_safe_cmdline(bad)) << bad;
  EXPECT_FALSE(is_safe_cmdline(std::string(3000, 'a')));
}

}  // namespace
}  // namespace kiln::agent
