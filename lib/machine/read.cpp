#include "lib/machine/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/text.h"
#include "lib/machine/outlets.h"
#include "lib/machine/readers.h"

namespace kiln::machine {
namespace {

using conf::Node;
using conf::Object;

constexpr Millis kHour{3'600'000};
constexpr int kMaxPort = 65'535;

Object outlet_table(OutletTable* table) {
  Object on;
  on.required("oid", oid(&table->on_oid))
      .required("value", conf::integer(&table->on, 0, 1'000'000));
  Object off;
  off.required("oid", oid(&table->off_oid))
      .required("value", conf::integer(&table->off, 0, 1'000'000));
  Object state;
  state.required("oid", oid(&table->state_oid))
      .required("on", integer_list(&table->state_on))
      .required("off", integer_list(&table->state_off))
      .check([table](const Node& node) -> Status {
        for (const int value : table->state_on)
          if (std::count(table->state_off.begin(), table->state_off.end(), value) != 0)
            return fail(node.error_at_field("off", fmt::format("{} is already `on`", value)));
        return {};
      });
  return Object()
      .required("name", conf::name(&table->name))
      .required("on", conf::object(std::move(on)))
      .required("off", conf::object(std::move(off)))
      .required("state", conf::object(std::move(state)));
}

void add_bmc(Object* table, Bmc* bmc) {
  table->required("address", host(&bmc->address))
      .optional("port", conf::integer(&bmc->port, 1, kMaxPort))
      .required("user", conf::text(&bmc->user))
      .optional("cipher_suite", conf::integer(&bmc->cipher_suite, 0, 17));
  add_secret(table, "password", &bmc->password, true);
}

Object ipmi_table(IpmiPower* power) {
  Object table;
  add_bmc(&table, &power->bmc);
  return table;
}

/// A password goes there, or a machine is switched by it: never in the open to another computer.
Status check_redfish_url(const RedfishPower& power, const Node& node) {
  const bool local = power.url.starts_with("http://127.0.0.1") ||
                     power.url.starts_with("http://localhost") ||
                     power.url.starts_with("http://[::1]");
  if (!power.url.starts_with("https://") && !local)
    return fail(node.error_at_field("url", "must begin with https://: the password goes there"));
  if (power.url.find("/redfish/v1/Systems/") == std::string::npos)
    return fail(node.error_at_field("url",
                                    "must be the system's: https://BMC/redfish/v1/Systems/ID",
                                    "curl https://BMC/redfish/v1/Systems lists them"));
  if (!power.pinned_key.empty() && !power.pinned_key.starts_with("sha256//"))
    return fail(node.error_at_field("pinned_key", "must begin with sha256//"));
  return {};
}

Object redfish_table(RedfishPower* power) {
  Object table;
  table.required("url", conf::text(&power->url))
      .required("user", conf::text(&power->user))
      .optional("ca_file", conf::path(&power->ca_file, conf::PathKind::kFile))
      .optional("pinned_key", conf::text(&power->pinned_key));
  add_secret(&table, "password", &power->password, true);
  table.check([power](const Node& node) { return check_redfish_url(*power, node); });
  return table;
}

using Tables = std::vector<OutletTable>;

Object snmp_table(SnmpPower* power, const Tables* own) {
  const auto all = [own] {
    Tables out(known_outlets().begin(), known_outlets().end());
    out.insert(out.end(), own->begin(), own->end());
    return out;
  };
  const auto names = [all] {
    std::vector<std::string> out;
    for (const OutletTable& each : all()) out.push_back(each.name);
    return out;
  };
  Object table;
  table.required("address", host(&power->address))
      .optional("port", conf::integer(&power->port, 1, kMaxPort))
      .required("model", choice_of(names, [=](size_t index) { power->table = all()[index]; }))
      .required("outlet", conf::integer(&power->outlet, 1, 1000))
      .optional("group", conf::integer(&power->group, 1, 1000))
      .optional("unit", conf::integer(&power->unit, 1, 1000))
      .optional("version", conf::one_of(&power->version, {"v1", "v2c", "v3"}))
      .optional("user", conf::text(&power->user));
  add_secret(&table, "community", &power->community, false);
  add_secret(&table, "auth_password", &power->auth_password, false);
  add_secret(&table, "privacy_password", &power->privacy_password, false);
  table.check([power](const Node& node) -> Status {
    if (power->version != "v3") {
      if (!power->user.empty()) return fail(node.error_at_field("user", "is for version v3"));
      return {};
    }
    if (power->user.empty() || !power->auth_password.given())
      return fail(node.error_at_field("version", "v3 needs `user` and `auth_password_file`"));
    return {};
  });
  return table;
}

Object pdudaemon_table(PdudaemonPower* power) {
  return Object()
      .required("url", conf::text(&power->url))
      .optional("pdu", conf::text(&power->pdu))
      .optional("port", word_or_number(&power->port))
      .optional("alias", conf::text(&power->alias))
      .check([power](const Node& node) -> Status {
        const bool outlet = !power->pdu.empty() && !power->port.empty();
        const bool half = !power->pdu.empty() || !power->port.empty();
        if (!power->url.starts_with("http://") && !power->url.starts_with("https://"))
          return fail(node.error_at_field("url", "must begin with http://"));
        if (power->alias.empty() ? !outlet : half)
          return fail(node.error("needs either `alias`, or `pdu` and `port`"));
        return {};
      });
}

Object command_table(CommandPower* power) {
  return Object()
      .required("on", command(&power->on))
      .required("off", command(&power->off))
      .optional("cycle", command(&power->cycle))
      .optional("reset", command(&power->reset))
      .optional("state", command(&power->state));
}

/// What all power drivers take.
Object with_common(Object table, PowerSpec* power) {
  table.optional("settle", conf::duration(&power->settle, Millis(1'000), kHour))
      .optional("off_time", conf::duration(&power->off_time, Millis(0), kHour))
      .optional("shared", conf::name(&power->unit));
  return table;
}

conf::Read power_read(PowerSpec* power, const Tables* own) {
  const auto as = [power]([[maybe_unused]] auto sample, auto make) {
    using Driver = decltype(sample);
    return [=] { return with_common(make(&power->driver.emplace<Driver>()), power); };
  };
  return by_driver(
      {{"none", [power] { return power->driver = NoPower(), Object(); }},
       {"ipmi", as(IpmiPower(), ipmi_table)},
       {"redfish", as(RedfishPower(), redfish_table)},
       {"snmp", as(SnmpPower(), [own](SnmpPower* each) { return snmp_table(each, own); })},
       {"pdudaemon", as(PdudaemonPower(), pdudaemon_table)},
       {"command", as(CommandPower(), command_table)}},
      [power] { power->driver = NoPower(); });
}

Object device_table(DeviceConsole* console) {
  return Object()
      .required("path", conf::text(&console->path))
      .optional("baud", conf::integer(&console->baud, 300, 4'000'000))
      .check([console](const Node& node) -> Status {
        if (console->path.starts_with("/dev/")) return {};
        return fail(node.error_at_field("path", "must be below /dev/",
                                        "ls -l /dev/serial/by-id shows names that stay"));
      });
}

Object telnet_table(TelnetConsole* console) {
  return Object()
      .required("address", host(&console->address))
      .required("port", conf::integer(&console->port, 1, kMaxPort))
      .optional("baud", conf::integer(&console->baud, 0, 4'000'000));
}

Object tcp_table(TcpConsole* console) {
  return Object()
      .required("address", host(&console->address))
      .required("port", conf::integer(&console->port, 1, kMaxPort));
}

conf::Read console_read(ConsoleSpec* console) {
  const auto as = [console]([[maybe_unused]] auto sample, auto make) {
    using Driver = decltype(sample);
    return [=] { return make(&console->emplace<Driver>()); };
  };
  return by_driver({{"none", [console] { return *console = NoConsole(), Object(); }},
                    {"device", as(DeviceConsole(), device_table)},
                    {"telnet", as(TelnetConsole(), telnet_table)},
                    {"tcp", as(TcpConsole(), tcp_table)},
                    {"unix", as(UnixConsole(),
                                [](UnixConsole* each) {
                                  return Object().required(
                                      "path", conf::path(&each->path, conf::PathKind::kAny));
                                })},
                    {"sol", as(SolConsole(),
                               [](SolConsole* each) {
                                 Object table;
                                 add_bmc(&table, &each->bmc);
                                 return table;
                               })},
                    {"command", as(CommandConsole(),
                                   [](CommandConsole* each) {
                                     return Object().required("command", command(&each->command));
                                   })}},
                   [console] { *console = NoConsole(); });
}

Object netconsole_table(NetConsole* net) {
  return Object()
      .required("port", conf::integer(&net->port, 1024, kMaxPort))
      .optional("from", host(&net->from));
}

/// Kiln empties that folder: it must be one that can only be its own.
Status check_boot_folder(const BootSpec& boot, const Node& node) {
  const bool own = boot.folder.starts_with("/") && boot.folder.ends_with("/kiln") &&
                   boot.folder.find("..") == std::string::npos &&
                   boot.folder.find_first_of(" '\"\\$`\t") == std::string::npos;
  if (own) return {};
  return fail(
      node.error_at_field("folder", "must be an absolute path that ends in /kiln: it is emptied"));
}

Object network_boot_table(BootSpec* boot) {
  *boot = BootSpec();
  boot->driver = "network";
  return Object()
      .required("address", host(&boot->address))
      .required("port", conf::integer(&boot->port, 1, kMaxPort))
      .optional("from", host(&boot->from))
      .optional("stub", conf::path(&boot->stub, conf::PathKind::kFile))
      .optional("cmdline", conf::text(&boot->cmdline));
}

conf::Read boot_read(BootSpec* boot) {
  const auto as = [boot](const std::string& driver, const std::string& folder) {
    return [=] {
      *boot = BootSpec();
      boot->driver = driver;
      boot->folder = folder;
      Object table;
      table.optional("folder", conf::text(&boot->folder))
          .optional("cmdline", conf::text(&boot->cmdline));
      if (driver == "systemd-boot") {
        boot->esp = "/boot/efi";
        table.optional("esp", conf::text(&boot->esp));
      }
      table.check([boot](const Node& node) { return check_boot_folder(*boot, node); });
      return table;
    };
  };
  return by_driver({{"none", [boot] { return *boot = BootSpec(), Object(); }},
                    {"kexec", as("kexec", "/var/lib/kiln")},
                    {"grub", as("grub", "/boot/kiln")},
                    {"systemd-boot", as("systemd-boot", "/boot/efi/kiln")},
                    {"network", [boot] { return network_boot_table(boot); }}},
                   [boot] { *boot = BootSpec(); });
}

Object shell_table(ShellSpec* shell) {
  return Object()
      .required("address", host(&shell->address))
      .optional("port", conf::integer(&shell->port, 1, kMaxPort))
      .optional("user", conf::name(&shell->user))
      .required("key_file", conf::path(&shell->key_file, conf::PathKind::kFile))
      .required("host_key_file", conf::path(&shell->host_key_file, conf::PathKind::kFile));
}

Object limits_table(LifeLimits* limits) {
  const Millis second(1'000);
  return Object()
      .optional("boot", conf::duration(&limits->boot, second, kHour))
      .optional("firmware", conf::duration(&limits->firmware, second, kHour))
      .optional("down", conf::duration(&limits->down, second, kHour))
      .optional("answer", conf::duration(&limits->answer, second, kHour))
      .optional("silence", conf::duration(&limits->silence, second, kHour))
      .optional("long_off", conf::duration(&limits->long_off, Millis(0), kHour))
      .optional("look_again", conf::duration(&limits->look_again, second, 24 * kHour))
      .optional("qualifying", conf::integer(&limits->qualifying, 1, 100))
      .check([limits](const Node& node) -> Status {
        if (limits->firmware <= limits->boot) return {};
        return fail(node.error_at_field("firmware", "must not be longer than `boot`"));
      });
}

Object machine_table(MachineSpec* machine, const Tables* own) {
  return Object()
      .required("name", conf::name(&machine->name))
      .optional("tags", conf::text_list(&machine->tags))
      .optional("facts", text_map(&machine->facts))
      .optional("power", power_read(&machine->power, own))
      .optional("console", console_read(&machine->console))
      .optional("netconsole", conf::object(netconsole_table(&machine->netconsole)))
      .optional("boot", boot_read(&machine->boot))
      .optional("shell", conf::object(shell_table(&machine->shell)))
      .optional("limits", conf::object(limits_table(&machine->limits)))
      .optional("emulated", conf::boolean(&machine->emulated))
      .check([machine](const Node& node) -> Status {
        machine->line = node.value().line;
        if (machine->boot.driver != "none" && !machine->shell.given())
          return fail(node.error_at_field("boot", "needs `shell`: kernels get there by SSH"));
        BootSpec& boot = machine->boot;
        if (boot.driver == "network" && boot.from.empty()) boot.from = machine->shell.address;
        NetConsole& net = machine->netconsole;
        if (net.given() && net.from.empty()) net.from = machine->shell.address;
        if (net.given() && net.from.empty())
          return fail(node.error_at_field("netconsole", "needs `from`, or `shell`: who sends it"));
        return {};
      });
}

template <typename Named>
Status check_unique(const Node& node, const std::string& list, const std::vector<Named>& all) {
  std::map<std::string, size_t> seen;
  const conf::Value::Member* member = node.find(list);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto [at, is_new] = seen.emplace(all[i].name, i);
    if (is_new) continue;
    return fail(node.member(*member).item(i).error_at_field(
        "name", fmt::format("`{}` is already the name of {}[{}]", all[i].name, list, at->second)));
  }
  return {};
}

/// Two machines at one port could not be told apart when one has another's address.
Status check_ports(const Node& node, const std::vector<MachineSpec>& machines,
                   const std::string& field, int (*port_of)(const MachineSpec&)) {
  std::map<int, size_t> seen;
  const conf::Value::Member* member = node.find("machines");
  for (size_t i = 0; i < machines.size(); ++i) {
    const int port = port_of(machines[i]);
    if (port == 0) continue;
    const auto [at, is_new] = seen.emplace(port, i);
    if (is_new) continue;
    return fail(node.member(*member).item(i).error_at_field(
        field, fmt::format("port {} is already that of machines[{}]", port, at->second)));
  }
  return {};
}

Object lab_table(LabFile* lab, int* format) {
  Tables* own = &lab->outlet_tables;
  return Object()
      .required("lab", conf::integer(format, 1, 1))
      .optional("outlet_tables", conf::list_of<OutletTable>(own, outlet_table))
      .required("machines", conf::list_of<MachineSpec>(&lab->machines,
                                                       [own](MachineSpec* machine) {
                                                         return machine_table(machine, own);
                                                       }))
      .check([lab](const Node& node) -> Status {
        KILN_TRY(check_unique(node, "outlet_tables", lab->outlet_tables));
        KILN_TRY(check_unique(node, "machines", lab->machines));
        KILN_TRY(check_ports(node, lab->machines, "netconsole",
                             [](const MachineSpec& each) { return each.netconsole.port; }));
        return check_ports(node, lab->machines, "boot",
                           [](const MachineSpec& each) { return each.boot.port; });
      });
}

/// The site's tables may stand below the machines that name them.
Status read_outlet_tables(const conf::Document& document, LabFile* lab) {
  const Node root(document);
  const conf::Value::Member* member = root.find("outlet_tables");
  if (member == nullptr) return {};
  return conf::list_of<OutletTable>(&lab->outlet_tables, outlet_table).apply(root.member(*member));
}

}  // namespace

Result<LabFile> read_lab_file(const conf::Document& document) {
  LabFile lab;
  int format = 1;
  KILN_TRY(read_outlet_tables(document, &lab));
  KILN_TRY(lab_table(&lab, &format).read(Node(document)));
  lab.file = document.file();
  return lab;
}

Result<LabFile> load_lab_file(const std::string& path) {
  KILN_ASSIGN(const conf::Document document, conf::load(path));
  return read_lab_file(document);
}

std::vector<conf::FieldDoc> lab_file_fields() {
  LabFile lab;
  int format = 1;
  return lab_table(&lab, &format).fields();
}

std::string lab_file_field_row(const conf::FieldDoc& field) {
  const std::string fallback =
      field.required ? "required" : (field.fallback.empty() ? "-" : "`" + field.fallback + "`");
  return fmt::format("| `{}` | {} | {} |", field.name, field.type, fallback);
}

const MachineSpec* LabFile::find(const std::string& name) const {
  for (const MachineSpec& each : machines)
    if (each.name == name) return &each;
  return nullptr;
}

std::string driver_name(const PowerSpec& power) {
  static const char* const kWords[] = {"none", "ipmi", "redfish", "snmp", "pdudaemon", "command"};
  return kWords[power.driver.index()];
}

std::string driver_name(const ConsoleSpec& console) {
  static const char* const kWords[] = {"none", "device", "telnet", "tcp", "unix", "sol", "command"};
  return kWords[console.index()];
}

}  // namespace kiln::machine
