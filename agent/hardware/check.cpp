#include "agent/hardware/check.h"

#include <fmt/format.h>

#include <random>

#include "agent/console/readable.h"
#include "agent/hardware/watchdog.h"
#include "agent/power/verified.h"
#include "agent/serial/hub.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using State = CheckLine::State;

constexpr Millis kTick{50};

class Checker {
 public:
  Checker(const machine::MachineSpec& machine, const CheckOptions& options, const Clock& clock,
          const std::function<void(const CheckLine&)>& tell, std::stop_token stop)
      : machine_(machine), options_(options), clock_(clock), tell_(tell), stop_(std::move(stop)) {}

  std::vector<CheckLine> run(const ShellConnector& connect) {
    open_console();
    check_power_state();
    check_shell(connect);
    check_console();
    check_netconsole();
    check_boot();
    check_watchdog();
    if (options_.power) check_switching();
    return std::move(lines_);
  }

 private:
  void add(std::string driver, State state, std::string found, std::string mend = "") {
    lines_.push_back({std::move(driver), state, to_valid_utf8(found), std::move(mend)});
    if (tell_) tell_(lines_.back());
  }
  void add(const CheckLine& line) { add(line.driver, line.state, line.found, line.mend); }
  void wrong(const std::string& driver, const Error& error, const std::string& mend) {
    add(driver, State::kWrong, error.message, error.hint.empty() ? mend : error.hint);
  }
  bool wait(Millis limit, const std::function<bool()>& holds) {
    const auto deadline = clock_.steady() + limit;
    while (!holds())
      if (clock_.steady() >= deadline || !real_pause(kTick, stop_)) return false;
    return true;
  }

  /// First, so that they hear all that follows.
  void open_console() {
    line_ = open(make_port(machine_.console), &heard_);
    net_line_ = open(make_net_port(machine_.netconsole), &net_heard_);
  }
  std::unique_ptr<HubLine> open(std::unique_ptr<SerialPort> port, Sync<std::string>* to) {
    if (!port) return nullptr;
    LineEvents events;
    events.bytes = [to](std::string_view bytes) {
      auto heard = to->lock();
      heard->append(bytes);
      if (heard->size() > 64 << 10) heard->erase(0, heard->size() - (32 << 10));
    };
    return hub_.add(std::move(port), std::move(events));
  }
  /// Tells the machine's kernel a random word; whether it came out there.
  Result<bool> comes_out(Sync<std::string>& heard) {
    const std::string nonce = fmt::format("kiln-check-{:08x}", std::random_device()());
    KILN_TRY(ask("echo '<2>" + nonce + "' > /dev/kmsg"));
    return wait(options_.console, [&] { return heard.lock()->find(nonce) != std::string::npos; });
  }

  void check_power_state() {
    driver_ = make_power(machine_);
    if (!driver_)
      return add("power", State::kNote, "no driver: a machine that hangs needs a person",
                 "give it `power` in the lab file; a smart plug does, by `command`");
    const std::string name = machine::driver_name(machine_.power);
    if (!driver_->reads())
      return add("power", State::kNote, name + " cannot tell whether the machine is on",
                 "only a boot then proves a power cycle; --power tries one");
    const auto state = driver_->read(stop_);
    if (!state) return wrong("power", state.error(), "is the address right, is it switched on?");
    if (*state == PowerState::kUnknown)
      return add("power", State::kNote, name + " answers, and says neither on nor off",
                 "right outlet? right model? (docs/lab-file.md)");
    add("power", State::kOk, fmt::format("{} says {}", name, to_string(*state)));
  }

  void check_shell(const ShellConnector& connect) {
    if (!machine_.shell.given())
      return add("shell", State::kNote, "no `shell`: nothing can run on the machine",
                 "give it `shell` in the lab file");
    const ShellEndpoint to{machine_.shell.address, machine_.shell.port, machine_.shell.user,
                           machine_.shell.key_file, machine_.shell.host_key_file};
    auto shell = connect(to, options_.shell, {}, stop_);
    if (!shell) {
      const bool other_key = shell.error().message.find("is pinned") != std::string::npos;
      return wrong("shell", shell.error(),
                   other_key ? fmt::format("if it was installed anew: ssh-keyscan -t ed25519 -p {}"
                                           " {}, compare with the machine, put it into {}",
                                           to.port, to.host, to.host_key_file)
                             : "does it run, does sshd? try: ssh -i KEY USER@ADDRESS");
    }
    shell_ = std::move(*shell);
    const auto who = ask("id -u; uname -sr; cat /proc/sys/kernel/random/boot_id");
    if (!who) return wrong("shell", who.error(), "");
    const auto words = split_lines(*who);
    if (words.size() < 3) return add("shell", State::kWrong, "no answer to be understood", "");
    if (words[0] != "0")
      return add("shell", State::kWrong, machine_.shell.user + " is not root there",
                 "tests load modules and read debugfs: `user: root`");
    add("shell", State::kOk, fmt::format("root on {}, boot {}", words[1], words[2]));
  }

  /// That the line is this very machine's: what is said to its kernel must come out of it.
  void check_console() {
    if (!line_)
      return add("console", State::kNote, "no driver: a kernel that dies early dies unheard",
                 "give it `console` in the lab file");
    const std::string name = machine::driver_name(machine_.console);
    if (!wait(options_.console, [this] { return line_->up(); }))
      return add("console", State::kWrong, name + ": " + line_->trouble(),
                 "is the cable in, the server there, nobody else on the line?");
    if (!shell_)
      return add("console", State::kNote,
                 fmt::format("{} stands, {} bytes came; whose it is needs the shell", name,
                             line_->count()),
                 "");
    const auto came = comes_out(heard_);
    if (!came) return wrong("console", came.error(), "");
    if (*came)
      return add("console", State::kOk, name + " is this machine's: its kernel was heard on it");
    const auto readable = readable_line(std::string_view(*heard_.lock()).substr(0, 80));
    const auto consoles = ask("cat /sys/class/tty/console/active");
    add("console", State::kWrong,
        line_->count() == 0
            ? name + " stands and is silent, though the kernel was told to speak"
            : fmt::format("{} says other things: `{}`: another machine's line, or the wrong speed",
                          name, readable),
        fmt::format("the kernel's consoles are: {}; console=ttyS0,115200 on its command line, the"
                    " same speed here",
                    consoles ? std::string(trim(*consoles)) : "not known"));
  }

  /// The known-good kernel need not have it: built ones do, when `cmdline` says so.
  void check_netconsole() {
    if (!net_line_) return;
    if (!wait(options_.console, [this] { return net_line_->up(); }))
      return add("netconsole", State::kWrong, net_line_->trouble(),
                 "an agent that runs has the port: stop it for the check");
    const std::string where = fmt::format("port {}", machine_.netconsole.port);
    if (!shell_)
      return add("netconsole", State::kNote, where + " is open; what comes there needs the shell");
    const auto came = comes_out(net_heard_);
    if (!came) return wrong("netconsole", came.error(), "");
    if (*came) return add("netconsole", State::kOk, "the machine's kernel was heard at " + where);
    add("netconsole", State::kNote, "the known-good kernel says nothing at " + where,
        "netconsole=... on its command line, too, lets the way be tried");
  }

  void check_boot() {
    if (machine_.boot.driver == "network") return add(check_network_boot(machine_));
    if (!shell_) return;
    if (machine_.boot.driver == "none")
      return add("boot", State::kNote, "no driver: no built kernel can be started",
                 "give it `boot` in the lab file");
    const auto printed = ask(boot_probe(machine_.boot));
    if (!printed) return wrong("boot", printed.error(), "");
    add(judge_boot(machine_.boot, *printed));
  }

  /// Started for a session's kernel alone.
  void check_watchdog() {
    if (!shell_) return;
    const auto said = ask(watchdog_probe());
    if (!said) return wrong("watchdog", said.error(), "");
    const std::string name(trim(*said));
    if (!name.empty())
      return add("watchdog", State::kOk, name + ": resets a built kernel that hangs");
    if (driver_ && driver_->reads())
      return add("watchdog", State::kOk, "none; the power driver ends a hang");
    add("watchdog", State::kNote, "none, or its module is not loaded: a hang may need a person",
        "most PCs have one: modprobe iTCO_wdt (Intel) or sp5100_tco, then check again");
  }

  void check_switching() {
    if (!driver_) return;
    PowerUnits units;
    VerifiedPowerConfig config;
    config.settle = machine_.power.settle;
    config.off_time = machine_.power.off_time;
    config.unit = machine_.power.unit;
    const bool blind = !driver_->reads();
    VerifiedPower power(std::move(driver_), config, units, clock_);
    shell_.reset();
    if (machine_.shell.given())
      power.add_witness(
          make_port_witness(machine_.shell.address, machine_.shell.port, Millis(3'000)));
    if (line_)
      power.add_witness(make_console_witness([this] { return line_->count(); }, real_pause));
    const auto cycled = power.cycle(stop_);
    if (!cycled) return wrong("switching", cycled.error(), "");
    if (!cycled->contradicted_by.empty())
      return add("switching", State::kWrong, cycled->why,
                 "the outlet's number, or the machine's second power supply");
    if (!cycled->is(PowerState::kOn))
      return add("switching", blind ? State::kNote : State::kWrong, cycled->why, "");
    if (cycled->confirmed_by.empty())
      return add("switching", State::kNote, "off and on again; nobody but the gear itself saw it",
                 "try it again while the machine runs and its shell answers");
    add("switching", State::kOk, "off and on again; the " + cycled->confirmed_by + " saw it go");
  }

  Result<std::string> ask(const std::string& command) {
    ShellRequest request;
    request.command = command;
    request.timeout = options_.shell;
    request.max_output = 64 << 10;
    KILN_ASSIGN(const ShellReply reply, shell_->run(request, stop_));
    if (reply.ok()) return reply.out;
    return fail(ErrorKind::kInfrastructure,
                fmt::format("`{}` failed: {}", command, trim(reply.err)));
  }

  const machine::MachineSpec& machine_;
  const CheckOptions& options_;
  const Clock& clock_;
  const std::function<void(const CheckLine&)>& tell_;
  std::stop_token stop_;
  std::vector<CheckLine> lines_;
  std::unique_ptr<PowerDriver> driver_;
  std::unique_ptr<Shell> shell_;
  Sync<std::string> heard_;
  Sync<std::string> net_heard_;
  ConsoleHub hub_;
  std::unique_ptr<HubLine> line_;
  std::unique_ptr<HubLine> net_line_;
};

}  // namespace

std::vector<CheckLine> check_machine(const machine::MachineSpec& machine,
                                     const CheckOptions& options, const Clock& clock,
                                     const ShellConnector& connect,
                                     const std::function<void(const CheckLine&)>& tell,
                                     std::stop_token stop) {
  return Checker(machine, options, clock, tell, std::move(stop)).run(connect);
}

}  // namespace kiln::agent
