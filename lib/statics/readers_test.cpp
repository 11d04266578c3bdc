/// The tools' own output: what checkpatch of Linux 6.1, sparse 0.6.4, gcc 12.2 and binutils 2.40
/// printed.
#include <gmock/gmock.h>

#include "lib/statics/checkpatch.h"
#include "lib/statics/symbols.h"
#include "lib/statics/tool_output.h"

namespace kiln::statics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(Checkpatch, ReadsLevelPlaceAndType) {
  const auto said = read_checkpatch(
      ":10: WARNING:COMMIT_LOG_LONG_LINE: Possible unwrapped commit description (prefer a maximum "
      "75 chars per line)\n"
      "drivers/gpu/drm/i915/i915_gem.c:12: ERROR:SPACING: space required before the open "
      "parenthesis '('\n"
      "drivers/gpu/drm/i915/i915_gem.c:14: CHECK:CAMELCASE: Avoid CamelCase: <Foo>\n"
      "drivers/gpu/drm/i915/i915_gem.c:15: ERROR:NO_AUTHOR_SIGN_OFF: Missing Signed-off-by: line "
      "by "
      "nominal patch author 'A B <a@b.example>'\n"
      "total: 2 errors, 1 warnings, 6 lines checked\n");
  ASSERT_THAT(said, SizeIs(4));
  EXPECT_EQ(said[0].file, "");
  EXPECT_EQ(said[0].line, 0) << "a line of the mail is no place in the source";
  EXPECT_EQ(said[1], (Check{0, "checkpatch", "error", "drivers/gpu/drm/i915/i915_gem.c", 12,
                            "space required before the open parenthesis '(' [SPACING]"}));
  EXPECT_EQ(said[2].level, "check");
  EXPECT_EQ(said[3].file, "") << "the sign-off is the whole patch's";
}

TEST(Checkpatch, RubbishIsLeftOut) {
  EXPECT_THAT(read_checkpatch("Must be run from the top-level dir. of a kernel tree\n"), IsEmpty());
  EXPECT_THAT(read_checkpatch("a:99999999999999999999: ERROR:X: y\n::: ERROR\n\xff\xfe\n"),
              IsEmpty());
  std::string flood;
  for (int i = 0; i < 20'000; ++i) flood += "a.c:1: ERROR:X: y\n";
  EXPECT_THAT(read_checkpatch(flood), SizeIs(10'000));
}

TEST(Symbols, NamesAreTheSources) {
  EXPECT_EQ(source_name("shmem_pread.isra.0"), "shmem_pread");
  EXPECT_EQ(source_name("shmem_pread.part.0.constprop.12"), "shmem_pread");
  EXPECT_EQ(source_name("i915_gem_init.cold"), "i915_gem_init");
  EXPECT_EQ(source_name("count.12"), "count");
  EXPECT_EQ(source_name("a.b"), "a.b");
  EXPECT_EQ(source_name(".text.1"), ".text");
  EXPECT_EQ(source_name("."), ".");
  EXPECT_EQ(source_name(""), "");
}

TEST(Symbols, NmGivesSizesByObject) {
  const auto sizes = read_nm(
      "drivers/x.o:00000000 T __x86.get_pc_thunk.bx\n"
      "drivers/x.o:00000000 00000032 T bad\n"
      "drivers/x.o:00000040 00000010 t bad.cold\n"
      "drivers/x.o:00000000 00000004 b count.0\n"
      "drivers/x.o:00000000 00000008 r __UNIQUE_ID_license123\n"
      "drivers/y.o:0000000000000040 0000000000000045 T use\n"
      "drivers/y.o:                 U printk\n"
      "nm: drivers/z.o: no symbols\n");
  EXPECT_THAT(sizes, ElementsAre(Pair("drivers/x.o",
                                      UnorderedElementsAre(Pair("bad", 0x42), Pair("count", 4))),
                                 Pair("drivers/y.o", ElementsAre(Pair("use", 0x45)))));
}

TEST(Symbols, HugeSizesDoNotWrap) {
  const auto sizes = read_nm("a.o:0 ffffffffffffffff T f\na.o:0 ffffffffffffffff t f.cold\n");
  EXPECT_EQ(sizes.at("a.o").at("f"), UINT64_MAX);
}

TEST(Symbols, StackUsageTakesTheLargestFrameOfAFunction) {
  EXPECT_THAT(read_stack_usage("/kiln/src/drivers/t.c:4:5:bad\t1536\tdynamic,bounded\n"
                               "/kiln/src/drivers/t.c:15:5:use\t32\tdynamic\n"
                               "/kiln/src/drivers/t.c:15:5:use.part.0\t48\tstatic\n"
                               "garbage\n\t\t\t\n:1:2:x\t99999999999999999999\tstatic\n"),
              ElementsAre(Pair("bad", 1536), Pair("use", 48)));
}

constexpr const char* kMake = R"(make[1]: Entering directory '/kiln/obj'
  GEN     Makefile
  CC      kernel/bounds.s
  CALL    /kiln/src/scripts/checksyscalls.sh
  CC [M]  drivers/gpu/drm/i915/i915_gem.o
/kiln/src/drivers/gpu/drm/i915/i915_gem.c: In function 'bad':
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:7:13: warning: variable 'unused' set but not used [-Wunused-but-set-variable]
    7 |         int unused;
      |             ^~~~~~
  CHECK   /kiln/src/drivers/gpu/drm/i915/i915_gem.c
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:10:19: warning: incorrect type in argument 2 (different address spaces)
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:10:19:    expected void const [noderef] __user *from
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:10:19:    got char *p
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:13:5: warning: symbol 'global' was not declared. Should it be static?
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:20:9: error: undefined identifier 'gone'
/kiln/src/drivers/gpu/drm/i915/i915_gem.c:3: warning: Function parameter or member 'q' not described in 'bad'
  CC [M]  drivers/gpu/drm/i915/gt/shmem_utils.o
/kiln/src/drivers/gpu/drm/i915/gt/shmem_utils.c:12:2: error: 'y' undeclared (first use in this function)
make[5]: *** [/kiln/src/scripts/Makefile.build:250: drivers/gpu/drm/i915/gt/shmem_utils.o] Error 1
make: *** [Makefile:244: __sub-make] Error 2
)";

ToolOutput read(std::string_view text) {
  ToolOutput output("/kiln/src", "/kiln/obj");
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    output.line(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  output.end();
  return output;
}

std::vector<std::string> texts(const std::vector<kernel::Warning>& warnings) {
  std::vector<std::string> out;
  for (const kernel::Warning& warning : warnings) out.push_back(kernel::to_text(warning));
  return out;
}

TEST(ToolOutput, EachToolsWordsStandWithTheirObject) {
  const ToolOutput output = read(kMake);
  const std::string object = "drivers/gpu/drm/i915/i915_gem.o";
  const std::string file = "drivers/gpu/drm/i915/i915_gem.c";
  ASSERT_TRUE(output.compiler().contains(object));
  EXPECT_THAT(
      texts(output.compiler().at(object)),
      ElementsAre(file + ":7: variable 'unused' set but not used [-Wunused-but-set-variable]",
                  file + ":3: Function parameter or member 'q' not described in 'bad'"));
  ASSERT_TRUE(output.sparse().contains(object));
  EXPECT_THAT(
      texts(output.sparse().at(object)),
      ElementsAre(file + ":10: incorrect type in argument 2 (different address spaces): expected "
                         "void const [noderef] __user *from, got char *p",
                  file + ":13: symbol 'global' was not declared. Should it be static?",
                  file + ":20: undefined identifier 'gone'"));
  EXPECT_THAT(
      output.errors(),
      ElementsAre(Pair("drivers/gpu/drm/i915/gt/shmem_utils.o",
                       "drivers/gpu/drm/i915/gt/shmem_utils.c:12: 'y' undeclared (first use "
                       "in this function)")));
}

TEST(ToolOutput, ASourceThatIsCheckedBeforeItIsCompiledIsReadAlike) {
  // As kernels before 5.x print it.
  const ToolOutput output = read(
      "  CHECK   /kiln/src/init/main.c\n"
      "/kiln/src/init/main.c:1:1: warning: symbol 'a' was not declared. Should it be static?\n"
      "  CC      init/main.o\n"
      "/kiln/src/init/main.c:2:2: warning: unused variable 'b' [-Wunused-variable]\n");
  EXPECT_THAT(output.sparse().at("init/main.o"), SizeIs(1));
  EXPECT_THAT(output.compiler().at("init/main.o"), SizeIs(1));
}

TEST(ToolOutput, HostileLinesAreBounded) {
  std::string text = "  CHECK   /kiln/src/a.c\na.c:1:1: warning: x\n";
  for (int i = 0; i < 20'000; ++i) text += "a.c:1:1:    got " + std::string(100, 'y') + "\n";
  for (int i = 0; i < 20'000; ++i) text += "a.c:" + std::to_string(i) + ":1: warning: z\n";
  text += std::string(1 << 20, 'A') + "\n\xff\xfe\n  CHECK   \n  CC      \n";
  const ToolOutput output = read(text);
  ASSERT_TRUE(output.sparse().contains("a.o"));
  EXPECT_LE(output.sparse().at("a.o").size(), kernel::OutputParser::kMaxWarnings);
  EXPECT_LE(output.sparse().at("a.o")[0].text.size(), 4000U);
}

}  // namespace
}  // namespace kiln::statics
