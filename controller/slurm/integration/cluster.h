#pragma once
/// A Slurm cluster of the tests' own: munged, slurmctld and two slurmd on loopback, with their own
/// key, ports and folders. Ends what it started, by id.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "controller/slurm/commands.h"
#include "lib/base/text.h"
#include "lib/os/process.h"
#include "lib/os/random.h"

namespace kiln::slurm {

namespace fs = std::filesystem;

inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

inline bool within(std::chrono::seconds limit, const std::function<bool()>& is_so) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return true;
}

class Cluster {
 public:
  explicit Cluster(fs::path folder) : folder_(std::move(folder)) {
    for (const char* name : {"state", "log", "munge"}) fs::create_directories(folder_ / name);
    fs::permissions(folder_, fs::perms(0755));
    const std::string key = os::random_bytes(128).value_or("");
    (void)os::write_atomic(folder_ / "munge.key", key, 0400);
    write_config();
    munged_ = start({"munged", "--foreground", "--num-threads=10", "--socket=" + socket(),
                     "--key-file=" + (folder_ / "munge.key").string(),
                     "--pid-file=" + (folder_ / "munge" / "pid").string(),
                     "--seed-file=" + (folder_ / "munge" / "seed").string()},
                    "munged");
    (void)within(std::chrono::seconds(10), [this] { return fs::exists(socket()); });
    start_controller();
    for (const char* node : {"node1", "node2"}) start_node(node);
  }
  ~Cluster() {
    if (!is_controller_up()) start_controller();
    (void)run({"scancel", "--quiet", "--user=" + user()});
    (void)within(std::chrono::seconds(15), [this] { return jobs("PENDING,RUNNING,CG").empty(); });
    nodes_.clear();
    controller_.reset();
    munged_.reset();
    (void)os::remove_tree(folder_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::map<std::string, std::string> env() const {
    return {{"SLURM_CONF", (folder_ / "slurm.conf").string()}};
  }
  bool wait_until_up() {
    return within(std::chrono::seconds(30), [this] {
      return run({"sinfo", "-h", "-N", "-o", "%T"}) == "idle\nidle\n";
    });
  }
  void start_controller() {
    controller_ = start({"slurmctld", "-D", "-f", (folder_ / "slurm.conf").string()}, "slurmctld");
  }
  void kill_controller() {
    controller_->signal(SIGKILL);
    controller_.reset();
  }
  [[nodiscard]] bool is_controller_up() { return !run({"sinfo", "-h"}).empty(); }
  void start_node(const std::string& name) {
    nodes_[name] =
        start({"slurmd", "-D", "-N", name, "-f", (folder_ / "slurm.conf").string()}, name);
  }
  /// As a power cut: slurmd and what the job of `worker` runs there.
  void cut_power(const std::string& name, pid_t worker) {
    nodes_.at(name)->signal(SIGKILL);
    nodes_.erase(name);
    const pid_t step = parent_of(worker);
    if (step > 1) ::kill(step, SIGKILL);
    ::kill(worker, SIGKILL);
  }

  /// "" also when the command fails.
  std::string run(std::vector<std::string> argv) const {
    os::Command command;
    command.argv = std::move(argv);
    command.env = env();
    command.timeout = Millis(20'000);
    const auto exit = os::run(command);
    return exit && exit->ok() ? exit->out : "";
  }
  /// "ID|STATE|NODE|RESTARTS" of each job.
  std::vector<std::string> jobs(const std::string& states = "all") const {
    return split_lines(
        run({"squeue", "-h", "-t", states, "-O", "JobID:12,State:12,NodeList:12,RestartCnt:4"}));
  }
  [[nodiscard]] std::string log(const std::string& of) const {
    return os::read_file(folder_ / "log" / of).value_or("");
  }

 private:
  static std::string user() {
    const passwd* entry = ::getpwuid(::geteuid());
    return entry != nullptr ? entry->pw_name : "root";
  }
  static pid_t parent_of(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("PPid:")) return std::atoi(line.c_str() + 5);
    return 0;
  }
  [[nodiscard]] std::string socket() const { return (folder_ / "munge" / "socket").string(); }

  std::unique_ptr<os::Child> start(std::vector<std::string> argv, const std::string& log) const {
    os::Command command;
    const std::string program = os::find_program(argv.front());
    if (!program.empty()) argv.front() = program;
    command.argv = std::move(argv);
    command.output_file = (folder_ / "log" / log).string();
    auto child = os::Child::start(command);
    if (!child) return nullptr;
    return std::make_unique<os::Child>(std::move(*child));
  }

  void write_config() const {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::string here = folder_.string();
    const std::string name = split(host.data(), '.').front();
    std::ofstream out(folder_ / "slurm.conf");
    out << fmt::format(
        "ClusterName=kiln\nSlurmctldHost={1}(127.0.0.1)\nSlurmctldPort={2}\nSlurmUser={3}\n"
        "SlurmdUser={3}\nAuthType=auth/munge\nAuthInfo=socket={4},cred_expire=5\n"
        "StateSaveLocation={0}/state\nSlurmdSpoolDir={0}/spool-%n\n"
        "SlurmctldPidFile={0}/slurmctld.pid\nSlurmdPidFile={0}/slurmd-%n.pid\n"
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\n"
        "MpiDefault=none\nJobAcctGatherType=jobacct_gather/none\n"
        "AccountingStorageType=accounting_storage/none\nSelectType=select/cons_tres\n"
        "SelectTypeParameters=CR_Core\nSlurmdParameters=config_overrides\nSchedulerType="
        "sched/builtin\nSchedulerParameters=sched_interval=1,batch_sched_delay=0\n"
        "ReturnToService=2\nSlurmctldTimeout=5\nSlurmdTimeout=5\nKillWait=2\nMinJobAge=300\n"
        "MessageTimeout=5\n",
        here, name, free_port(), user(), socket());
    for (const char* node : {"node1", "node2"})
      out << fmt::format(
          "NodeName={} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs=2 RealMemory=4000\n", node,
          name, free_port());
    out << "PartitionName=build Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP\n";
  }

  fs::path folder_;
  std::unique_ptr<os::Child> munged_;
  std::unique_ptr<os::Child> controller_;
  std::map<std::string, std::unique_ptr<os::Child>> nodes_;
};

}  // namespace kiln::slurm
