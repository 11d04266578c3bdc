/// Decoding with the real compiler and addr2line, on a small "kernel".
#include "lib/symbols/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lib/os/process.h"
#include "lib/symbols/object_file.h"

namespace kiln::symbols {
namespace {

using dmesg::Frame;
using dmesg::StackEntry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Runs scripts here; inside and outside are the same.
class HostBuild final : public Build {
 public:
  explicit HostBuild(os::Path root) : root_(std::move(root)) {}
  os::Path objects() const override { return root_ / "obj"; }
  std::string objects_inside() const override { return (root_ / "obj").string(); }
  std::string sources_inside() const override { return (root_ / "src").string(); }
  std::string out_inside() const override { return (root_ / "out").string(); }
  Status run(const std::string& script, const os::Path& out, std::stop_token) override {
    std::error_code error;
    std::filesystem::remove(root_ / "out", error);
    std::filesystem::create_directory_symlink(out, root_ / "out", error);
    os::Command shell;
    shell.argv = {"sh", "-c", script};
    shell.cwd = objects();
    const auto exit = os::run(shell);
    ++runs;
    if (!exit) return fail(exit.error());
    said = exit->err;
    return {};
  }
  int runs = 0;
  std::string said;

 private:
  os::Path root_;
};

constexpr const char* kHelper = R"(static inline int helper(int *p)
{
	return *p + 1;
}
)";
constexpr const char* kFirst = R"(#include "helper.h"
int other(int);
__attribute__((noinline)) static int same_name(int x)
{
	return other(x) + 2;
}
int first(int *p)
{
	int n = helper(p);

	n += other(n);
	return same_name(n);
}
)";
constexpr const char* kSecond = R"(int other(int);
__attribute__((noinline)) static int same_name(int x)
{
	return other(x) + 2 + (other(x + 1) << 3);
}
int second(int x)
{
	return same_name(x) + 5;
}
)";

class DecodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto root = os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-symbols-");
    ASSERT_TRUE(root) << render(root.error());
    root_ = *root;
    write("src/helper.h", kHelper);
    write("src/dir/first.c", kFirst);
    write("src/dir/second.c", kSecond);
    write("obj/modules.order", "dir/my-driver.ko\n");
    write("obj/dir/my-driver.mod", "dir/first.o\ndir/second.o\n");
    compile("dir/first");
    compile("dir/second");
  }
  void TearDown() override { (void)os::remove_tree(root_); }

  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(os::make_dirs((root_ / path).parent_path()));
    ASSERT_TRUE(os::write_atomic(root_ / path, text));
  }

  void shell(const std::string& script) {
    os::Command command;
    command.argv = {"sh", "-c", script};
    command.cwd = root_ / "obj";
    const auto exit = os::run(command);
    ASSERT_TRUE(exit && exit->ok()) << script << exit->err;
  }

  /// As the kernel's make does and records it.
  void compile(const std::string& stem, const std::string& flags = "") {
    const std::string name = stem.substr(stem.rfind('/') + 1);
    const std::string line = fmt::format(
        "gcc -Wp,-MMD,dir/.{}.o.d -I{}/src {} -O2 -DNAME='\"{}\"' -c -o {}.o {}/src/{}.c", name,
        root_.string(), flags, name, stem, root_.string(), stem);
    write(fmt::format("obj/dir/.{}.o.cmd", name),
          fmt::format("cmd_{}.o := {}\n\nsource_x := y\n", stem, line));
    shell("mkdir -p dir; " + line);
  }

  /// `name+offset/size` as the kernel prints it: the return address of its n-th call (from 1), or
  /// with 0 its first instruction.
  StackEntry entry(const std::string& unit, const std::string& name, const std::string& module,
                   int call) {
    StackEntry out{name, 0, 0, module, call == 0};
    auto file = os::read_file(root_ / "obj" / unit);
    auto functions = find_functions(*file, {name});
    EXPECT_EQ(functions->found.size(), 1U) << name;
    const std::string_view code = functions->found.front().code;
    out.size = (functions->found.front().size + 15) / 16 * 16;
    for (size_t at = 0; call > 0 && at + 5 <= code.size(); ++at) {
      // A call or tail jump that the linker would fill in.
      const auto byte = static_cast<unsigned char>(code[at]);
      if (byte != 0xe8 || code.substr(at + 1, 4) != std::string_view("\0\0\0\0", 4)) continue;
      if (--call == 0) out.offset = at + 5;
    }
    EXPECT_EQ(call, 0) << name;
    return out;
  }

  os::Path root_;
};

TEST_F(DecodeTest, AStackWithoutDebugInformation) {
  HostBuild build(root_);
  const std::vector<StackEntry> stack = {entry("dir/first.o", "first", "my_driver", 1),
                                         entry("dir/second.o", "second", "my_driver", 0)};
  const auto decoded = decode(stack, build, root_ / "tmp");
  ASSERT_TRUE(decoded) << render(decoded.error());
  EXPECT_THAT(decoded->frames, ElementsAre(Frame{"first", "my_driver", "dir/first.c", 11, false},
                                           Frame{"second", "my_driver", "dir/second.c", 7, false}))
      << build.said;
  EXPECT_EQ(decoded->with_line, 2);
  EXPECT_THAT(decoded->notes, IsEmpty());
  EXPECT_EQ(build.runs, 1);
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "tmp")) << "its files are removed";
}

TEST_F(DecodeTest, InlinedFunctionsStandBeforeTheirCaller) {
  HostBuild build(root_);
  StackEntry load = entry("dir/first.o", "first", "my_driver", 0);
  std::vector<Frame> frames;
  // The load of *p is one of the first instructions; which one is the compiler's choice.
  for (load.offset = 0; load.offset < 16; ++load.offset) {
    const auto decoded = decode({load}, build, root_ / "tmp");
    ASSERT_TRUE(decoded);
    if (decoded->frames.size() == 2) frames = decoded->frames;
  }
  EXPECT_THAT(frames, ElementsAre(Frame{"helper", "my_driver", "helper.h", 3, true},
                                  Frame{"first", "my_driver", "dir/first.c", 9, false}));
}

TEST_F(DecodeTest, NamesakesAreToldApartByTheirSize) {
  HostBuild build(root_);
  const StackEntry second = entry("dir/second.o", "same_name", "my_driver", 2);
  const auto decoded = decode({second}, build, root_ / "tmp");
  ASSERT_TRUE(decoded);
  EXPECT_THAT(decoded->frames,
              ElementsAre(Frame{"same_name", "my_driver", "dir/second.c", 4, false}));
}

TEST_F(DecodeTest, NamesakesOfOneSizeAreNotGuessed) {
  write("src/dir/second.c", std::string(kFirst).replace(0, 20,
                                                        "/**/static int helper(int *p) { "
                                                        "return *p; }\n"));
  compile("dir/second", "-Dfirst=second");
  HostBuild build(root_);
  const auto decoded =
      decode({entry("dir/second.o", "same_name", "my_driver", 1)}, build, root_ / "tmp");
  ASSERT_TRUE(decoded);
  EXPECT_THAT(decoded->frames, ElementsAre(Frame{"same_name", "my_driver", "", 0, false}));
  EXPECT_THAT(decoded->notes, ElementsAre("same_name is the name of several functions"));
}

TEST_F(DecodeTest, OtherCodeIsNotBelieved) {
  HostBuild build(root_);
  const std::vector<StackEntry> stack = {entry("dir/first.o", "first", "my_driver", 1)};
  write("src/dir/first.c", std::string(kFirst) + "int more;\n");
  EXPECT_EQ(decode(stack, build, root_ / "tmp")->with_line, 1) << "what changed is elsewhere";
  std::string changed(kFirst);
  changed.replace(changed.find("n += other(n)"), 13, "n -= other(n)");
  write("src/dir/first.c", changed);
  const auto decoded = decode(stack, build, root_ / "tmp");
  EXPECT_THAT(decoded->frames, ElementsAre(Frame{"first", "my_driver", "", 0, false}));
  EXPECT_THAT(decoded->notes, ElementsAre("first is other code when it is compiled again"));
  write("src/dir/first.c", "#error gone\n");
  EXPECT_THAT(decode(stack, build, root_ / "tmp")->notes,
              ElementsAre("dir/first.o cannot be compiled again"));
}

TEST_F(DecodeTest, BuiltInCodeIsFoundByTheArchive) {
  shell(
      "ar rcT --thin vmlinux.a dir/first.o dir/second.o 2>/dev/null || "
      "ar rc --thin vmlinux.a dir/first.o dir/second.o");
  HostBuild build(root_);
  const auto decoded = decode({entry("dir/first.o", "first", "", 1)}, build, root_ / "tmp");
  ASSERT_TRUE(decoded);
  EXPECT_THAT(decoded->frames, ElementsAre(Frame{"first", "", "dir/first.c", 11, false}));
}

TEST_F(DecodeTest, ABuildWithDebugInformationIsNotCompiledAgain) {
  compile("dir/first", "-g");
  const StackEntry first = entry("dir/first.o", "first", "my_driver", 1);
  write("src/dir/first.c", "#error not compiled again\n");
  HostBuild build(root_);
  EXPECT_THAT(decode({first}, build, root_ / "tmp")->frames,
              ElementsAre(Frame{"first", "my_driver", "dir/first.c", 11, false}));
}

TEST_F(DecodeTest, WhatIsNotThereIsSaid) {
  HostBuild build(root_);
  const auto decoded = decode({{"foo", 1, 16, "other_driver", true}, {"bar", 1, 16, "", true}},
                              build, root_ / "tmp");
  ASSERT_TRUE(decoded);
  EXPECT_THAT(decoded->frames, ElementsAre(Frame{"foo", "other_driver", "", 0, false},
                                           Frame{"bar", "", "", 0, false}));
  EXPECT_EQ(build.runs, 0);
  ASSERT_EQ(decoded->notes.size(), 2U);
  EXPECT_THAT(decoded->notes[0], HasSubstr("vmlinux: cannot read"));
  EXPECT_EQ(decoded->notes[1], "other_driver: the build has no module other_driver");
}

}  // namespace
}  // namespace kiln::symbols
