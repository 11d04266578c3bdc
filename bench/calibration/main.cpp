/// bench/calibration: how often Kiln's verdicts err, on machines and tests whose truth is known.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "bench/calibration/table.h"
#include "lib/stats/noise.h"

namespace kiln::calibration {

int Options::trials(int usual) const {
  return std::max(1, static_cast<int>(usual * effort));
}

void Table::heading(std::string_view text) {
  fmt::print("\n{}\n{}\n", text, std::string(text.size(), '-'));
}

void Table::note(std::string_view text) {
  fmt::print("{}\n", text);
}

void Table::row(std::string_view what, std::string_view value) {
  fmt::print("  {:<66} {}\n", what, value);
  std::fflush(stdout);
}

void Table::figure(std::string_view what, std::string_view value, std::string_view wanted,
                   bool reached) {
  all_reached_ = all_reached_ && reached;
  row(what, fmt::format("{}  [asked: {}{}]", value, wanted, reached ? "" : "; NOT REACHED"));
}

std::string share(int hits, int tries) {
  const stats::Interval interval = stats::exact_binomial(hits, tries, 0.999);
  return fmt::format("{:.4f} ({:.4f} to {:.4f})", static_cast<double>(hits) / std::max(1, tries),
                     interval.low, interval.high);
}

bool within_bounds(int hits, int tries, double chance) {
  const stats::Interval interval = stats::exact_binomial(hits, tries, 0.999);
  return interval.low <= chance && chance <= interval.high;
}

}  // namespace kiln::calibration

int main(int argc, char** argv) {
  using namespace kiln::calibration;
  CLI::App app("How often Kiln's verdicts err, by simulation with known truth");
  Options options;
  std::string part;
  app.add_option("part", part, "functional, performance or nights; default: all")
      ->check(CLI::IsMember({"functional", "performance", "nights"}));
  app.add_option("--effort", options.effort, "times the usual number of trials")
      ->check(CLI::Range(0.001, 1000.0));
  app.add_option("--seed", options.seed, "of the random numbers");
  app.footer("Exit codes: 0 every figure asked for is reached, 1 not, others wrong use.");
  CLI11_PARSE(app, argc, argv);
  Table table;
  table.note(fmt::format("effort {}, seed {}; intervals in brackets: exact, 99.9 %", options.effort,
                         options.seed));
  if (part.empty() || part == "functional") functional(options, &table);
  if (part.empty() || part == "performance") performance(options, &table);
  if (part.empty() || part == "nights") nights(options, &table);
  return table.all_reached() ? 0 : 1;
}
