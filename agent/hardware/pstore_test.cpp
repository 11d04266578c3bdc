#include "agent/hardware/pstore.h"

#include <gmock/gmock.h>

#include "agent/power/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"
#include "lib/dmesg/report.h"

namespace kiln::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPanic =
    "Panic#1 Part1\n<4>[   31.2] EIP: shmem_pread+0x12/0x40\n"
    "<0>[   31.3] Kernel panic - not syncing: Fatal exception\n";
constexpr const char* kBefore =
    "Panic#1 Part2\n<6>[   30.1] [IGT] gem_x: starting subtest b\n"
    "<1>[   31.2] BUG: kernel NULL pointer dereference, address: 00000000\n";

TEST(PstoreTest, AnAnswerIsReadWholeOrNotAtAll) {
  const std::string whole =
      "kiln-record 3 /p/dmesg-ramoops-0\na\nb\nkiln-record 0 /p/x y\n\nkiln-end\n";
  const auto records = read_records(whole);
  ASSERT_TRUE(records) << render(records.error());
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ(records->at(0).path, "/p/dmesg-ramoops-0");
  EXPECT_EQ(records->at(0).bytes, "a\nb");
  EXPECT_EQ(records->at(1).path, "/p/x y");
  for (size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(read_records(whole.substr(0, cut)));
  for (const char* bad : {"kiln-record 99 /p\na\nkiln-end\n", "kiln-record x /p\n\nkiln-end\n",
                          "kiln-record 18446744073709551615 /p\na\nkiln-end\n", "other\nkiln-end\n",
                          "kiln-record 1 /p\nab\nkiln-end\n"})
    EXPECT_FALSE(read_records(bad)) << bad;
  EXPECT_THAT(*read_records("kiln-end\n"), IsEmpty());
}

TEST(PstoreTest, TheTextIsInTheOrderOfTheWordsAndTheReportsAreFoundInIt) {
  const std::string text = pstore_text({{"/p/console-ramoops-0", "[    0.0] Linux\n"},
                                        {"/p/dmesg-efi-1", kPanic},
                                        {"/p/dmesg-efi-2", kBefore},
                                        {"/p/dmesg-efi-3.enc.z", "\x78\x9c"}});
  EXPECT_THAT(text, HasSubstr("[   30.1] [IGT] gem_x: starting subtest b\n"
                              "[   31.2] BUG: kernel NULL pointer dereference, address: 00000000\n"
                              "== dmesg-efi-1\n"));
  EXPECT_TRUE(text.ends_with("== console-ramoops-0\n[    0.0] Linux\n")) << text;
  EXPECT_THAT(text, HasSubstr("2 B that its kernel could not unpack"));
  EXPECT_THAT(dmesg::cut_reports(text),
              ::testing::Contains(Field(&dmesg::Report::test, "igt@gem_x@b")));
}

/// This computer's own files play what the kernel would show.
class CrashKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = LocalSshd::missing(); !why.empty()) GTEST_SKIP() << why;
    auto shell = connect_until(sshd_.endpoint(), Millis(60'000), {}, {});
    ASSERT_TRUE(shell) << render(shell.error());
    shell_ = std::move(*shell);
    ASSERT_TRUE(os::make_dirs(source_));
  }
  void leave(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::write_atomic(source_ / name, text));
  }
  void look(bool ours, bool orderly) { keeper_.look("nuc-1", *shell_, ours, orderly, {}); }
  std::vector<os::Path> left() const { return *os::list_files(source_); }
  std::vector<os::Path> filed() const {
    return os::list_files(kept_ / "earlier").value_or(std::vector<os::Path>());
  }

  LocalSshd sshd_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "pstore-");
  os::Path source_ = folder_.path() / "pstore of it";
  os::Path kept_ = folder_.path() / "kept";
  std::unique_ptr<Shell> shell_;
  CrashKeeper keeper_{kept_, {source_.string(), (folder_.path() / "none").string()}};
};

TEST_F(CrashKeeperTest, ACrashIsKeptAndThenGoneFromTheMachine) {
  leave("dmesg-ramoops-0", kPanic);
  leave("console-ramoops-0", "words\n");
  look(true, false);
  const auto kept = keeper_.kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_THAT(*os::read_file(kept[0]),
              HasSubstr("[   31.3] Kernel panic - not syncing: Fatal exception\n"
                        "== console-ramoops-0\nwords\n"));
  EXPECT_THAT(left(), IsEmpty());
  leave("dmesg-ramoops-0", kPanic);
  look(true, false);
  EXPECT_EQ(keeper_.kept().size(), 2U) << "each crash is one file";
  // Of a session that did not fetch them.
  keeper_.begin_session();
  EXPECT_THAT(keeper_.kept(), IsEmpty());
  EXPECT_EQ(filed().size(), 2U);
}

TEST_F(CrashKeeperTest, AConsoleThatWentInPeaceStays) {
  leave("console-ramoops-0", "words\n");
  look(true, true);
  EXPECT_THAT(keeper_.kept(), IsEmpty());
  EXPECT_EQ(left().size(), 1U);
  look(true, false);
  EXPECT_EQ(keeper_.kept().size(), 1U) << "it did not go in peace: its last words count";
}

TEST_F(CrashKeeperTest, AnEarlierCrashIsNobodysAndTheOldestGo) {
  for (int i = 0; i < 12; ++i) {
    leave("dmesg-ramoops-0", "Panic#1 Part1\n" + std::to_string(i) + "\n");
    look(false, true);
  }
  EXPECT_THAT(keeper_.kept(), IsEmpty());
  EXPECT_THAT(left(), IsEmpty());
  ASSERT_EQ(filed().size(), 10U);
  EXPECT_THAT(*os::read_file(kept_ / "earlier" / filed().back()), HasSubstr("\n11\n"));
}

/// What lies nowhere safe stays where it is.
TEST_F(CrashKeeperTest, WhatCannotBeStoredIsNotRemoved) {
  ASSERT_TRUE(os::write_atomic(kept_, "a file where the folder is to be"));
  leave("dmesg-ramoops-0", kPanic);
  look(true, false);
  EXPECT_EQ(left().size(), 1U);
}

}  // namespace
}  // namespace kiln::agent
