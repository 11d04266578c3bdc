#include "agent/test/identity.h"

#include <gmock/gmock.h>

#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string note(uint32_t type, std::string name, std::string desc) {
  std::string out;
  for (const uint32_t word :
       {static_cast<uint32_t>(name.size()), static_cast<uint32_t>(desc.size()), type})
    out.append(reinterpret_cast<const char*>(&word), sizeof word);
  name.resize((name.size() + 3) / 4 * 4);
  desc.resize((desc.size() + 3) / 4 * 4);
  return out + name + desc;
}

const std::string kId("\x01\xab\xff\x00\x7f", 5);
const std::string kGnu("GNU\0", 4);

TEST(BuildId, IsFoundBehindOtherNotes) {
  const std::string notes = note(1, std::string("Xen\0", 4), "linux") +
                            note(0x100, kGnu, "abcdef") + note(3, kGnu, kId) +
                            note(3, kGnu, "other");
  EXPECT_EQ(build_id_of_notes(notes), "01abff007f");
}

TEST(BuildId, DamagedNotesGiveNothing) {
  const std::string notes = note(3, kGnu, kId);
  EXPECT_EQ(build_id_of_notes(notes.substr(0, 14)), "");
  EXPECT_EQ(build_id_of_notes(notes.substr(0, 18)), "");
  EXPECT_EQ(build_id_of_notes(std::string(64, '\xff')), "");
  EXPECT_EQ(build_id_of_notes(""), "");
}

/// The script runs on this computer's shell too: what it prints can be read back.
TEST(Probe, ScriptAndReaderAgree) {
  os::Command command;
  command.argv = {"sh", "-c", probe_script({"no_such_module"})};
  const auto exit = os::run(command);
  ASSERT_TRUE(exit);
  const auto id = read_probe(exit->out, SystemClock().now());
  ASSERT_TRUE(id) << render(id.error()) << exit->out;
  EXPECT_EQ(id->release, std::string(os::run_ok([] {
                                       os::Command c;
                                       c.argv = {"uname", "-r"};
                                       return c;
                                     }())
                                         .value())
                             .substr(0, id->release.size()));
  EXPECT_EQ(id->boot_id.size(), 36U);
  EXPECT_GT(id->mem_total_kib, 1000);
  EXPECT_GT(id->disk_free_kib, 0);
  EXPECT_LT(std::abs(id->clock_offset_seconds), 5);
  EXPECT_THAT(id->module_build_ids, IsEmpty());
}

TEST(Probe, AnAnswerThatIsCutOffIsAnError) {
  const auto id = read_probe("release=6.1\nboot_", SystemClock().now());
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().message,
            "the machine's answer about itself is cut off: \"release=6.1\nboot_\"");
}

class Differences : public testing::Test {
 protected:
  Differences() {
    expected_.release = "6.1.192";
    expected_.kernel_build_id = "aa";
    expected_.config_digest = "cc";
    expected_.module_build_ids = {{"i915", "11"}};
    expected_.wants_highmem = true;
    seen_.release = "6.1.192";
    seen_.kernel_build_id = "aa";
    seen_.config_digest = "cc";
    seen_.high_total_kib = 1000;
    seen_.boot_id = "b1";
    seen_.cmdline = "root=/dev/vda kiln.session=7-xyz";
  }
  std::vector<std::string> compare() { return differences(expected_, seen_, "7-xyz", {"b0"}); }
  ExpectedIdentity expected_;
  Identity seen_;
};

TEST_F(Differences, TheKernelThatWasBuiltIsProved) {
  EXPECT_THAT(compare(), IsEmpty());
  seen_.module_build_ids = {{"i915", "11"}, {"vgem", "whatever"}};
  EXPECT_THAT(compare(), IsEmpty());
}

TEST_F(Differences, EachWrongFactIsNamed) {
  seen_.release = "6.1.0-debian";
  seen_.kernel_build_id = "";
  seen_.config_digest = "dd";
  seen_.module_build_ids = {{"i915", "22"}};
  seen_.high_total_kib = 0;
  seen_.boot_id = "b0";
  seen_.cmdline = "kiln.session=7-xyzz";
  EXPECT_THAT(compare(), UnorderedElementsAre(
                             "the kernel's release is 6.1.0-debian, built was 6.1.192",
                             "the kernel's build id is none, built was aa",
                             "the sha256 of the kernel's config is dd, built was cc",
                             "the loaded module i915 has build id 22, built was 11",
                             "the machine has no high memory (HighTotal is 0), the config wants it",
                             "the command line does not hold kiln.session=7-xyz",
                             "boot id b0 was seen before"));
}

TEST_F(Differences, HighMemoryMustBeAbsentWhereTheConfigHasNone) {
  expected_.wants_highmem = false;
  EXPECT_THAT(compare(), ElementsAre("the machine has high memory (HighTotal is 1000 KiB), the "
                                     "config wants none"));
}

}  // namespace
}  // namespace kiln::agent
