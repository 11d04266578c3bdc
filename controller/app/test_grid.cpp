#include "controller/app/test_grid.h"

#include <unordered_map>
#include <unordered_set>

#include "lib/stats/noise.h"
#include "lib/verdict/outcome.h"

namespace kiln::controller {
namespace {

/// What the boots of a run in one half showed.
struct Half {
  int passed = 0, bad = 0, skipped = 0;

  void add(const db::TestBoot& boot, bool in_trouble) {
    const verdict::Kind kind = verdict::kind_of(boot.outcome);
    if (kind == verdict::Kind::kSkip) {
      ++skipped;
    } else if (in_trouble || kind == verdict::Kind::kBad) {
      ++bad;
    } else if (kind == verdict::Kind::kPass) {
      ++passed;
    }
  }
  Half& operator+=(const Half& other) {
    passed += other.passed;
    bad += other.bad;
    skipped += other.skipped;
    return *this;
  }
  [[nodiscard]] bool empty() const { return passed + bad + skipped == 0; }
};

/// The finding's class says more than a count where it does not blame anything.
char letter_of(const Half& half, const std::string& cls) {
  if (cls == "coverage-lost" && half.passed + half.bad == 0) return 'L';
  if (half.empty()) return cls == "infrastructure" ? 'I' : ' ';
  if (half.bad > 0 && cls == "known") return 'K';
  if (half.bad > 0) return half.passed > 0 ? '~' : 'F';
  return half.passed > 0 ? '.' : 'S';
}

/// A run's boots: two halves (0 = HIGHMEM) of each side.
struct Column {
  Half baseline[2], patched[2];
  bool has_patched = false;
  std::string cls;
};

/// Of runs without their order: where each stands among the columns.
using Places = std::unordered_map<int64_t, size_t>;

}  // namespace

bool is_without_highmem(const std::string& config) {
  return config.find("nohighmem") != std::string::npos ||
         config.find("highmem") == std::string::npos;
}

v1::GridTest grid_row(const std::string& test, const std::vector<int64_t>& runs,
                      const std::vector<db::TestBoot>& boots,
                      const std::vector<db::TestTrouble>& troubles) {
  Places places;
  for (size_t i = 0; i < runs.size(); ++i) places[runs[i]] = i;
  std::vector<Column> columns(runs.size());
  std::unordered_set<int64_t> in_trouble;
  for (const db::TestTrouble& trouble : troubles) {
    if (trouble.cls != "coverage-lost") in_trouble.insert(trouble.session_id);
    if (const auto at = places.find(trouble.run_id); at != places.end())
      columns[at->second].cls = trouble.cls;
  }
  v1::GridTest row;
  row.set_test(test);
  int bad = 0;
  int counted = 0;
  for (const db::TestBoot& boot : boots) {
    const auto at = places.find(boot.run_id);
    if (at == places.end()) continue;
    Column& column = columns[at->second];
    const bool patched = boot.variant == "patched";
    column.has_patched = column.has_patched || patched;
    Half one;
    one.add(boot, in_trouble.contains(boot.session_id));
    bad += one.bad;
    counted += one.bad + one.passed;
    if (!patched && boot.variant != "baseline") continue;
    (patched ? column.patched : column.baseline)[is_without_highmem(boot.config) ? 1 : 0] += one;
  }
  std::string on;
  std::string off;
  for (const Column& column : columns) {
    const Half* halves = column.has_patched ? column.patched : column.baseline;
    on += letter_of(halves[0], column.cls);
    off += letter_of(halves[1], column.cls);
  }
  row.set_on(on);
  row.set_off(off);
  row.set_bad_boots(bad);
  row.set_boots(counted);
  if (counted > 0) {
    const stats::Interval rate = stats::exact_binomial(bad, counted);
    row.set_rate_low(rate.low);
    row.set_rate_high(rate.high);
  }
  return row;
}

}  // namespace kiln::controller
