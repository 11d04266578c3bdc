#include "lib/symbols/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/symbols/addr2line.h"
#include "lib/symbols/object_file.h"

namespace kiln::symbols {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::string twin(std::string_view text) {
  const auto command = twin_command(text, "mm/highmem.o", "/out/1.o");
  return command ? *command : render(command.error());
}

TEST(Twin, IsWrittenElsewhereWithLines) {
  EXPECT_EQ(
      twin("cmd_mm/highmem.o := ccache gcc -Wp,-MMD,mm/.highmem.o.d -O2 "
           "-DKBUILD_MODFILE='\"mm/highmem\"' -c -o mm/highmem.o /src/mm/highmem.c  \n\nsource"),
      "ccache gcc -O2 -DKBUILD_MODFILE='\"mm/highmem\"' -g -c -o /out/1.o /src/mm/highmem.c");
}

TEST(Twin, OfNewerKernelsAndObjtool) {
  EXPECT_EQ(twin("savedcmd_mm/highmem.o := gcc -c -o mm/highmem.o x.c ; ./tools/objtool/objtool "
                 "--orc mm/highmem.o\n"),
            "gcc -g -c -o /out/1.o x.c ; ./tools/objtool/objtool --orc /out/1.o");
}

TEST(Twin, AsMakeReadsIt) {
  EXPECT_EQ(twin(R"(cmd_mm/highmem.o := gcc -DA='a b' -DB=\#x$$y -c -o mm/highmem.o x.c)"),
            "gcc -DA='a b' -DB=#x$y -g -c -o /out/1.o x.c");
}

TEST(Twin, OnlyOfACompilation) {
  const std::string none = "error: it is not recorded how mm/highmem.o was compiled";
  EXPECT_EQ(twin(""), none);
  EXPECT_EQ(twin("cmd_mm/other.o := gcc -c -o mm/other.o x.c\n"), none);
  EXPECT_EQ(twin("cmd_mm/highmem.o := ld -r -o mm/highmem.o a.o b.o\n"), none);
  EXPECT_EQ(twin("cmd_mm/highmem.o := gcc -c x.c\n"), none);
}

TEST(Addr2line, FunctionsInlinedOnesAndGarbage) {
  const auto places = read_addr2line(
      "0x0000002c\nhelper\n/kiln/src/include/linux/h.h:12\nfirst\n"
      "/kiln/src/./drivers/x/../y.c:9 (discriminator 3)\n"
      "0x00000030\n??\n??:0\n0x00000040\nthird\n./include/generated/a.h:7\n0x50\nfoo\n/kiln/obj/"
      "a.c:?\n"
      "0x60\ncut off",
      "/kiln/src", "/kiln/obj");
  EXPECT_THAT(places, UnorderedElementsAre(
                          Pair(0x2c, ElementsAre(Place{"helper", "include/linux/h.h", 12},
                                                 Place{"first", "drivers/y.c", 9})),
                          Pair(0x40, ElementsAre(Place{"third", "include/generated/a.h", 7}))));
  EXPECT_THAT(read_addr2line("", "", ""), IsEmpty());
  EXPECT_THAT(read_addr2line("\xff\n\n\n0x\n0xzz\n", "/a", "/b"), IsEmpty());
}

TEST(Archive, OnlyThinOnes) {
  EXPECT_EQ(render(thin_archive_members("!<arch>\n").error()), "error: not a thin archive");
  EXPECT_THAT(*thin_archive_members("!<thin>\n"), IsEmpty());
  EXPECT_FALSE(thin_archive_members("!<thin>\nshort"));
  EXPECT_THAT(
      *thin_archive_members("!<thin>\n"
                            "//                                              28        `\n"
                            "mm/highmem.o/\nmm/memory.o/\n\n"
                            "/14            /0           0     0     644     26888     `\n"
                            "a.o/            0           0     0     644     868       `\n"
                            "/0              0           0     0     644     15216     `\n"),
      ElementsAre("mm/memory.o", "a.o", "mm/highmem.o"));
}

TEST(ObjectFile, RefusesOthers) {
  EXPECT_EQ(render(find_functions("", {}).error()), "error: not an object file");
  EXPECT_EQ(render(find_functions("#!/bin/sh\n# more than sixteen bytes", {}).error()),
            "error: not an object file");
  std::string elf(
      "\x7f"
      "ELF\x01\x01",
      6);
  elf.resize(200, '\xff');
  EXPECT_EQ(render(find_functions(elf, {}).error()), "error: a damaged object file");
}

}  // namespace
}  // namespace kiln::symbols
