#include "lib/kernel/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::kernel {
namespace {

using testing::ElementsAre;

OutputParser read(std::initializer_list<const char*> lines) {
  OutputParser parser("/kiln/src", "/kiln/obj");
  for (const char* line : lines) parser.line(line);
  return parser;
}

std::string error_of(std::initializer_list<const char*> lines) {
  const auto error = read(lines).first_error();
  return error ? to_text(*error) : "";
}

TEST(OutputParser, WarningsBelongToTheirUnit) {
  const OutputParser p = read({
      "  CC [M]  drivers/gpu/drm/i915/i915_gem.o",
      "/kiln/src/drivers/gpu/drm/i915/i915_gem.c: In function 'shmem_pread':",
      "/kiln/src/drivers/gpu/drm/i915/i915_gem.c:212:8: warning: unused variable 'x' "
      "[-Wunused-variable]",
      "  212 |  char *x;",
      "      |        ^",
      "  AS      arch/x86/entry/entry_32.o",
      "  LD      vmlinux.o",
      "vmlinux.o: warning: objtool: foo+0x12: unreachable instruction",
      "WARNING: modpost: vmlinux.o: section mismatch in reference: a (section: .text) -> b",
      ".config:1206:warning: override: MCORE2 changes choice state",
  });
  EXPECT_EQ(p.compilations(), 2);
  EXPECT_EQ(p.last_step(), "LD vmlinux.o");
  EXPECT_FALSE(p.first_error());
  EXPECT_THAT(p.warnings().at("drivers/gpu/drm/i915/i915_gem.o"),
              ElementsAre(Warning{"drivers/gpu/drm/i915/i915_gem.c", 212,
                                  "unused variable 'x' [-Wunused-variable]"}));
  EXPECT_THAT(p.warnings().at(""),
              ElementsAre(Warning{"vmlinux.o", 0, "objtool: foo+0x12: unreachable instruction"},
                          Warning{"", 0,
                                  "modpost: vmlinux.o: section mismatch in reference: a "
                                  "(section: .text) -> b"},
                          Warning{".config", 1206, "override: MCORE2 changes choice state"}));
}

TEST(OutputParser, CompilerErrorWinsOverMakes) {
  EXPECT_EQ(error_of({"  CC [M]  drivers/gpu/drm/i915/i915_gem.o",
                      "make[5]: *** [../scripts/Makefile.build:250: drivers/x.o] Error 1",
                      "../drivers/gpu/drm/i915/i915_gem.c:213:2: error: implicit declaration of "
                      "function 'kunmap_locall' [-Werror=implicit-function-declaration]",
                      "../drivers/gpu/drm/i915/i915_gem.c:220:2: error: second"}),
            "drivers/gpu/drm/i915/i915_gem.c:213: implicit declaration of function "
            "'kunmap_locall' [-Werror=implicit-function-declaration]");
}

TEST(OutputParser, ErrorsOfEveryTool) {
  EXPECT_EQ(error_of({"fs/x.c:1:10: fatal error: linux/nope.h: No such file or directory"}),
            "fs/x.c:1: linux/nope.h: No such file or directory");
  EXPECT_EQ(error_of({"/kiln/src/arch/x86/entry/a.S:7: Error: no such instruction: `mvo %eax'"}),
            "arch/x86/entry/a.S:7: no such instruction: `mvo %eax'");
  EXPECT_EQ(error_of({"ld: drivers/a.o: in function `f':",
                      "a.c:(.text+0x12): undefined reference to `g'"}),
            "a.c: undefined reference to `g'");
  EXPECT_EQ(error_of({"ERROR: modpost: \"kmap_lokal\" [drivers/gpu/drm/i915/i915.ko] undefined!"}),
            "drivers/gpu/drm/i915/i915.ko: modpost: \"kmap_lokal\" undefined");
  EXPECT_EQ(error_of({"make[2]: *** Deleting file 'scripts/mod/empty.o'",
                      "/kiln/src/scripts/check-local-export: 25: awk: Permission denied"}),
            "scripts/check-local-export:25: awk: Permission denied");
  EXPECT_EQ(error_of({"drivers/gpu/drm/Kconfig:12: syntax error"}),
            "drivers/gpu/drm/Kconfig:12: syntax error");
  EXPECT_EQ(error_of({"make[1]: *** No rule to make target 'drivers/q.o', needed by 'x'.  Stop."}),
            "make: No rule to make target 'drivers/q.o', needed by 'x'.  Stop.");
}

TEST(OutputParser, HostileLines) {
  OutputParser parser("/kiln/src", "/kiln/obj");
  parser.line(std::string(1 << 20, ':'));
  parser.line(std::string("a.c:1:1: warning: \xff\xfe\0", 21));
  for (int i = 0; i < 20'000; ++i) parser.line("a.c:" + std::to_string(i) + ":1: warning: w");
  size_t count = 0;
  for (const auto& [unit, list] : parser.warnings()) count += list.size();
  EXPECT_EQ(count, OutputParser::kMaxWarnings);
}

TEST(NewWarnings, MovedLinesAreNotNewButASecondOneIs) {
  BuildRecord baseline, patched;
  baseline.warnings = {{"a.c", 10, "unused"}};
  patched.warnings = {{"a.c", 14, "unused"}, {"a.c", 20, "unused"}, {"b.c", 1, "unused"}};
  EXPECT_THAT(new_warnings(baseline.warnings, patched.warnings),
              ElementsAre(Warning{"a.c", 20, "unused"}, Warning{"b.c", 1, "unused"}));
}

TEST(BuildKey, EveryFieldCountsAndFieldsDoNotRunTogether) {
  const BuildInput base{"t", "i386", "c", "gcc", "b"};
  const std::string key = build_key(base);
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(key, build_key(base));
  for (int field = 0; field < 5; ++field) {
    BuildInput other = base;
    std::string* fields[] = {&other.tree_id, &other.arch, &other.config_text, &other.toolchain,
                             &other.bench_digest};
    *fields[field] += "x";
    EXPECT_NE(build_key(other), key) << field;
  }
  EXPECT_NE(build_key({"ab", "", "", "", ""}), build_key({"a", "b", "", "", ""}));
}

}  // namespace
}  // namespace kiln::kernel
