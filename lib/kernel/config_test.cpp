#include "lib/kernel/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "lib/kernel/kconfig.h"
#include "lib/kernel/load_config.h"

namespace kiln::kernel {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::vector<Asked> asked(const std::string& text, const std::string& file = "f.config") {
  auto parsed = parse_fragment(text, file);
  EXPECT_TRUE(parsed);
  return *parsed;
}

class KconfigTest : public testing::Test {
 protected:
  void SetUp() override {
    tree_ = *os::make_temp_dir(std::filesystem::temp_directory_path(), "kconfig");
    std::filesystem::create_directories(tree_ / "arch/x86");
    std::filesystem::create_directories(tree_ / "drivers");
    put("Kconfig",
        "mainmenu \"x\"\nsource \"arch/$(SRCARCH)/Kconfig\"\nsource \"drivers/Kconfig\"\n");
    put("arch/x86/Kconfig",
        "config X86_32\n\tdef_bool y\n\n"
        "choice\n\tprompt \"High Memory\"\n\tdefault NOHIGHMEM\n\n"
        "config NOHIGHMEM\n\tbool \"off\"\n\thelp\n\t  config FAKE\n\t  more text\n\n"
        "config HIGHMEM64G\n\tbool \"64GB\"\n\tdepends on X86_32\nendchoice\n\n"
        "config HIGHMEM\n\tdef_bool y\n\tdepends on X86_32 && \\\n\t\t(HIGHMEM64G || HIGHMEM4G)\n");
    put("drivers/Kconfig",
        "menu \"Drivers\"\n\tdepends on PCI\nconfig DRM_I915\n\ttristate \"Intel\"\n\tdepends on "
        "DRM "
        "&& X86_32\n\tselect SHMEM\nendmenu\nconfig PCI\n\tbool \"pci\"\nconfig DRM\n\tbool "
        "\"drm\"\n"
        "config SHMEM\n\tbool\nif HIGHMEM\nconfig KMAP_LOCAL\n\tbool\n\tdefault y\nendif\n");
    auto loaded = KconfigIndex::load(tree_, "i386");
    ASSERT_TRUE(loaded);
    index_ = std::make_unique<KconfigIndex>(std::move(*loaded));
  }
  void TearDown() override { (void)os::remove_tree(tree_); }
  void put(const char* name, const char* text) { std::ofstream(tree_ / name) << text; }

  std::string problem(const std::string& fragment, const std::string& resolved) {
    const auto problems = check_kept(asked(fragment), parse_config(resolved), index_.get());
    return problems.empty() ? "" : to_text(problems.front());
  }

  os::Path tree_;
  std::unique_ptr<KconfigIndex> index_;
};

TEST(Fragment, ReadsSettingsAndRefusesTheRest) {
  const auto list = asked("# comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_S=\"a b\"\n");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1].symbol, "B");
  EXPECT_EQ(list[1].value, "n");
  EXPECT_EQ(list[2].line, 4);
  const auto bad = parse_fragment("CONFIG_A=y\nCONFIG_B y\n", "x/f.config");
  ASSERT_FALSE(bad);
  EXPECT_EQ(render(bad.error()),
            "error: not a configuration line\n --> x/f.config:2:1\n2 | CONFIG_B y\n"
            "  | ^^^^^^^^^^ write CONFIG_X=y or `# CONFIG_X is not set`");
}

TEST(Merge, LaterFragmentsWinAndBaseLinesGo) {
  EXPECT_EQ(merge("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=y\n",
                  asked("CONFIG_B=m\n# CONFIG_A is not set\nCONFIG_B=y\n")),
            "CONFIG_AB=y\nCONFIG_B=y\n# CONFIG_A is not set\n");
}

TEST_F(KconfigTest, KeptIsSilent) {
  EXPECT_EQ(problem("CONFIG_PCI=y\n# CONFIG_DRM is not set\n", "CONFIG_PCI=y\n"), "");
}

TEST_F(KconfigTest, UnknownSymbolGetsTheNearestName) {
  EXPECT_EQ(problem("CONFIG_DRM_I951=m\n", ""),
            "CONFIG_DRM_I951=m was asked, the resolved configuration has it not set: this kernel "
            "has no such symbol; did you mean `DRM_I915`?");
  EXPECT_THAT(problem("# CONFIG_DRM_I951 is not set\n", ""), HasSubstr("did you mean `DRM_I915`?"));
}

TEST_F(KconfigTest, UnmetDependencyIsNamed) {
  EXPECT_EQ(problem("CONFIG_DRM_I915=m\n", "CONFIG_X86_32=y\nCONFIG_PCI=y\n"),
            "CONFIG_DRM_I915=m was asked, the resolved configuration has it not set: depends on "
            "DRM (DRM is n)");
  EXPECT_THAT(problem("CONFIG_DRM_I915=m\n", "CONFIG_X86_32=y\nCONFIG_DRM=y\n"),
              HasSubstr("depends on PCI (PCI is n)"));
}

TEST_F(KconfigTest, ChoiceSelectAndUnaskableSymbols) {
  EXPECT_THAT(problem("CONFIG_HIGHMEM64G=y\n", "CONFIG_X86_32=y\nCONFIG_NOHIGHMEM=y\n"),
              HasSubstr("it is one of a choice, and NOHIGHMEM is chosen"));
  EXPECT_THAT(problem("# CONFIG_SHMEM is not set\n", "CONFIG_DRM_I915=m\nCONFIG_SHMEM=y\n"),
              HasSubstr("selected by DRM_I915"));
  EXPECT_THAT(problem("CONFIG_SHMEM=y\n", ""), HasSubstr("it cannot be set by hand"));
}

TEST_F(KconfigTest, ErrorPointsAtTheFragment) {
  const Status status =
      to_status(check_kept(asked("CONFIG_PCI=y\nCONFIG_DRM_I915=m\n", "kernel-configs/gpu.config"),
                           parse_config("CONFIG_PCI=y\nCONFIG_X86_32=y\n"), index_.get()),
                "i386-highmem");
  ASSERT_FALSE(status);
  EXPECT_EQ(render(status.error()),
            "error: CONFIG_DRM_I915=m was asked, the resolved configuration has it not set: "
            "depends on DRM (DRM is n)\n"
            " --> kernel-configs/gpu.config:2:1\n"
            "2 | CONFIG_DRM_I915=m\n"
            "  | ^^^^^^^^^^^^^^^^^\n"
            "  while resolving the configuration `i386-highmem`");
}

TEST_F(KconfigTest, HelpTextIsNoSymbol) {
  EXPECT_FALSE(index_->has("FAKE"));
}

TEST_F(KconfigTest, DifferencesAreAskedForOrFollow) {
  const auto list = differences(
      asked("CONFIG_HIGHMEM64G=y\n", "hm-on.config"),
      parse_config("CONFIG_X86_32=y\nCONFIG_HIGHMEM64G=y\nCONFIG_HIGHMEM=y\nCONFIG_KMAP_LOCAL=y\n"),
      asked("CONFIG_NOHIGHMEM=y\n", "hm-off.config"),
      parse_config("CONFIG_X86_32=y\nCONFIG_NOHIGHMEM=y\nCONFIG_PCI=y\n"), *index_);
  std::map<std::string, std::string> reasons;
  for (const ConfigDifference& d : list) reasons[d.symbol] = d.explained ? d.reason : "unexplained";
  EXPECT_EQ(reasons["HIGHMEM64G"], "asked by hm-on.config:1");
  EXPECT_EQ(reasons["NOHIGHMEM"], "asked by hm-off.config:1");
  EXPECT_EQ(reasons["HIGHMEM"], "follows from HIGHMEM64G");
  EXPECT_EQ(reasons["KMAP_LOCAL"], "follows from HIGHMEM");
  EXPECT_EQ(reasons["PCI"], "unexplained");
  EXPECT_EQ(reasons.size(), 5u);
}

TEST_F(KconfigTest, OnlyTheAxisMayBeAskedForDifferently) {
  const std::vector<std::string> axis{"HIGHMEM64G"};
  const auto list = differences(asked("CONFIG_HIGHMEM64G=y\nCONFIG_PCI=y\n", "on.config"),
                                parse_config("CONFIG_HIGHMEM64G=y\nCONFIG_PCI=y\n"),
                                asked("CONFIG_NOHIGHMEM=y\n", "off.config"),
                                parse_config("CONFIG_NOHIGHMEM=y\n"), *index_, axis);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].reason, "asked by on.config:1");
  EXPECT_EQ(list[1].reason, "follows from HIGHMEM64G");
  EXPECT_EQ(list[2].symbol, "PCI");
  EXPECT_FALSE(list[2].explained);
  EXPECT_EQ(list[2].reason, "not in the axis, but asked by on.config:2");
}

TEST(NamedConfigs, TheRepositorysOwnAreReadable) {
  const auto config =
      load_named_config(os::Path(KILN_SOURCE_DIR) / "kernel-configs", "i386-highmem");
  ASSERT_TRUE(config) << render(config.error());
  EXPECT_EQ(config->arch, "i386");
  EXPECT_FALSE(config->fragments.empty());
  EXPECT_THAT(config->axis, testing::ElementsAre("HIGHMEM64G"));
}

TEST(NamedConfigs, MistakesAreNamed) {
  const os::Path dir = *os::make_temp_dir(std::filesystem::temp_directory_path(), "named");
  std::filesystem::create_directories(dir / "fragments");
  std::ofstream(dir / "fragments/common-base.config") << "";
  std::ofstream(dir / "one.yaml") << "arch: i386\nfragments: [common-bse]\n";
  const auto config = load_named_config(dir, "one");
  ASSERT_FALSE(config);
  EXPECT_THAT(render(config.error()), HasSubstr("one.yaml:2:13"));
  EXPECT_THAT(render(config.error()), HasSubstr("there is no fragments/common-bse.config"));
  EXPECT_THAT(render(config.error()), HasSubstr("did you mean `common-base`?"));
  EXPECT_THAT(load_named_config(dir, "oen").error().hint, HasSubstr("did you mean `one`?"));
  EXPECT_FALSE(load_named_config(dir, "../one"));
  (void)os::remove_tree(dir);
}

TEST(Expression, Tristate) {
  const ConfigValues v{{"A", "y"}, {"M", "m"}, {"S", "\"x\""}, {"N", "8"}};
  EXPECT_EQ(KconfigIndex::evaluate("A && !B", v), 2);
  EXPECT_EQ(KconfigIndex::evaluate("A && M", v), 1);
  EXPECT_EQ(KconfigIndex::evaluate("B || (M && A)", v), 1);
  EXPECT_EQ(KconfigIndex::evaluate("S = \"x\" && N > 4", v), 2);
  EXPECT_EQ(KconfigIndex::evaluate("M!=n", v), 2);
  EXPECT_EQ(KconfigIndex::evaluate("$(success,test (1)) && A", v), 2);
  EXPECT_EQ(KconfigIndex::evaluate(std::string(100'000, '('), v), 2);
  (void)KconfigIndex::evaluate(std::string(100'000, '!'), v);  // bounded depth
}

}  // namespace
}  // namespace kiln::kernel
