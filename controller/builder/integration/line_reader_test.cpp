/// Decoding on a real kernel, which was built without debug information: KILN_TRIAL_BUILD names its
/// object folder in a data folder of `tests/run e2e`. Changes nothing there.
#include "controller/builder/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/dmesg/report.h"
#include "lib/symbols/units.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using dmesg::Frame;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class LineReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const build = std::getenv("KILN_TRIAL_BUILD");
    ASSERT_NE(build, nullptr) << "tests/run machine names the kernel in KILN_TRIAL_BUILD";
    objects_ = build;
    find_sources();
    auto sandbox = Sandbox::probe();
    ASSERT_TRUE(sandbox) << render(sandbox.error());
    auto temp = os::make_temp_dir(fs::temp_directory_path(), "kiln-lines-");
    ASSERT_TRUE(temp);
    temp_ = *temp;
    make_.emplace(std::move(*sandbox), temp_ / "ccache", 1ULL << 30, 2);
    ASSERT_TRUE(make_->prepare());
  }
  void TearDown() override {
    if (!temp_.empty()) (void)os::remove_tree(temp_);
  }

  /// As TreeStore::view() left them: a tree, or files over another.
  void find_sources() {
    const auto meta = os::read_file(objects_.parent_path() / "meta.json");
    ASSERT_TRUE(meta) << render(meta.error());
    const auto json = nlohmann::json::parse(*meta, nullptr, false);
    const std::string tree = json.at("tree").get<std::string>();
    const os::Path trees = objects_.parent_path().parent_path().parent_path() / "trees";
    if (fs::exists(trees / tree)) {
      sources_.root = trees / tree;
      return;
    }
    for (const auto& entry : fs::directory_iterator(trees)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(tree + ".over-")) continue;
      const auto files = os::list_files(entry.path());
      ASSERT_TRUE(files) << render(files.error());
      for (const os::Path& file : *files)
        sources_.overlays.emplace_back(file.string(), entry.path() / file);
      for (const auto& base : fs::directory_iterator(trees))
        if (base.path().filename().string().starts_with(name.substr(tree.size() + 6)))
          sources_.root = base.path();
    }
    ASSERT_FALSE(sources_.root.empty()) << "the sources of " << objects_ << " are gone";
  }

  std::vector<dmesg::StackEntry> stack_of(const std::string& log, const std::string& signature) {
    const auto text = os::read_file(os::Path(KILN_SOURCE_DIR) / "lib/dmesg/testdata" / log);
    EXPECT_TRUE(text);
    for (const dmesg::Report& report : dmesg::cut_reports(*text))
      if (report.signature == signature) return dmesg::own_stack(report.kind, report.text);
    ADD_FAILURE() << "no report " << signature;
    return {};
  }

  symbols::Decoded decode(const std::vector<dmesg::StackEntry>& stack) {
    LineReader reader(*make_, sources_, objects_, Millis(280'000));
    auto decoded = symbols::decode(stack, reader, temp_ / "tmp");
    EXPECT_TRUE(decoded) << render(decoded.error());
    return decoded ? std::move(*decoded) : symbols::Decoded{};
  }

  os::Path objects_;
  os::Path temp_;
  SourceView sources_;
  std::optional<KernelMake> make_;
};

/// A stall in i915's selftests, as a session's console had it.
TEST_F(LineReaderTest, ARealReportOfAModule) {
  const auto decoded = decode(stack_of(
      "real-rcu-stall.log", "rcu-stall: __run_selftests < i915_mock_selftests < i915_init"));
  std::vector<std::string> places;
  for (const Frame& frame : decoded.frames)
    if (!frame.inlined) places.push_back(frame.function + " " + frame.file);
  EXPECT_THAT(places,
              testing::ElementsAre(
                  "radix_tree_lookup lib/radix-tree.c",
                  "i915_gem_object_get_dma_address drivers/gpu/drm/i915/gem/i915_gem_pages.c",
                  "igt_vma_partial drivers/gpu/drm/i915/selftests/i915_vma.c",
                  "__i915_subtests drivers/gpu/drm/i915/selftests/i915_selftest.c",
                  "i915_vma_mock_selftests drivers/gpu/drm/i915/selftests/i915_vma.c",
                  "__run_selftests drivers/gpu/drm/i915/selftests/i915_selftest.c",
                  "i915_mock_selftests drivers/gpu/drm/i915/selftests/i915_selftest.c",
                  "i915_init drivers/gpu/drm/i915/i915_module.c"));
  EXPECT_EQ(decoded.with_line, 8);
  EXPECT_THAT(decoded.notes, IsEmpty());
  for (const Frame& frame : decoded.frames) {
    if (frame.file.empty() || frame.file.starts_with("include/generated")) continue;
    const auto text = os::read_file(sources_.root / frame.file);
    ASSERT_TRUE(text) << frame.file;
    EXPECT_LE(frame.line, std::count(text->begin(), text->end(), '\n')) << frame.file;
  }
}

/// A task that waits for a disk: built-in code, with what was inlined into it.
TEST_F(LineReaderTest, ARealReportOfBuiltInCode) {
  const auto decoded = decode(stack_of("real-hung-task.log",
                                       "hung-task: __ext4_find_entry < ext4_lookup < "
                                       "__lookup_slow"));
  EXPECT_EQ(decoded.with_line, 8) << testing::PrintToString(decoded.notes);
  const auto is = [](const std::string& function, const std::string& file, bool inlined) {
    return testing::AllOf(
        testing::Field(&Frame::function, function), testing::Field(&Frame::file, file),
        testing::Field(&Frame::inlined, inlined), testing::Field(&Frame::line, testing::Gt(0)));
  };
  EXPECT_THAT(decoded.frames, Contains(is("__ext4_find_entry", "fs/ext4/namei.c", false)));
  EXPECT_THAT(decoded.frames, Contains(is("walk_component", "fs/namei.c", false)));
  EXPECT_THAT(decoded.frames, Contains(testing::Field(&Frame::inlined, true)));
}

/// The sources changed since: the code differs, and no line is told for it.
TEST_F(LineReaderTest, OtherSourcesAreNoticed) {
  const auto stack = stack_of("real-rcu-stall.log",
                              "rcu-stall: __run_selftests < i915_mock_selftests < i915_init");
  const std::string path = "drivers/gpu/drm/i915/i915_module.c";
  auto text = os::read_file(sources_.root / path);
  ASSERT_TRUE(text);
  const size_t at = text->find("static int __init i915_init(void)\n{\n\tint err, i;\n");
  ASSERT_NE(at, std::string::npos);
  text->insert(text->find("\n\n", at) + 1, "\tasm volatile(\"nop\");\n");
  ASSERT_TRUE(os::write_atomic(temp_ / "changed.c", *text));
  std::erase_if(sources_.overlays, [&](const auto& overlay) { return overlay.first == path; });
  sources_.overlays.emplace_back(path, temp_ / "changed.c");
  const auto decoded = decode(stack);
  EXPECT_THAT(decoded.notes, Contains("i915_init is other code when it is compiled again"));
  EXPECT_EQ(decoded.with_line, 7);
}

}  // namespace
}  // namespace kiln::builder
