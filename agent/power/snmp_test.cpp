/// Against net-snmp's snmpd, whose outlets are a script's.
#include <gmock/gmock.h>

#include "agent/power/testing.h"
#include "agent/power/verified.h"
#include "lib/machine/outlets.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;

/// Speaks snmpd's pass_persist. FOLDER/OID is an object with its number; a set to FOLDER/set-OID
/// changes the objects that this file names; FOLDER/lies makes it say yes and do nothing.
constexpr const char* kStrip = R"(#!/usr/bin/python3
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
def line():
    text = sys.stdin.readline()
    if not text:
        sys.exit(0)
    return text.strip()
while True:
    word = line()
    if word == "PING":
        print("PONG", flush=True)
    elif word == "set":
        oid, value = line(), line().split()[-1]
        rule = folder / ("set" + oid)
        if not rule.exists():
            print("not-writable", flush=True)
            continue
        if not (folder / "lies").exists():
            for pair in rule.read_text().split():
                given, target, becomes = pair.split("=")
                if given == value:
                    (folder / target.lstrip(".")).write_text(becomes)
        print("DONE", flush=True)
    elif word in ("get", "getnext"):
        oid = line()
        value = folder / oid.lstrip(".")
        if word == "get" and value.exists():
            print(f"{oid}\ninteger\n{value.read_text().strip()}", flush=True)
        else:
            print("NONE", flush=True)
)";

class SnmpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"snmpd", "snmpget", "snmpset"})
      if (os::find_program(program).empty()) GTEST_SKIP() << program << " is not installed";
    testing::write_file(folder() / "strip.py", kStrip, 0755);
    testing::write_file(folder() / "community", "s3cret\n", 0600);
    ASSERT_TRUE(os::make_dirs(folder() / "persist"));
    testing::write_file(
        folder() / "snmpd.conf",
        fmt::format("agentaddress udp:127.0.0.1:{0}\nrwcommunity s3cret 127.0.0.1 .1.3.6.1\n"
                    "createUser kiln SHA \"longpassword\" AES \"otherpassword\"\n"
                    "rwuser kiln priv .1.3.6.1\n"
                    "pass_persist .1.3.6.1.4.1.318 {1}/strip.py {1}\n"
                    "pass_persist .1.3.6.1.4.1.534 {1}/strip.py {1}\n"
                    "pass_persist .1.3.6.1.4.1.13742 {1}/strip.py {1}\n",
                    port_, folder().string()),
        0600);
    snmpd_ = testing::serve(
        {os::find_program("snmpd"), "-f", "-Lo", "-C", "-c", (folder() / "snmpd.conf").string()},
        folder() / "log", {{"SNMP_PERSISTENT_DIR", (folder() / "persist").string()}, {"MIBS", ""}});
  }

  /// An outlet of that model, on; commands change its state as the vendor says.
  std::unique_ptr<PowerDriver> outlet(const std::string& model) {
    machine::SnmpPower at = spec(model);
    const auto& table = at.table;
    const auto oid = [&](const std::string& which) { return machine::fill_oid(which, at); };
    const auto rule = [&](int value, int state) {
      return fmt::format("{}={}={}\n", value, oid(table.state_oid), state);
    };
    std::map<std::string, std::string> rules;
    rules[oid(table.on_oid)] += rule(table.on, table.state_on.front());
    rules[oid(table.off_oid)] += rule(table.off, table.state_off.front());
    for (const auto& [at_oid, text] : rules) {
      testing::write_file(folder() / ("set" + at_oid), text, 0600);
      // snmpd writes only what it can read.
      testing::write_file(folder() / at_oid.substr(1), "1", 0600);
    }
    set_state(at, table.state_on.front());
    auto driver = make_snmp(at);
    EXPECT_TRUE(testing::eventually([&] { return driver->read({}).has_value(); }));
    return driver;
  }
  void set_state(const machine::SnmpPower& at, int value) {
    testing::write_file(folder() / machine::fill_oid(at.table.state_oid, at).substr(1),
                        std::to_string(value), 0600);
  }
  machine::SnmpPower spec(const std::string& model) {
    machine::SnmpPower at;
    at.address = "127.0.0.1";
    at.port = port_;
    at.community.file = (folder() / "community").string();
    at.outlet = 5;
    for (const auto& each : machine::known_outlets())
      if (each.name == model) at.table = each;
    EXPECT_EQ(at.table.name, model);
    return at;
  }
  const os::Path& folder() { return folder_.path(); }

  int port_ = testing::free_port(SOCK_DGRAM);
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "snmp-");
  std::unique_ptr<os::Child> snmpd_;
  PowerUnits units_;
  SystemClock clock_;
};

/// Equal numbers, unequal ones for commands and states, two OIDs to write: all by their table.
TEST_F(SnmpTest, SwitchesOutletsOfSeveralVendors) {
  for (const char* model : {"apc-rpdu", "apc-cpdu", "eaton-epdu", "raritan-px"}) {
    SCOPED_TRACE(model);
    VerifiedPower power(outlet(model), {.settle = Millis(10'000), .poll = Millis(50)}, units_,
                        clock_);
    const auto off = power.switch_to(false, {});
    ASSERT_TRUE(off) << render(off.error());
    EXPECT_TRUE(off->is(PowerState::kOff) && off->read_back) << off->why;
    const auto on = power.switch_to(true, {});
    ASSERT_TRUE(on) << render(on.error());
    EXPECT_TRUE(on->is(PowerState::kOn)) << on->why;
  }
}

TEST_F(SnmpTest, AStripThatSaysYesAndDoesNothingIsNotOff) {
  auto driver = outlet("apc-rpdu");
  testing::write_file(folder() / "lies", "", 0600);
  ASSERT_TRUE(driver->set(false, {})) << "the strip itself says that it did";
  VerifiedPower power(std::move(driver), {.settle = Millis(300), .poll = Millis(50)}, units_,
                      clock_);
  const auto off = power.switch_to(false, {});
  ASSERT_TRUE(off) << render(off.error());
  EXPECT_EQ(off->state, PowerState::kOn);
  EXPECT_FALSE(off->read_back);
  EXPECT_EQ(power.record().failed, 1U);
}

TEST_F(SnmpTest, ANumberThatTheTableDoesNotHaveIsUnknown) {
  const machine::SnmpPower at = spec("apc-rpdu");
  auto driver = outlet("apc-rpdu");
  for (const int value : {0, 3, 4, 7, -1}) {
    set_state(at, value);
    EXPECT_EQ(driver->read({}).value(), PowerState::kUnknown) << value;
  }
}

TEST_F(SnmpTest, AnOutletThatIsNotThereIsAnErrorInTheStripsWords) {
  auto driver = outlet("apc-rpdu");
  machine::SnmpPower at = spec("apc-rpdu");
  at.outlet = 6;
  const auto state = make_snmp(at)->read({});
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().message, HasSubstr("PDU 127.0.0.1"));
  EXPECT_FALSE(make_snmp(at)->set(false, {}));
}

TEST_F(SnmpTest, AWrongCommunityIsNoAnswerInBoundedTime) {
  auto driver = outlet("apc-rpdu");
  testing::write_file(folder() / "community", "wrong\n", 0600);
  const auto state = driver->read({});
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().message, HasSubstr("No Response"));
}

TEST_F(SnmpTest, VersionThreeEncrypts) {
  (void)outlet("apc-rpdu");
  machine::SnmpPower at = spec("apc-rpdu");
  at.version = "v3";
  at.user = "kiln";
  testing::write_file(folder() / "auth", "longpassword\n", 0600);
  testing::write_file(folder() / "privacy", "otherpassword\n", 0600);
  at.auth_password.file = (folder() / "auth").string();
  at.privacy_password.file = (folder() / "privacy").string();
  auto driver = make_snmp(at);
  const auto state = driver->read({});
  ASSERT_TRUE(state) << render(state.error());
  EXPECT_EQ(*state, PowerState::kOn);
  testing::write_file(folder() / "privacy", "wrongpassword\n", 0600);
  EXPECT_FALSE(driver->read({}));
}

}  // namespace
}  // namespace kiln::agent
