#include "bench/years/model.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::bench {
namespace {

constexpr const char* kPrograms[] = {
    "gem_pread",       "gem_pwrite", "gem_mmap_gtt",     "gem_exec_basic",  "gem_ctx_create",
    "gem_busy",        "gem_close",  "gem_create",       "gem_render_copy", "gem_tiled_blits",
    "kms_addfb_basic", "kms_flip",   "kms_prop_blob",    "prime_vgem",      "prime_self_import",
    "syncobj_basic",   "vgem_basic", "i915_module_load", "drm_read",        "debugfs_test"};
constexpr int kFlakyEvery = 20;  // tests
constexpr int kSkipEvery = 18;
constexpr int kKnownEvery = 100;  // fail always, and a known issue covers them
constexpr double kLostRate = 0.02;
constexpr double kBreaksANight = 0.25;  // of each job
constexpr int kLongestBreak = 8;        // nights

bool is_flaky(int test) {
  return test % kFlakyEvery == 7;
}
bool is_known(int test) {
  return test % kKnownEvery == 61;
}

}  // namespace

Nights::Nights(const Size& size) : size_(size) {
  for (int i = 0; i < size.tests; ++i)
    tests_.push_back(fmt::format("igt@{}@case-{:03}",
                                 kPrograms[static_cast<size_t>(i) % std::size(kPrograms)], i));
  make_breaks();
}

double Nights::chance() {
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

int Nights::below(int limit) {
  return std::uniform_int_distribution<int>(0, limit - 1)(random_);
}

void Nights::make_breaks() {
  breaks_.resize(static_cast<size_t>(size_.jobs));
  for (int job = 0; job < size_.jobs; ++job)
    for (int night = 0; night < size_.nights; ++night) {
      // The last nights always have something to look at.
      if (chance() >= kBreaksANight && night + 3 < size_.nights) continue;
      Break one{job, below(size_.tests), night, night + 1 + below(kLongestBreak)};
      one.series_only = below(3) > 0;
      one.highmem_only = below(2) > 0;
      breaks_[static_cast<size_t>(job)].push_back(one);
    }
}

void Nights::next() {
  ++run_;
  find_troubles();
}

Trouble& Nights::trouble_of(int test) {
  int& place = place_[static_cast<size_t>(test)];
  if (place < 0) {
    place = static_cast<int>(troubles_.size());
    troubles_.push_back({test, "", {}});
  }
  return troubles_[static_cast<size_t>(place)];
}

void Nights::find_troubles() {
  troubles_.clear();
  place_.assign(tests_.size(), -1);
  for (const Break& one : breaks_[static_cast<size_t>(job())]) {
    if (night() < one.from || night() >= one.until) continue;
    Trouble& trouble = trouble_of(one.test);
    trouble.cls = one.series_only ? "regression" : "not-the-series";
    for (int cell = 0; cell < kCells; ++cell)
      trouble.bad[cell] = (!one.series_only || variant_of(cell) == 1) &&
                          (!one.highmem_only || config_of(cell) == 0);
  }
  for (int test = 0; test < size_.tests; ++test) {
    if (is_known(test)) {
      Trouble& trouble = trouble_of(test);
      trouble.cls = "known";
      std::fill(std::begin(trouble.bad), std::end(trouble.bad), true);
    } else if (is_flaky(test)) {
      const double rate = 0.01 + 0.01 * (test % 9);
      for (int cell = 0; cell < kCells; ++cell) {
        if (chance() >= rate) continue;
        Trouble& trouble = trouble_of(test);
        if (trouble.cls.empty()) trouble.cls = "flaky";
        trouble.bad[cell] = true;
      }
    }
  }
  if (chance() < kLostRate) {
    const int test = below(size_.tests);
    if (place_[static_cast<size_t>(test)] < 0) trouble_of(test).cls = "coverage-lost";
  }
}

const char* Nights::outcome(int test, int cell) const {
  const int place = place_[static_cast<size_t>(test)];
  if (place >= 0) {
    const Trouble& trouble = troubles_[static_cast<size_t>(place)];
    if (trouble.cls == "coverage-lost") return variant_of(cell) == 1 ? "skip" : "pass";
    if (trouble.bad[cell]) return "fail";
  }
  return test % kSkipEvery == 3 ? "skip" : "pass";
}

double Nights::measure(int metric, int cell, int boot) {
  const double level = 100.0 + 15.0 * metric - 6.0 * config_of(cell) - 2.0 * variant_of(cell);
  const double drift = night() > size_.nights * 2 / 3 ? 0.97 : 1.0;
  return level * drift * (1.0 + 0.008 * (chance() - 0.5) + 0.001 * (boot % 3));
}

}  // namespace kiln::bench
