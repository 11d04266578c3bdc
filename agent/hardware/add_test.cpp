/// The interview against a real SSH server and a real lab file: this computer plays the machine.
#include "agent/hardware/add.h"

#include <gmock/gmock.h>

#include "agent/power/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"
#include "lib/base/text.h"
#include "lib/machine/read.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kOthers =
    "# Ours.\nlab: 1\nmachines:\n  - name: old-1  # the first\n    tags: [here]\n";

class AddTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = LocalSshd::missing(); !why.empty()) GTEST_SKIP() << why;
    options_.file = file_.string();
    options_.name = "here-1";
    options_.address = sshd_.endpoint().host;
    options_.port = sshd_.endpoint().port;
    options_.key_file = sshd_.endpoint().key_file;
    // The server takes a moment to listen.
    ASSERT_TRUE(testing::eventually([&] {
      return fetch_host_key(options_.address, options_.port, Millis(5'000), {}).has_value();
    }));
  }
  Result<Added> add(const Ask& ask = {}) { return add_machine(options_, connect_until, ask, {}); }
  std::string text() const { return os::read_file(file_).value_or("(no file)"); }
  std::string pinned() const {
    return os::read_file(folder_.path() / "here-1.host.pub").value_or("(no file)");
  }

  LocalSshd sshd_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "add-");
  os::Path file_ = folder_.path() / "lab.yaml";
  AddOptions options_;
};

TEST_F(AddTest, ANewFileHasTheMachineAndItsKey) {
  const auto added = add();
  ASSERT_TRUE(added) << render(added.error());
  EXPECT_TRUE(added->written);
  EXPECT_FALSE(added->compared) << "nobody said that the key is right";
  EXPECT_EQ(added->host_key.line,
            join(std::vector{split(*os::read_file(sshd_.folder() / "host.pub"), ' ')[0],
                             split(*os::read_file(sshd_.folder() / "host.pub"), ' ')[1]},
                 " "));
  EXPECT_EQ(pinned(), added->host_key.line + "\n");
  const auto lab = machine::load_lab_file(file_.string());
  ASSERT_TRUE(lab) << render(lab.error());
  const machine::MachineSpec* machine = lab->find("here-1");
  ASSERT_NE(machine, nullptr);
  EXPECT_EQ(machine->shell.host_key_file, (folder_.path() / "here-1.host.pub").string());
  EXPECT_EQ(machine->facts.at("ram"), machine::ram_words(added->survey.ram_kib));
  EXPECT_GT(added->survey.ram_kib, 100'000U);
  EXPECT_EQ(added->survey.uid, "0");
  EXPECT_THAT(text(), HasSubstr("not compared with the machine"));
}

TEST_F(AddTest, WhatStandsInTheFileStays) {
  ASSERT_TRUE(
      os::write_atomic(file_, std::string(kOthers) + "\n# Below.\noutlet_tables: []\n", 0640));
  options_.fingerprint =
      fetch_host_key(options_.address, options_.port, Millis(5'000), {})->fingerprint;
  options_.tags = {"desk"};
  options_.power = "{driver: pdudaemon, url: \"http://pdu:16421\", alias: here}";
  const auto added = add();
  ASSERT_TRUE(added) << render(added.error());
  EXPECT_TRUE(added->compared);
  EXPECT_THAT(text(), StartsWith(std::string(kOthers) + "\n  # "));
  EXPECT_THAT(text(), HasSubstr("\n\n# Below.\noutlet_tables: []\n"));
  const auto lab = machine::load_lab_file(file_.string());
  ASSERT_TRUE(lab) << render(lab.error());
  EXPECT_EQ(lab->find("here-1")->tags, std::vector<std::string>{"desk"});
  EXPECT_EQ(machine::driver_name(lab->find("here-1")->power), "pdudaemon");
  EXPECT_EQ(std::filesystem::status(file_).permissions(), std::filesystem::perms(0640));
  const std::string before = text();
  const auto again = add();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(text(), before);
}

/// Whatever is wrong, neither file nor key is there afterwards.
TEST_F(AddTest, WhatTheReaderRefusesIsNotWritten) {
  ASSERT_TRUE(os::write_atomic(file_, kOthers));
  const auto refused = [&](AddOptions options) {
    const auto added = add_machine(std::move(options), connect_until, {}, {});
    EXPECT_EQ(text(), kOthers);
    EXPECT_EQ(pinned(), "(no file)");
    return added ? "was added" : render(added.error());
  };
  AddOptions wrong = options_;
  wrong.power = "{driver: impi}";
  EXPECT_THAT(refused(wrong), HasSubstr("did you mean `ipmi`?"));
  EXPECT_THAT(refused(wrong), HasSubstr(file_.string() + ":"));
  wrong.power = "{driver: none}\nlab: 2";
  EXPECT_THAT(refused(wrong), HasSubstr("is no map for `power`"));
  wrong = options_;
  wrong.name = "Here 1";
  EXPECT_THAT(refused(wrong), HasSubstr("machines[1].name"));
  wrong = options_;
  wrong.fingerprint = "SHA256:other";
  EXPECT_THAT(refused(wrong), HasSubstr("another machine answers there"));
  wrong = options_;
  wrong.key_file = (sshd_.folder() / "other").string();
  EXPECT_THAT(refused(wrong), HasSubstr("authorized_keys"));
  wrong = options_;
  wrong.dry_run = true;
  EXPECT_EQ(refused(wrong), "was added");
}

TEST_F(AddTest, AFileThatIsWrongIsSaidToBeWithItsPlace) {
  ASSERT_TRUE(os::write_atomic(file_, "lab: 1\nmachines:\n  - name: a\n    tags: 5\n"));
  const auto added = add();
  ASSERT_FALSE(added);
  EXPECT_THAT(render(added.error()), HasSubstr("lab.yaml:4:11"));
}

TEST_F(AddTest, AnotherHostKeyIsNeverWrittenOver) {
  const std::string other = *os::read_file(sshd_.folder() / "other.pub");
  ASSERT_TRUE(os::write_atomic(folder_.path() / "here-1.host.pub", other));
  const auto added = add();
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(pinned(), other);
}

TEST_F(AddTest, PeopleAreAskedForWhatOnlyTheyKnow) {
  const auto known = options_;
  options_.name = options_.address = options_.key_file = "";
  std::vector<std::string> asked;
  const Ask ask = [&](const std::string& question, const std::string& proposal) {
    asked.push_back(question);
    const auto about = [&](const char* word) { return question.find(word) != std::string::npos; };
    if (about("name in the lab")) return std::optional(known.name);
    if (about("address")) return std::optional(known.address);
    if (about("private key")) return std::optional(known.key_file);
    if (about("host key is")) return std::optional<std::string>("yes");
    if (about("serial line"))
      return std::optional<std::string>("{driver: tcp, address: con, port: 3001}");
    return std::optional(proposal);
  };
  const auto added = add(ask);
  ASSERT_TRUE(added) << render(added.error());
  EXPECT_TRUE(added->compared);
  EXPECT_THAT(text(), HasSubstr("console: {driver: tcp, address: con, port: 3001}"));
  EXPECT_THAT(text(), Not(HasSubstr("not compared")));
  EXPECT_THAT(asked.back(), HasSubstr("write it to"));
}

TEST_F(AddTest, AHostKeyThatIsNotFoundRightEndsIt) {
  const auto added = add([](const std::string& question, const std::string& proposal) {
    return std::optional(question.find("host key is") != std::string::npos ? "no" : proposal);
  });
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(text(), "(no file)");
}

}  // namespace
}  // namespace kiln::agent
