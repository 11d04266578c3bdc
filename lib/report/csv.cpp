#include <fmt/format.h>

#include <cmath>
#include <map>
#include <tuple>

#include "lib/base/text.h"
#include "lib/report/formats.h"

namespace kiln::report {
namespace {

/// Which pair's value of which metric is left out, and why.
using Key = std::tuple<std::string, std::string, bool, int>;  // metric, config, instructions, pair
using Exclusions = std::map<Key, std::string>;

/// Quoted when it must be. A text that a spreadsheet would take for a formula gets an apostrophe:
/// names of metrics are what a machine printed.
std::string cell(std::string_view bytes) {
  std::string text = to_valid_utf8(bytes);
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

Exclusions exclusions_of(const v1::RunReport& report) {
  Exclusions out;
  for (const v1::Comparison& c : report.comparisons()) {
    const bool instructions = c.kind() == "instructions";
    const bool arms = c.left() != "baseline";
    for (const v1::PairValue& pair : c.pairs()) {
      if (pair.excluded().empty()) continue;
      if (arms) {
        for (const std::string& arm : {c.left(), c.right()})
          out[{arm + "/" + c.metric(), c.config(), instructions, pair.pair()}] = pair.excluded();
      } else {
        out[{c.metric(), c.config(), instructions, pair.pair()}] = pair.excluded();
      }
    }
  }
  return out;
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}

}  // namespace

std::string to_csv(const v1::RunReport& report) {
  const Exclusions exclusions = exclusions_of(report);
  std::string out =
      "run,session,purpose,pair,order,config,variant,machine,bench,metric,unit,value,excluded\r\n";
  for (const v1::Session& s : report.sessions()) {
    const bool canary = s.purpose() == "canary";  // its pairs have numbers of their own
    const std::string_view order = s.pair() == 0 || canary ? "" : s.patched_first() ? "BA" : "AB";
    for (const v1::Measurement& m : s.measurements()) {
      std::string why;
      if (s.ending() == "infrastructure" || s.ending() == "cancelled") {
        why = s.error().empty() ? s.ending() : s.error();
      } else if (const auto found = exclusions.find(
                     {m.metric(), s.config(), s.purpose() == "instructions", s.pair()});
                 !canary && found != exclusions.end()) {
        why = found->second;
      } else if (!std::isfinite(m.value())) {
        why = "not a number";
      }
      out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", report.run().id(), s.id(),
                         cell(s.purpose()), s.pair(), order, cell(s.config()), cell(s.variant()),
                         cell(s.machine()), cell(m.bench()), cell(m.metric()), cell(m.unit()),
                         number(m.value()), cell(why));
    }
  }
  return out;
}

}  // namespace kiln::report
