/// Change points over two years of nights with known changes.
#include <fmt/format.h>

#include "bench/calibration/table.h"
#include "lib/stats/changes.h"
#include "lib/stats/simulate.h"

namespace kiln::calibration {
namespace {

using namespace stats;

std::string scored(const Score& score) {
  const double found = std::max(1, score.found);
  return fmt::format("recall {:.3f}, precision {:.3f}, in the interval {:.3f}, {:.1f} nights wide",
                     static_cast<double>(score.found) / std::max(1, score.truths),
                     score.found / static_cast<double>(std::max(1, score.reported)),
                     score.in_interval / found, score.nights_wide / found);
}

struct Scores {
  Score code, machine, without_machine;
};

Scores histories(const NightsModel& model, int count, int tolerance, Random* random) {
  Scores out;
  for (int i = 0; i < count; ++i) {
    const SimulatedNights nights = simulate_nights(model, random);
    const History got = find_changes(nights.metric, nights.machine, {});
    add_score(nights.code_changes, got.code, nights.metric, tolerance, &out.code);
    add_score(nights.machine_changes, got.machine, nights.machine, tolerance, &out.machine);
    const History alone = find_changes(nights.metric, {}, {});
    add_score(nights.code_changes, alone.code, nights.metric, tolerance, &out.without_machine);
  }
  return out;
}

}  // namespace

void nights(const Options& options, Table* table) {
  table->heading("Nights: change points over two years");
  table->note(
      "730 nights, 6 changes of the code and 2 of the machine by 3 to 8 %, noise 1 % a night, 2 % "
      "of\n"
      "the nights far off, 5 % missing, a machine that moves slowly. Found: within 5 nights.");
  Random random(options.seed);
  const int count = options.trials(40);
  const Scores usual = histories({}, count, 5, &random);
  table->figure("code", scored(usual.code), "recall, precision >= 0.95",
                usual.code.found >= 0.95 * usual.code.truths &&
                    usual.code.found >= 0.95 * usual.code.reported);
  table->row("machine, in its own A/A series", scored(usual.machine));
  table->row("code, without the machine's A/A series", scored(usual.without_machine));
  table->row("code, A/A once a week",
             scored(histories({.machine_every = 7}, count, 5, &random).code));
  table->row("code, noise 2 %", scored(histories({.noise = 0.02}, count, 5, &random).code));
  const Scores none = histories({.code_changes = 0}, count, 5, &random);
  table->row("code that never changed: changes reported a history",
             fmt::format("{:.3f}", none.code.reported / static_cast<double>(count)));
}

}  // namespace kiln::calibration
