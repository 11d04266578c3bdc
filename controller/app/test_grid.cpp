#include "controller/app/test_grid.h"

#include <algorithm>
#include <map>
#include <set>

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

/// By run, then variant, then half (0 = HIGHMEM).
using Seen = std::map<int64_t, std::map<std::string, Half[2]>>;

}  // namespace

bool is_without_highmem(const std::string& config) {
  return config.find("nohighmem") != std::string::npos ||
         config.find("highmem") == std::string::npos;
}

v1::GridTest grid_row(const std::string& test, const std::vector<int64_t>& runs,
                      const std::vector<db::TestBoot>& boots,
                      const std::vector<db::TestTrouble>& troubles) {
  std::set<int64_t> in_trouble;
  std::map<int64_t, std::string> classes;
  for (const db::TestTrouble& trouble : troubles) {
    if (trouble.cls != "coverage-lost") in_trouble.insert(trouble.session_id);
    classes[trouble.run_id] = trouble.cls;
  }
  const std::set<int64_t> shown(runs.begin(), runs.end());
  Seen seen;
  v1::GridTest row;
  row.set_test(test);
  int bad = 0;
  int counted = 0;
  for (const db::TestBoot& boot : boots) {
    if (!shown.contains(boot.run_id)) continue;
    Half before;
    Half& half = seen[boot.run_id][boot.variant][is_without_highmem(boot.config) ? 1 : 0];
    before = half;
    half.add(boot, in_trouble.contains(boot.session_id));
    bad += half.bad - before.bad;
    counted += half.bad - before.bad + half.passed - before.passed;
  }
  std::string on;
  std::string off;
  for (const int64_t run : runs) {
    auto& variants = seen[run];
    auto& halves = variants.contains("patched") ? variants["patched"] : variants["baseline"];
    on += letter_of(halves[0], classes[run]);
    off += letter_of(halves[1], classes[run]);
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
