#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace kiln::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Completion : public testing::Test {
 protected:
  Completion() {
    app_.add_option("--lab", lab_);
    CLI::App* run = app_.add_subcommand("run", "");
    run->add_option("JOB", job_);
    run->add_flag("--fresh", fresh_);
    app_.add_subcommand("runs", "");
    CLI::App* known = app_.add_subcommand("known", "");
    known->add_subcommand("add", "")->add_option("--test", job_);
    known->add_subcommand("audit", "");
  }
  CLI::App app_;
  std::string lab_, job_;
  bool fresh_ = false;
};

TEST_F(Completion, CommandsBeginWithWhatIsTyped) {
  EXPECT_THAT(complete(app_, {""}), ElementsAre("known", "run", "runs"));
  EXPECT_THAT(complete(app_, {}), ElementsAre("known", "run", "runs"));
  EXPECT_THAT(complete(app_, {"ru"}), ElementsAre("run", "runs"));
  EXPECT_THAT(complete(app_, {"x"}), IsEmpty());
}

TEST_F(Completion, CommandsOfACommand) {
  EXPECT_THAT(complete(app_, {"known", "a"}), ElementsAre("add", "audit"));
}

TEST_F(Completion, OptionsOfTheCommandAndOfTheProgram) {
  EXPECT_THAT(complete(app_, {"run", "--"}), ElementsAre("--fresh", "--help", "--lab"));
  EXPECT_THAT(complete(app_, {"known", "add", "--t"}), ElementsAre("--test"));
}

TEST_F(Completion, AValueIsNoCommandAndAFileIsLeftToTheShell) {
  EXPECT_THAT(complete(app_, {"--lab", ""}), IsEmpty());
  EXPECT_THAT(complete(app_, {"--lab", "run", "kn"}), ElementsAre("known"));
  EXPECT_THAT(complete(app_, {"--lab=x", "kn"}), ElementsAre("known"));
  EXPECT_THAT(complete(app_, {"run", "--fresh", ""}), IsEmpty());
  EXPECT_THAT(complete(app_, {"run", "jobs/x"}), IsEmpty());
}

TEST(CompletionScript, EachShellAsksKiln) {
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_THAT(completion_script(shell), testing::HasSubstr("__complete"));
}

TEST(CompletionScript, ZshAsksWithTheWordsUpToTheCursor) {
  EXPECT_THAT(
      completion_script("zsh"),
      testing::HasSubstr(
          R"sh(found=(${(f)"$(${words[1]} __complete ${words[2,CURRENT]} 2>/dev/null)"}))sh"));
}

}  // namespace
}  // namespace kiln::cli
