/// How often machines that are well land in quarantine: docs/performance.md, "Real machines".
/// Prints one JSON document; exits with 1 when one did, or when a session ended otherwise than it
/// should.
#include "agent/integration/clean_sessions.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/integration/quick_machine.h"

int main(int argc, char** argv) {
  using namespace kiln::agent;
  CleanPlan plan{.sessions = 500, .machines = 4};
  CLI::App app("Sessions on machines that are well, in a lab with noise.");
  app.add_option("sessions", plan.sessions, "how many, in all")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--machines", plan.machines, "so many at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--seed", plan.seed, "of the noise")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const std::string why = QuickMachine::missing(); !why.empty()) {
    fmt::print(stderr, "error: {}\n", why);
    return 3;
  }
  const auto begun = std::chrono::steady_clock::now();
  const CleanTally tally =
      run_clean_sessions(plan, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const nlohmann::json out = {{"sessions", tally.sessions},
                              {"tested", tally.tested},
                              {"disconnected", tally.disconnected},
                              {"quarantines", tally.quarantines},
                              {"noise", tally.noise},
                              {"not_tested", tally.not_tested},
                              {"recoveries", tally.recoveries},
                              {"longest_session_s", tally.longest_seconds},
                              {"seconds", took.count()}};
  fmt::print("{}\n", out.dump(1));
  return is_clean(tally) ? 0 : 1;
}
