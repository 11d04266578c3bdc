/// A lab's figures: a real kilnd under the load of many light agents. bench/lab/run starts both.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "bench/lab/light_agents.h"
#include "controller/builder/integration/fake_kernel.h"
#include "kiln/v1/lab.grpc.pb.h"
#include "lib/os/files.h"
#include "lib/pki/authority.h"
#include "lib/rpc/status.h"

namespace kiln::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::seconds;

struct Arguments {
  Options agents;
  std::string socket;  ///< kilnd's own, for what a user does
  std::string folder;  ///< with the job
  int kilnd = 0;       ///< its process
  int runs = 400;
  double rate = 2000;
  int seconds = 10;
  int idle = 0;
  int watchers = 200;
};

double since(Steady::time_point begun) {
  return std::chrono::duration<double>(Steady::now() - begun).count();
}

double at(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(share * static_cast<double>(values.size())))];
}

/// In milliseconds, of microseconds.
json quantiles(const std::vector<double>& micros) {
  return {{"count", micros.size()},
          {"p50_ms", at(micros, 0.5) / 1000},
          {"p99_ms", at(micros, 0.99) / 1000},
          {"max_ms", at(micros, 1) / 1000}};
}

double peak_mib(int pid, const char* what = "VmHWM:") {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  std::string word;
  while (in >> word)
    if (word == what && in >> word) return std::stod(word) / 1024;
  return 0;
}

double cpu_seconds(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(in)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int field = 3; field <= 15 && rest >> word; ++field)
    if (field >= 14) ticks += std::stod(word);
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// What a user does.

class User {
 public:
  explicit User(const Arguments& arguments) : folder_(arguments.folder) {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel("unix:" + arguments.socket,
                                         grpc::InsecureChannelCredentials(), own);
  }

  /// The run's number; throws with the refusal's words.
  int64_t submit() const {
    grpc::ClientContext context;
    rpc::set_deadline(context, std::chrono::minutes(10));
    v1::StartRunRequest request;
    request.set_job_file((folder_ / "job" / "job.yaml").string());
    request.set_fresh(true);
    v1::StartRunReply reply;
    const grpc::Status status = v1::Lab::NewStub(channel_)->StartRun(&context, request, &reply);
    if (!status.ok()) throw std::runtime_error(status.error_message());
    return reply.run_id();
  }

  template <typename OnEvent>
  void watch(int64_t run, OnEvent on_event) const {
    grpc::ClientContext context;
    v1::WatchRunRequest request;
    request.set_run_id(run);
    const auto stub = v1::Lab::NewStub(channel_);
    const auto reader = stub->WatchRun(&context, request);
    v1::RunEvent event;
    while (reader->Read(&event))
      if (!on_event(event)) context.TryCancel();
    (void)reader->Finish();
  }

  void wait_finished(int64_t run) const {
    watch(run, [](const v1::RunEvent& event) { return event.kind() != "finished"; });
  }

 private:
  fs::path folder_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Scenarios.

/// The job's kernels are built, and a first run is through.
void warm_up(const Arguments& arguments, LightAgents& agents) {
  if (!agents.wait_welcomed(seconds(120))) throw std::runtime_error("not all agents were welcomed");
  agents.end_at_once = true;
  const User user(arguments);
  user.wait_finished(user.submit());
  agents.end_at_once = false;
  (void)agents.take_latencies();
  for (const auto& machine : agents.machines) {
    const std::lock_guard lock(machine->mutex);
    machine->freed = {};
  }
}

void submit_all(const Arguments& arguments, std::vector<int64_t>* runs) {
  runs->resize(static_cast<size_t>(arguments.runs));
  std::atomic<size_t> next{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const User user(arguments);
      for (size_t n = next++; n < runs->size(); n = next++) runs->at(n) = user.submit();
    });
}

void wait_until_full(LightAgents& agents) {
  int last = -1;
  for (int quiet = 0; quiet < 20;) {
    const int now = agents.holding;
    quiet = now == last ? quiet + 1 : 0;
    last = now;
    if (now == static_cast<int>(agents.machines.size())) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

json idle(const Arguments& arguments) {
  const double before = cpu_seconds(arguments.kilnd);
  const auto begun = Steady::now();
  std::this_thread::sleep_for(seconds(arguments.idle));
  return {{"seconds", since(begun)},
          {"cpu_share", (cpu_seconds(arguments.kilnd) - before) / since(begun)},
          {"mib", peak_mib(arguments.kilnd, "VmRSS:")}};
}

/// Sessions end at the rate, machine after machine; how long until each gets its next.
json end_paced(const Arguments& arguments, LightAgents& agents) {
  const double before = cpu_seconds(arguments.kilnd);
  const int64_t acknowledged = agents.acknowledged;
  const auto begun = Steady::now();
  int64_t ended = 0;
  size_t at_machine = 0;
  while (since(begun) < arguments.seconds) {
    const auto due = static_cast<int64_t>(since(begun) * arguments.rate);
    for (size_t tries = 0; ended < due && tries < agents.machines.size(); ++tries)
      ended += agents.end(*agents.machines[at_machine++ % agents.machines.size()]) ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double took = since(begun);
  const double cpu = cpu_seconds(arguments.kilnd) - before;
  const double stored = static_cast<double>(agents.acknowledged - acknowledged);
  std::this_thread::sleep_for(seconds(2));
  return {{"asked_per_second", arguments.rate},
          {"ended_per_second", static_cast<double>(ended) / took},
          {"stored_per_second", stored / took},
          {"kilnd_cpu_share", cpu / took},
          {"free_to_next_order", quantiles(agents.take_latencies())}};
}

/// Every session ends as soon as it has begun: what the controller can take.
json end_all(const Arguments& arguments, LightAgents& agents, int64_t left) {
  const double before = cpu_seconds(arguments.kilnd);
  const int64_t acknowledged = agents.acknowledged;
  agents.end_at_once = true;
  const auto begun = Steady::now();
  for (const auto& machine : agents.machines) agents.end(*machine);
  while (agents.acknowledged - acknowledged < left && since(begun) < 120)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const double took = since(begun);
  return {{"sessions", agents.acknowledged - acknowledged},
          {"seconds", took},
          {"stored_per_second", static_cast<double>(agents.acknowledged - acknowledged) / took},
          {"kilnd_cpu_share", (cpu_seconds(arguments.kilnd) - before) / took},
          {"free_to_next_order", quantiles(agents.take_latencies())}};
}

json flow(const Arguments& arguments) {
  json out;
  const auto begun = Steady::now();
  LightAgents agents(arguments.agents);
  if (!agents.wait_welcomed(seconds(120))) throw std::runtime_error("not all agents were welcomed");
  out["agents_connected_s"] = since(begun);
  warm_up(arguments, agents);
  if (arguments.idle > 0) out["at_rest"] = idle(arguments);
  const int64_t sessions_each = agents.orders;
  std::vector<int64_t> runs;
  const auto submitted = Steady::now();
  submit_all(arguments, &runs);
  wait_until_full(agents);
  out["full_mib"] = peak_mib(arguments.kilnd, "VmRSS:");
  out["runs"] = runs.size();
  out["sessions"] = sessions_each * static_cast<int64_t>(runs.size());
  out["submitted_s"] = since(submitted);
  out["working"] = agents.holding.load();
  out["waiting"] = sessions_each * static_cast<int64_t>(runs.size()) - agents.holding;
  if (arguments.idle > 0) out["full_and_quiet"] = idle(arguments);
  const int64_t stored_before = agents.acknowledged;
  out["paced"] = end_paced(arguments, agents);
  out["paced"]["peak_mib"] = peak_mib(arguments.kilnd);
  const int64_t left =
      sessions_each * static_cast<int64_t>(runs.size()) - (agents.acknowledged - stored_before);
  out["all_at_once"] = end_all(arguments, agents, left);
  const User user(arguments);
  for (const int64_t run : runs) user.wait_finished(run);
  out["kilnd_peak_mib"] = peak_mib(arguments.kilnd);
  out["connections_broken"] = agents.broken.load();
  return out;
}

/// Fills the lab and holds it until stdin ends.
json fill(const Arguments& arguments) {
  LightAgents agents(arguments.agents);
  warm_up(arguments, agents);
  std::vector<int64_t> runs;
  submit_all(arguments, &runs);
  wait_until_full(agents);
  std::cout << json({{"working", agents.holding.load()}, {"runs", runs.size()}}).dump()
            << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) continue;
  return {{"end", true}};
}

/// From handing in a job to its first session at a machine's agent.
json submissions(const Arguments& arguments) {
  LightAgents agents(arguments.agents);
  warm_up(arguments, agents);
  agents.end_at_once = true;
  const User user(arguments);
  std::vector<double> micros;
  std::vector<double> replies;
  for (int i = 0; i < arguments.runs; ++i) {
    const int64_t before = agents.orders;
    const auto begun = Steady::now();
    const int64_t run = user.submit();
    replies.push_back(since(begun) * 1e6);
    while (agents.orders == before && since(begun) < 30)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    micros.push_back(since(begun) * 1e6);
    user.wait_finished(run);
  }
  return {{"first_session", quantiles(micros)}, {"answered", quantiles(replies)}};
}

/// From an agent's word to each watcher.
json watching(const Arguments& arguments) {
  LightAgents agents(arguments.agents);
  warm_up(arguments, agents);
  const int64_t run = User(arguments).submit();
  while (agents.holding == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  constexpr int kWords = 100;
  std::vector<std::atomic<int64_t>> said(kWords);
  std::mutex mutex;
  std::vector<double> micros;
  std::atomic<int> ready{0};
  std::atomic<int> ended{0};
  std::vector<std::jthread> watchers;
  const auto zero = Steady::now();
  for (int i = 0; i < arguments.watchers; ++i)
    watchers.emplace_back([&] {
      std::vector<double> own;
      bool first = true;
      User(arguments).watch(run, [&](const v1::RunEvent& event) {
        if (std::exchange(first, false)) ++ready;
        if (event.kind() == "console" && event.text().starts_with("word ")) {
          const auto n = static_cast<size_t>(std::stoi(event.text().substr(5)));
          own.push_back(since(zero) * 1e6 - static_cast<double>(said[n].load()));
        }
        return event.kind() != "finished";
      });
      const std::lock_guard lock(mutex);
      micros.insert(micros.end(), own.begin(), own.end());
      ++ended;
    });
  while (ready < arguments.watchers) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  LightMachine* machine = nullptr;
  for (const auto& each : agents.machines) {
    const std::lock_guard lock(each->mutex);
    if (each->holds) machine = each.get();
  }
  for (int n = 0; n < kWords; ++n) {
    said[static_cast<size_t>(n)] = static_cast<int64_t>(since(zero) * 1e6);
    agents.say(*machine, fmt::format("word {}", n));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  agents.end_at_once = true;
  for (const auto& each : agents.machines) agents.end(*each);
  watchers.clear();
  return {{"watchers", arguments.watchers},
          {"word_to_watcher", quantiles(micros)},
          {"kilnd_peak_mib", peak_mib(arguments.kilnd)}};
}

/// A lab's data folder with an authority, and a job whose kernels are a dozen small files.
void prepare(const fs::path& folder, int configs, int tests) {
  const auto made = pki::Authority::create(folder / "data" / "pki", "bench",
                                           {"localhost", "127.0.0.1"}, SystemClock().now());
  if (!made) throw std::runtime_error(render(made.error()));
  auto kernel = builder::fake_kernel();
  for (int i = 0; i < configs; ++i)
    kernel["Kconfig"] += fmt::format("config BENCH{}\n\tbool \"b\"\n", i);
  const auto write = [](const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  };
  for (const auto& [name, text] : kernel) write(folder / "kernel" / name, text);
  std::string names;
  for (int i = 0; i < configs; ++i) {
    names += fmt::format("{}c{}", i == 0 ? "" : ", ", i);
    write(folder / "job" / "configs" / fmt::format("c{}.yaml", i),
          fmt::format("description: one of many\narch: i386\nbase: tinyconfig\n"
                      "fragments: [f{}]\n",
                      i));
    write(folder / "job" / "configs" / "fragments" / fmt::format("f{}.config", i),
          fmt::format("CONFIG_PCI=y\nCONFIG_DRM=y\nCONFIG_BENCH{}=y\n", i));
  }
  std::string list;
  for (int i = 0; i < tests; ++i) list += fmt::format("igt@played@t{}\n", i);
  write(folder / "job" / "played.testlist", list);
  write(folder / "job.yaml.in",
        fmt::format("kiln: 1\nname: bench\nsource: {{git: \"{}\", ref: REF}}\n"
                    "configs: [{}]\nconfig_dir: configs\nmachine: {{tags: [light]}}\n"
                    "modules_checked: []\nstatic_checks: false\n"
                    "tests:\n  - {{name: played, list: played.testlist}}\n"
                    "repeats: {{confirmations: 0, pairs: 0, canaries: 0, instruction_boots: 0}}\n",
                    (folder / "kernel").string(), names));
}

}  // namespace
}  // namespace kiln::bench

int main(int argc, char** argv) {
  using namespace kiln::bench;
  CLI::App app{"load for a lab's figures; bench/lab/run is what people call"};
  Arguments arguments;
  int configs = 50;
  int tests = 2;
  std::string what;
  app.add_option("what", what, "prepare, flow, fill, submissions or watching")->required();
  app.add_option("--folder", arguments.folder)->required();
  app.add_option("--agents-at", arguments.agents.target);
  app.add_option("--pki", arguments.agents.pki);
  app.add_option("--socket", arguments.socket);
  app.add_option("--kilnd", arguments.kilnd);
  app.add_option("--agents", arguments.agents.agents);
  app.add_option("--machines", arguments.agents.machines);
  app.add_option("--runs", arguments.runs);
  app.add_option("--rate", arguments.rate);
  app.add_option("--seconds", arguments.seconds);
  app.add_option("--idle", arguments.idle);
  app.add_option("--watchers", arguments.watchers);
  app.add_option("--configs", configs);
  app.add_option("--tests", tests);
  CLI11_PARSE(app, argc, argv);
  try {
    if (what == "prepare") {
      prepare(arguments.folder, configs, tests);
      return 0;
    }
    nlohmann::json out;
    if (what == "flow") out = flow(arguments);
    if (what == "fill") out = fill(arguments);
    if (what == "submissions") out = submissions(arguments);
    if (what == "watching") out = watching(arguments);
    std::cout << out.dump(1) << "\n";
    return out.is_null() ? 2 : 0;
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 3;
  }
}
