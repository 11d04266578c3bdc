/// What people said of findings before, and what the series' version before showed.
#include <fmt/format.h>

#include <algorithm>

#include "lib/report/paragraph.h"
#include "lib/report/text_parts.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

void add_list(const char* label, const google::protobuf::RepeatedPtrField<std::string>& items,
              std::string* out) {
  for (int i = 0; i < items.size(); ++i)
    *out += wrapped("  " + padded(i == 0 ? label : "", 9), items[i]);
}

constexpr int kMostNightTests = 20;  // of a list; the page and JSON have them all

void add_tests(const char* label, const google::protobuf::RepeatedPtrField<v1::NightTest>& tests,
               std::string* out) {
  const int shown = std::min(kMostNightTests, tests.size());
  for (int i = 0; i < shown; ++i)
    *out += wrapped("  " + padded(i == 0 ? label : "", 10), night_test_words(tests[i]), 14);
  if (shown < tests.size())
    *out += fmt::format("{}and {} more\n", std::string(12, ' '), tests.size() - shown);
}

}  // namespace

std::string text_known(const v1::RunReport& report) {
  std::string out;
  for (const v1::Finding& finding : report.findings()) {
    if (finding.class_() != "known") continue;
    std::string title = finding.test();
    if (finding.also_size() > 0) title += fmt::format(" and {} alike", finding.also_size());
    out += wrapped(
        "  ", title.empty() ? finding.summary() : fmt::format("{}: {}", title, finding.summary()),
        4);
    out += wrapped("    ", finding.known());
  }
  return out.empty() ? out : "KNOWN ISSUES\n" + out;
}

std::string text_predecessor(const v1::RunReport& report) {
  if (!report.has_predecessor()) return "";
  const v1::Predecessor& before = report.predecessor();
  std::string out =
      wrapped("SINCE ", fmt::format("v{}  fixed {}, broke {}, still broken {} (run {})",
                                    before.version(), before.fixed_size(), before.broke_size(),
                                    before.still_size(), before.run_id()));
  add_list("fixed", before.fixed(), &out);
  add_list("broke", before.broke(), &out);
  add_list("still", before.still(), &out);
  add_list("patches", before.changed_patches(), &out);
  return out;
}

std::string text_last_good_night(const v1::RunReport& report) {
  if (!report.has_last_good_night()) return "";
  const v1::LastGoodNight& night = report.last_good_night();
  std::string out = wrapped("SINCE THE LAST GOOD NIGHT  ", night_words(night), 6);
  add_tests("regressed", night.regressed(), &out);
  add_tests("worse?", night.worse(), &out);
  add_tests("lost", night.lost(), &out);
  add_tests("fixed", night.fixed(), &out);
  add_tests("better?", night.better(), &out);
  return out;
}

}  // namespace kiln::report
