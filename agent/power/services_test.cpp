/// The real pdudaemon, and programs.
#include <gmock/gmock.h>

#include "agent/power/testing.h"
#include "agent/power/verified.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;

class PdudaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (os::find_program("pdudaemon").empty()) GTEST_SKIP() << "pdudaemon is not installed";
    const std::string log = (folder_.path() / "switched").string();
    testing::write_file(
        folder_.path() / "conf",
        fmt::format(R"({{"daemon": {{"hostname": "127.0.0.1", "port": {}, "listener": "http",
 "logging_level": "INFO"}},
 "pdus": {{"strip": {{"driver": "localcmdline", "cmd_on": "echo %s on >> {}",
                     "cmd_off": "echo %s off >> {}"}}}},
 "aliases": {{"dut": {{"hostname": "strip", "port": 7}}}}}})",
                    port_, log, log),
        0600);
    daemon_ = testing::serve({"pdudaemon", "--conf", (folder_.path() / "conf").string(),
                              "--logfile", (folder_.path() / "log").string()},
                             folder_.path() / "out");
    at_.url = fmt::format("http://127.0.0.1:{}", port_);
    at_.pdu = "strip";
    at_.port = "4";
  }
  std::string switched() { return os::read_file(folder_.path() / "switched").value_or(""); }
  int port_ = testing::free_port(SOCK_STREAM);
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "pdud-");
  std::unique_ptr<os::Child> daemon_;
  machine::PdudaemonPower at_;
};

TEST_F(PdudaemonTest, SwitchesByPortAndByAliasAndCannotTellAState) {
  auto driver = make_pdudaemon(at_);
  ASSERT_TRUE(testing::eventually([&] { return driver->set(true, {}).has_value(); }))
      << os::read_file(folder_.path() / "out").value_or("");
  ASSERT_TRUE(driver->set(false, {}));
  machine::PdudaemonPower alias;
  alias.url = at_.url + "/";
  alias.alias = "dut";
  ASSERT_TRUE(make_pdudaemon(alias)->set(false, {}));
  EXPECT_TRUE(testing::eventually([&] { return switched() == "4 on\n4 off\n7 off\n"; }))
      << switched();
  EXPECT_FALSE(driver->reads());
  EXPECT_EQ(driver->read({}).value(), PowerState::kUnknown);
  at_.pdu = "nowhere";
  const auto refused = make_pdudaemon(at_)->set(false, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("HTTP 500"));
}

class CommandTest : public ::testing::Test {
 protected:
  std::vector<std::string> script(const std::string& name, const std::string& body) {
    const os::Path file = folder_.path() / name;
    testing::write_file(file, "#!/bin/sh\ncd " + folder_.path().string() + "\n" + body + "\n",
                        0755);
    return {file.string()};
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "power-command-");
};

TEST_F(CommandTest, RunsTheSitesProgramsForTheMachineByItsName) {
  machine::CommandPower at;
  at.on = script("on", "echo on > now; echo $KILN_MACHINE > machine");
  at.off = script("off", "echo off > now");
  at.state = script("state", "cat now");
  auto driver = make_command(at, "nuc-1");
  ASSERT_TRUE(driver->set(true, {}));
  EXPECT_EQ(os::read_file(folder_.path() / "machine").value_or(""), "nuc-1\n");
  EXPECT_EQ(driver->read({}).value(), PowerState::kOn);
  ASSERT_TRUE(driver->set(false, {}));
  EXPECT_EQ(driver->read({}).value(), PowerState::kOff);
  EXPECT_EQ(driver->cycle({}).error().kind, ErrorKind::kNotFound);
}

TEST_F(CommandTest, WhatIsNotPlainlyOffIsNotOff) {
  machine::CommandPower at;
  at.on = at.off = script("nothing", "true");
  for (const char* words : {"", "OFF ", "off on", "0", "\xff\xfe", "offline"}) {
    testing::write_file(folder_.path() / "words", words, 0600);
    at.state = script("state", "cat words");
    EXPECT_EQ(make_command(at, "m")->read({}).value(), PowerState::kUnknown) << words;
  }
  at.state = script("state", "echo off; echo no plug >&2; exit 3");
  const auto state = make_command(at, "m")->read({});
  ASSERT_FALSE(state) << "a program that failed says nothing";
  EXPECT_THAT(state.error().message, HasSubstr("exit code 3: no plug"));
}

}  // namespace
}  // namespace kiln::agent
