#include "lib/machine/entry.h"

#include <gmock/gmock.h>

#include "lib/machine/gpu.h"
#include "lib/machine/read.h"
#include "lib/os/files.h"

namespace kiln::machine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPrinted =
    "uid=0\nkernel=Linux 6.1.0-37-amd64\nsystem=Debian GNU/Linux 12 (bookworm)\n"
    "product=Intel(R) Client Systems NUC11PAHi5\nfirmware=PATGL357.0042\n"
    "cpu=11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz\nram=16130348\n"
    "gpu=0x8086 0x9a49 0000:00:02.0 i915\n"
    "cmdline=BOOT_IMAGE=/vmlinuz root=UUID=6b69 ro quiet console=tty0 console=ttyS0,115200\n"
    "consoles=tty0 ttyS0\nroot_device=/dev/nvme0n1p2\nroot_partuuid=3f1c-02\n"
    "grub=yes\nesp=\nkexec=yes\nbmc_tool=\nend=survey\n";

class EntryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"key", "tgl-1.host.pub"})
      ASSERT_TRUE(os::write_atomic(folder_.path() / name, "x\n", 0600));
  }
  Entry entry() const {
    Entry out = propose_entry("tgl-1", *read_survey(kPrinted));
    out.shell = {"10.0.0.7", 22, "root", "key", "tgl-1.host.pub"};
    return out;
  }
  Result<std::string> insert(const std::string& text) const {
    return with_entry(file_, text, "tgl-1", entry_text(entry()));
  }
  std::string inserted(const std::string& text) const {
    const auto out = insert(text);
    return out ? *out : render(out.error());
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "entry-");
  std::string file_ = (folder_.path() / "lab.yaml").string();
};

TEST_F(EntryTest, SaysWhatWasFound) {
  EXPECT_EQ(entry_text(entry()),
            "# Intel(R) Client Systems NUC11PAHi5, 11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz,"
            " 16GiB\n"
            "# Debian GNU/Linux 12 (bookworm), Linux 6.1.0-37-amd64, firmware PATGL357.0042\n"
            "# GPU 8086:9a49 at 0000:00:02.0: tgl, gen12, driver i915\n"
            "- name: tgl-1\n"
            "  tags: [intel, gen12, tgl, i915]\n"
            "  facts: {gpu: \"8086:9a49\", ram: \"16GiB\"}\n"
            "  # power: what can switch it; without it a hang waits for a person\n"
            "  # console: its serial line; without it a kernel that dies early dies unheard\n"
            "  boot: {driver: grub, cmdline: \"root=PARTUUID=3f1c-02 ro console=tty0"
            " console=ttyS0,115200 panic=30\"}\n"
            "  shell: {address: \"10.0.0.7\", key_file: key, host_key_file: tgl-1.host.pub}\n");
}

TEST_F(EntryTest, ANewFileIsOneThatTheReaderTakes) {
  const std::string text = inserted("");
  const auto document = conf::parse(file_, folder_.path().string(), text);
  ASSERT_TRUE(document) << text;
  const auto lab = read_lab_file(*document);
  ASSERT_TRUE(lab) << render(lab.error());
  EXPECT_THAT(lab->machines.at(0).tags, ElementsAre("intel", "gen12", "tgl", "i915"));
  EXPECT_EQ(lab->machines.at(0).facts.at("ram"), "16GiB");
}

TEST_F(EntryTest, StandsBehindTheOthersAndBeforeWhatFollows) {
  const std::string before = "lab: 1\nmachines:\n- name: a\n  tags:\n  - x\n";
  const std::string after = "\n# Strips of ours.\noutlet_tables: []";
  EXPECT_EQ(inserted(before + after), before + "\n" + entry_text(entry()) + after + "\n");
  EXPECT_THAT(inserted("lab: 1\nmachines: []\n"), HasSubstr("machines:\n\n  # Intel(R)"));
}

TEST_F(EntryTest, WhatCannotBeAddedToIsSaidWithItsPlace) {
  EXPECT_THAT(inserted("lab: 1\nmachines: [{name: a}]\n"), HasSubstr("lab.yaml:2:1"));
  EXPECT_THAT(inserted("lab: 1\nmachines:\n  - name: a\n  - nam: b\n"), HasSubstr("lab.yaml:4:5"));
  EXPECT_THAT(inserted("lab: 1\nmachines:\n  - name: tgl-1\n"),
              HasSubstr("has a machine tgl-1 already"));
}

TEST(SurveyTest, AnAnswerThatIsCutIsNoSurvey) {
  const std::string whole = kPrinted;
  EXPECT_TRUE(read_survey(whole));
  EXPECT_FALSE(read_survey(whole.substr(0, whole.size() - 5)));
  EXPECT_FALSE(read_survey(""));
}

TEST(SurveyTest, AHostileAnswerStaysOneLineOfText) {
  const auto survey = read_survey("uid=0\nkernel=a\x1b[2J\xe2\x80\xa8- name: x\nend=survey\n");
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->kernel,
            "a?[2J??"
            "?- name: x");
  EXPECT_EQ(yaml_word("a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(yaml_word("off"), "\"off\"");
}

TEST(SurveyTest, SaysWhatStandsInTheWay) {
  EXPECT_THAT(survey_notes(*read_survey(kPrinted)),
              ElementsAre(HasSubstr("stays dead after a panic")));
  Survey bare;
  bare.uid = "1000";
  bare.root_device = "/dev/mapper/vg-root";
  bare.bmc = true;
  EXPECT_THAT(survey_notes(bare),
              ElementsAre(HasSubstr("not root"), HasSubstr("/dev/mapper/vg-root"),
                          HasSubstr("no serial line"), HasSubstr("stays dead"),
                          HasSubstr("nothing that starts a kernel once"), HasSubstr("ipmitool")));
}

TEST(GpuTest, KnowsTheGenerations) {
  const std::tuple<const char*, int, const char*> known[] = {
      {"8086:9a49", 12, "tgl"}, {"8086:5a84", 9, "bxt"},   {"8086:0a84", 9, "bxt"},
      {"8086:0a16", 7, "hsw"},  {"8086:a780", 12, "rpls"}, {"8086:a7a0", 12, "rplp"},
      {"8086:2a42", 4, "gm45"}, {"8086:56a0", 12, "dg2"},  {"8086:e20b", 20, "bmg"}};
  for (const auto& [id, generation, platform] : known) {
    const auto kind = gpu_kind(id);
    ASSERT_TRUE(kind) << id;
    EXPECT_EQ(kind->generation, generation) << id;
    EXPECT_EQ(kind->platform, platform) << id;
  }
  for (const char* id : {"10de:9a49", "8086:ffff", "8086:9a4", "8086:9a49x", ""})
    EXPECT_FALSE(gpu_kind(id)) << id;
}

}  // namespace
}  // namespace kiln::machine
