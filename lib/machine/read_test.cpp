#include "lib/machine/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "lib/machine/outlets.h"
#include "lib/os/files.h"

namespace kiln::machine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"secret", "key", "host.pub"})
      ASSERT_TRUE(os::write_atomic(folder_.path() / name, "x\n", 0600));
  }
  Result<LabFile> read(const std::string& text) {
    KILN_ASSIGN(const conf::Document document,
                conf::parse("lab.yaml", folder_.path().string(), "lab: 1\n" + text));
    return read_lab_file(document);
  }
  std::string refused(const std::string& text) {
    const auto lab = read(text);
    return lab ? "was accepted" : render(lab.error());
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "lab-file-");
};

TEST_F(LabFileTest, ReadsAMachineWithAllItsDrivers) {
  const auto lab = read(R"(machines:
  - name: tgl-1
    tags: [intel, gen12]
    facts: {gpu: "8086:9a49", ram: 16GiB}
    power:
      driver: ipmi
      address: bmc-7.lab
      user: kiln
      password_file: secret
      settle: 90s
    console: {driver: telnet, address: 10.0.0.3, port: 3001, baud: 115200}
    boot: {driver: grub, cmdline: "root=/dev/sda2 console=ttyS0,115200"}
    shell: {address: 10.0.0.7, key_file: key, host_key_file: host.pub}
)");
  ASSERT_TRUE(lab) << render(lab.error());
  const MachineSpec* machine = lab->find("tgl-1");
  ASSERT_NE(machine, nullptr);
  EXPECT_THAT(machine->tags, ElementsAre("intel", "gen12"));
  EXPECT_EQ(machine->facts.at("gpu"), "8086:9a49");
  const auto* ipmi = std::get_if<IpmiPower>(&machine->power.driver);
  ASSERT_NE(ipmi, nullptr);
  EXPECT_EQ(ipmi->bmc.address, "bmc-7.lab");
  EXPECT_EQ(ipmi->bmc.password.file, (folder_.path() / "secret").string());
  EXPECT_EQ(machine->power.settle, Millis(90'000));
  EXPECT_EQ(std::get<TelnetConsole>(machine->console).port, 3001);
  EXPECT_EQ(machine->boot.folder, "/boot/kiln");
  EXPECT_EQ(driver_name(machine->power), "ipmi");
  EXPECT_EQ(driver_name(machine->console), "telnet");
}

TEST_F(LabFileTest, AWrongDriverIsShownWithItsPlaceAndTheNearestOne) {
  EXPECT_THAT(refused("machines:\n  - name: a\n    power: {driver: impi}\n"),
              AllOf(HasSubstr("lab.yaml:4:21"), HasSubstr("did you mean `ipmi`?")));
  EXPECT_THAT(refused("machines:\n  - name: a\n    power: {address: b}\n"),
              HasSubstr("`machines[0].power`: field `driver` is missing"));
}

TEST_F(LabFileTest, AFieldOfAnotherDriverIsUnknown) {
  EXPECT_THAT(refused("machines:\n  - name: a\n    console:\n      driver: tcp\n"
                      "      address: h\n      port: 7\n      bauds: 9600\n"),
              AllOf(HasSubstr("lab.yaml:8:7"), HasSubstr("unknown field `bauds`")));
  EXPECT_THAT(refused("machines:\n  - name: a\n    power:\n      driver: ipmi\n"
                      "      adress: h\n"),
              HasSubstr("did you mean `address`?"));
}

TEST_F(LabFileTest, PasswordsComeFromOnePlaceAndNeverFromTheFile) {
  const std::string bmc =
      "machines:\n  - name: a\n    power:\n      driver: ipmi\n      address: h\n      user: u\n";
  EXPECT_THAT(refused(bmc), HasSubstr("field `password_file` is missing"));
  EXPECT_THAT(refused(bmc + "      password: hunter2\n"), HasSubstr("unknown field `password`"));
  EXPECT_THAT(refused(bmc + "      password_file: secret\n      password_env: PW\n"),
              AllOf(HasSubstr("lab.yaml:9:7"), HasSubstr("`password_file` is given, too")));
  EXPECT_THAT(refused(bmc + "      password_env: \"P W\"\n"), HasSubstr("a variable's name"));
  EXPECT_THAT(refused(bmc + "      password_file: nowhere\n"), HasSubstr("does not exist"));
}

TEST_F(LabFileTest, AHostThatWouldBeAnOptionOrAPathIsRefused) {
  for (const char* bad : {"-oProxyCommand=x", "a b", "h;reboot", "\"\"", "user@h", "$(x)"}) {
    EXPECT_THAT(refused(std::string("machines:\n  - name: a\n    console: {driver: tcp, port: 1, "
                                    "address: \"") +
                        bad + "\"}\n"),
                HasSubstr("lab.yaml:"))
        << bad;
  }
}

TEST_F(LabFileTest, AModelMayBeTheSitesOwnAndStandBelowTheMachines) {
  const std::string text = R"(machines:
  - name: a
    power: {driver: snmp, address: pdu, model: strip-9, outlet: 4, group: 2}
outlet_tables:
  - name: strip-9
    on: {oid: "1.3.6.1.4.1.99.1.{group}.{outlet}", value: 5}
    off: {oid: "1.3.6.1.4.1.99.1.{group}.{outlet}", value: 6}
    state: {oid: "1.3.6.1.4.1.99.2.{group}.{outlet}", on: [1, 3], off: [0]}
)";
  const auto lab = read(text);
  ASSERT_TRUE(lab) << render(lab.error());
  const auto& power = std::get<SnmpPower>(lab->machines[0].power.driver);
  EXPECT_EQ(power.table.on, 5);
  EXPECT_EQ(fill_oid(power.table.state_oid, power), ".1.3.6.1.4.1.99.2.2.4");
  EXPECT_THAT(refused("machines:\n  - name: a\n    power: {driver: snmp, address: pdu, model: "
                      "apc-rpd, outlet: 4}\n"),
              HasSubstr("did you mean `apc-rpdu`?"));
}

TEST_F(LabFileTest, AMachineMayTakeItsTime) {
  const auto machine = [](const std::string& fields) {
    return "machines:\n  - name: a\n" + fields;
  };
  const auto plain = read(machine(""));
  ASSERT_TRUE(plain) << render(plain.error());
  EXPECT_EQ(plain->machines[0].limits.firmware, Millis(120'000));
  EXPECT_EQ(plain->machines[0].limits.qualifying, 10);
  EXPECT_FALSE(plain->machines[0].emulated);
  const auto slow =
      read(machine("    limits: {boot: 15m, firmware: 6m, silence: 5s, qualifying: 3}\n"
                   "    emulated: true\n"));
  ASSERT_TRUE(slow) << render(slow.error());
  EXPECT_EQ(slow->machines[0].limits.boot, Millis(900'000));
  EXPECT_EQ(slow->machines[0].limits.firmware, Millis(360'000));
  EXPECT_EQ(slow->machines[0].limits.silence, Millis(5'000));
  EXPECT_EQ(slow->machines[0].limits.down, Millis(120'000));
  EXPECT_EQ(slow->machines[0].limits.qualifying, 3);
  EXPECT_TRUE(slow->machines[0].emulated);
  EXPECT_THAT(refused(machine("    limits: {boot: 5h}\n")), HasSubstr("lab.yaml:4:20"));
  EXPECT_THAT(refused(machine("    limits: {qualifying: 0}\n")), HasSubstr("1 to 100"));
  // Silent for longer than a boot may take: its boots would all be too long.
  EXPECT_THAT(refused(machine("    limits: {boot: 1m, firmware: 2m}\n")),
              HasSubstr("longer than `boot`"));
}

TEST_F(LabFileTest, AnOutletTableIsCheckedToo) {
  const auto table = [](const std::string& oid, const std::string& off) {
    return "machines: []\noutlet_tables:\n  - name: s\n    on: {oid: \"" + oid +
           "\", value: 1}\n    off: {oid: \"1.3.{outlet}\", value: 2}\n    state: {oid: "
           "\"1.3.{outlet}\", on: [1], off: [" +
           off + "]}\n";
  };
  EXPECT_TRUE(read(table("1.3.{outlet}", "2")));
  EXPECT_THAT(refused(table("1.3.; rm", "2")), HasSubstr("an OID is numbers"));
  EXPECT_THAT(refused(table("1.3.{port}", "2")), HasSubstr("an OID is numbers"));
  EXPECT_THAT(refused(table("1.3.{outlet}", "1")), HasSubstr("1 is already `on`"));
}

TEST_F(LabFileTest, NamesAreUnique) {
  EXPECT_THAT(refused("machines:\n  - name: a\n  - name: b\n  - name: a\n"),
              AllOf(HasSubstr("lab.yaml:5:5"), HasSubstr("already the name of machines[0]")));
}

TEST_F(LabFileTest, WhatKilnEmptiesOnAMachineCanOnlyBeItsOwn) {
  const std::string shell = "    shell: {address: h, key_file: key, host_key_file: host.pub}\n";
  const auto boot = [&](const std::string& folder) {
    return "machines:\n  - name: a\n" + shell + "    boot: {driver: grub, folder: \"" + folder +
           "\"}\n";
  };
  EXPECT_TRUE(read(boot("/data/kiln")));
  for (const char* bad : {"/boot", "/", "kiln", "/boot/../kiln", "/boot/$(x)/kiln", "/a b/kiln"})
    EXPECT_THAT(refused(boot(bad)), HasSubstr("it is emptied")) << bad;
  EXPECT_THAT(refused("machines:\n  - name: a\n    boot: {driver: kexec}\n"),
              HasSubstr("needs `shell`"));
}

TEST_F(LabFileTest, AMachineThatBootsFromTheNetworkHasAPortOfItsOwn) {
  const auto machine = [](const std::string& name, const std::string& boot) {
    return "  - name: " + name +
           "\n    shell: {address: tgl-1.lab, key_file: key, host_key_file: host.pub}\n"
           "    boot: {driver: network, " +
           boot + "}\n";
  };
  const std::string first = "machines:\n" + machine("a", "address: 10.0.0.2, port: 8070");
  const auto lab = read(first);
  ASSERT_TRUE(lab) << render(lab.error());
  const BootSpec& boot = lab->machines.at(0).boot;
  EXPECT_EQ(boot.driver, "network");
  EXPECT_EQ(boot.address, "10.0.0.2");
  EXPECT_EQ(boot.port, 8070);
  EXPECT_EQ(boot.from, "tgl-1.lab");
  EXPECT_EQ(boot.folder, "");
  EXPECT_TRUE(read(first + machine("b", "address: 10.0.0.2, port: 8071, from: 10.0.0.9")));
  EXPECT_THAT(refused(first + machine("b", "address: 10.0.0.2, port: 8070")),
              HasSubstr("port 8070 is already that of machines[0]"));
  EXPECT_THAT(refused("machines:\n" + machine("a", "address: 10.0.0.2")), HasSubstr("port"));
  EXPECT_THAT(refused("machines:\n" + machine("a", "port: 8070")), HasSubstr("address"));
  EXPECT_THAT(refused("machines:\n" + machine("a", "address: \"a b\", port: 8070")),
              HasSubstr(":5:"));
  EXPECT_THAT(refused("machines:\n" + machine("a", "address: h, port: 8070, folder: /x/kiln")),
              HasSubstr("folder"));
}

TEST_F(LabFileTest, RedfishNeverSendsAPasswordInTheOpen) {
  const auto redfish = [](const std::string& url) {
    return "machines:\n  - name: a\n    power: {driver: redfish, user: u, password_file: secret, "
           "url: \"" +
           url + "\"}\n";
  };
  EXPECT_TRUE(read(redfish("https://bmc/redfish/v1/Systems/1")));
  EXPECT_THAT(refused(redfish("http://bmc/redfish/v1/Systems/1")), HasSubstr("https://"));
  EXPECT_THAT(refused(redfish("https://bmc/")), HasSubstr("must be the system's"));
}

TEST_F(LabFileTest, CommandsAreWholePathsThatCanBeExecuted) {
  const auto with = [](const std::string& on) {
    return "machines:\n  - name: a\n    power: {driver: command, on: [" + on +
           "], off: [/bin/true]}\n";
  };
  EXPECT_TRUE(read(with("/bin/true, --plug, a")));
  EXPECT_THAT(refused(with("\"true\"")), HasSubstr("must be the program's whole path"));
  EXPECT_THAT(refused(with("/etc/passwd")), HasSubstr("may not be executed"));
  EXPECT_THAT(refused(with("")), HasSubstr("names no program"));
}

TEST(Outlets, KnownTablesAreWellFormedAndTellOnFromOff) {
  std::vector<std::string> names;
  for (const OutletTable& each : known_outlets()) {
    names.push_back(each.name);
    for (const std::string& oid : {each.on_oid, each.off_oid, each.state_oid}) {
      EXPECT_TRUE(is_oid(oid)) << each.name;
      EXPECT_THAT(oid, HasSubstr("{outlet}")) << each.name << " would switch a whole strip";
    }
    EXPECT_FALSE(each.on_oid == each.off_oid && each.on == each.off) << each.name;
    for (const int state : each.state_on)
      EXPECT_THAT(each.state_off, ::testing::Not(::testing::Contains(state))) << each.name;
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

/// KILN_ACCEPT=1 prints the rows, to be put into the page with their meaning.
TEST(LabFileDoc, EveryFieldIsInItsPageWithTypeAndDefault) {
  const auto page = os::read_file(os::Path(KILN_SOURCE_DIR) / "docs" / "lab-file.md", 1 << 20);
  if (std::getenv("KILN_ACCEPT") != nullptr) {
    for (const conf::FieldDoc& field : lab_file_fields())
      printf("%s\n", lab_file_field_row(field).c_str());
  }
  ASSERT_TRUE(page);
  for (const conf::FieldDoc& field : lab_file_fields())
    EXPECT_THAT(*page, HasSubstr(lab_file_field_row(field)));
}

TEST_F(LabFileTest, ASecondEarHasAPortOfItsOwn) {
  const std::string one = "machines:\n  - name: a\n    netconsole: {port: 6666, from: 10.0.0.7}\n";
  const auto lab = read(one);
  ASSERT_TRUE(lab) << render(lab.error());
  EXPECT_EQ(lab->machines.at(0).netconsole.port, 6666);
  EXPECT_EQ(read("machines:\n  - name: a\n    netconsole: {port: 6666}\n"
                 "    shell: {address: tgl-1.lab, key_file: key, host_key_file: host.pub}\n")
                ->machines.at(0)
                .netconsole.from,
            "tgl-1.lab");
  EXPECT_THAT(refused(one + "  - name: b\n    netconsole: {port: 6666, from: 10.0.0.8}\n"),
              AllOf(HasSubstr("lab.yaml:6:5"), HasSubstr("already that of machines[0]")));
  EXPECT_THAT(refused("machines:\n  - name: a\n    netconsole: {port: 6666}\n"),
              AllOf(HasSubstr("lab.yaml:4:5"), HasSubstr("who sends it")));
}

}  // namespace
}  // namespace kiln::machine
