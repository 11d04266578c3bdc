#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pugixml.hpp>
#include <sstream>

#include "lib/base/text.h"
#include "lib/report/formats.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

constexpr size_t kMostWords = 16 << 10;  // of the kernel's, a test case

/// Valid UTF-8 without the characters that XML 1.0 cannot hold.
std::string xml_text(std::string_view bytes) {
  std::string out;
  const std::string text = to_valid_utf8(bytes);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    // U+FFFE and U+FFFF
    const bool no_character = text.compare(i, 2, "\xEF\xBF") == 0 && i + 2 < text.size() &&
                              static_cast<unsigned char>(text[i + 2]) >= 0xBE;
    if (control || no_character) {
      out += "\xEF\xBF\xBD";
      if (no_character) i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

void set(pugi::xml_node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(xml_text(value).c_str());
}

void add_text(pugi::xml_node parent, const char* name, std::string_view text) {
  if (text.empty()) return;
  parent.append_child(name).text().set(xml_text(text.substr(0, kMostWords)).c_str());
}

enum class Word { kPass, kSkip, kFailure, kError };

/// An error is a test that did not come to its end.
Word word_of(const std::string& outcome) {
  if (outcome == "pass") return Word::kPass;
  if (outcome == "skip" || outcome == "notrun") return Word::kSkip;
  if (outcome == "fail" || outcome == "warn" || outcome.starts_with("dmesg-"))
    return Word::kFailure;
  return Word::kError;
}

/// One test in the boots of one cell.
struct Case {
  const v1::Result* worst = nullptr;
  std::map<std::string, int> outcomes;
  double seconds = 0;
  std::string known;
};

struct Counts {
  int tests = 0, failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  void add(const Counts& more) {
    tests += more.tests;
    failures += more.failures;
    errors += more.errors;
    skipped += more.skipped;
    seconds += more.seconds;
  }
};

void set_counts(pugi::xml_node node, const Counts& counts) {
  set(node, "tests", std::to_string(counts.tests));
  set(node, "failures", std::to_string(counts.failures));
  set(node, "errors", std::to_string(counts.errors));
  set(node, "skipped", std::to_string(counts.skipped));
  set(node, "time", fmt::format("{:.3f}", counts.seconds));
}

void add_property(pugi::xml_node properties, const char* name, const std::string& value) {
  if (value.empty()) return;
  pugi::xml_node property = properties.append_child("property");
  set(property, "name", name);
  set(property, "value", value);
}

/// "fail in 2, pass in 3 of 5 boots"; "" when there was one boot.
std::string boots_words(const std::map<std::string, int>& outcomes) {
  int boots = 0;
  std::string out;
  for (const auto& [outcome, n] : outcomes) {
    boots += n;
    out += fmt::format("{}{} in {}", out.empty() ? "" : ", ", outcome, n);
  }
  return boots < 2 ? "" : fmt::format("{} of {} boots", out, boots);
}

bool ran_tests(const v1::Session& session) {
  return session.purpose() == "functional" || session.purpose() == "confirmation";
}

/// In the order in which the boots gave them.
std::vector<std::pair<std::string, Case>> cases_of(const v1::RunReport& report,
                                                   const v1::Cell& cell) {
  std::vector<std::pair<std::string, Case>> out;
  std::map<std::string, size_t> at;
  for (const v1::Session& session : report.sessions()) {
    if (session.variant() != cell.variant() || session.config() != cell.config()) continue;
    if (!ran_tests(session)) continue;
    for (const v1::Result& result : session.results()) {
      const auto [found, is_new] = at.emplace(result.test(), out.size());
      if (is_new) out.emplace_back(result.test(), Case{});
      Case& one = out[found->second].second;
      ++one.outcomes[result.outcome()];
      if (one.worst == nullptr) one.seconds = result.seconds();
      if (one.worst == nullptr || word_of(one.worst->outcome()) < word_of(result.outcome()))
        one.worst = &result;
    }
  }
  return out;
}

/// Which known issue makes a failing test of this config no failure.
std::string known_words(const v1::RunReport& report, const std::string& test,
                        const std::string& config) {
  for (const v1::Finding& finding : report.findings()) {
    if (finding.class_() != "known") continue;
    const bool named =
        finding.test() == test ||
        std::find(finding.also().begin(), finding.also().end(), test) != finding.also().end();
    const bool here =
        std::any_of(finding.counts().begin(), finding.counts().end(),
                    [&](const v1::CellCounts& counts) { return counts.config() == config; });
    if (named && here) return finding.known();
  }
  return "";
}

pugi::xml_node add_case(pugi::xml_node suite, const std::string& class_name,
                        const std::string& name, double seconds) {
  pugi::xml_node node = suite.append_child("testcase");
  set(node, "classname", class_name);
  set(node, "name", name);
  set(node, "time", fmt::format("{:.3f}", seconds));
  return node;
}

void add_word(pugi::xml_node node, const char* name, const std::string& type,
              const std::string& message) {
  pugi::xml_node word = node.append_child(name);
  if (!type.empty()) set(word, "type", type);
  set(word, "message", message);
}

void write_case(pugi::xml_node suite, const std::string& class_name, const std::string& test,
                const Case& one, Counts* counts) {
  pugi::xml_node node = add_case(suite, class_name, test, one.seconds);
  ++counts->tests;
  counts->seconds += one.seconds;
  const std::string boots = boots_words(one.outcomes);
  std::string message = one.worst->reason();
  if (!boots.empty()) message += (message.empty() ? "" : "; ") + boots;
  const Word word = word_of(one.worst->outcome());
  const bool bad = word == Word::kFailure || word == Word::kError;
  if (bad && !one.known.empty()) {
    ++counts->skipped;
    add_word(node, "skipped", "", "known issue, " + one.known + ": " + one.worst->outcome());
  } else if (word == Word::kSkip) {
    ++counts->skipped;
    add_word(node, "skipped", "", message);
  } else if (word == Word::kFailure) {
    ++counts->failures;
    add_word(node, "failure", one.worst->outcome(), message);
  } else if (word == Word::kError) {
    ++counts->errors;
    add_word(node, "error", one.worst->outcome(), message);
  }
  if (bad) add_text(node, "system-err", one.worst->kernel_words());
}

void add_lost(const v1::RunReport& report, const v1::Cell& cell, const std::string& class_name,
              pugi::xml_node suite, Counts* counts) {
  for (const v1::LostResult& lost : report.lost()) {
    if (lost.variant() != cell.variant() || lost.config() != cell.config()) continue;
    pugi::xml_node node = add_case(suite, class_name, lost.test(), 0);
    add_word(node, "error", "missing", "no result came: " + lost.why());
    ++counts->tests;
    ++counts->errors;
  }
}

void add_cell_properties(const v1::RunReport& report, const v1::Cell& cell, pugi::xml_node suite) {
  pugi::xml_node properties = suite.append_child("properties");
  const std::string name = cell.variant() + "/" + cell.config();
  add_property(properties, "run", std::to_string(report.run().id()));
  add_property(properties, "same_kernel_as", cell.same_as());
  for (const v1::Build& build : report.builds()) {
    if (build.cell() != name) continue;
    add_property(properties, "kernel_release", build.release());
    add_property(properties, "kernel_build_id", build.kernel_build_id());
    add_property(properties, "build_error", build.error());
  }
  int boots = 0;
  std::string machines;
  for (const v1::Session& session : report.sessions()) {
    if (session.variant() != cell.variant() || session.config() != cell.config()) continue;
    if (!ran_tests(session)) continue;
    ++boots;
    if (machines.find(session.machine()) == std::string::npos)
      machines += (machines.empty() ? "" : ", ") + session.machine();
  }
  add_property(properties, "boots", std::to_string(boots));
  add_property(properties, "machine", machines);
}

Counts add_cell(const v1::RunReport& report, const v1::Cell& cell, pugi::xml_node root) {
  Counts counts;
  pugi::xml_node suite = root.append_child("testsuite");
  set(suite, "name", cell.variant() + "/" + cell.config());
  add_cell_properties(report, cell, suite);
  const std::string class_name = cell.variant() + "." + cell.config();
  for (auto& [test, one] : cases_of(report, cell)) {
    one.known = known_words(report, test, cell.config());
    write_case(suite, class_name, test, one, &counts);
  }
  add_lost(report, cell, class_name, suite, &counts);
  set_counts(suite, counts);
  return counts;
}

std::string finding_name(const v1::Finding& finding) {
  std::string name = finding.id() + " " + finding.class_();
  if (!finding.test().empty()) name += " " + finding.test();
  return name;
}

Counts add_verdict(const v1::RunReport& report, pugi::xml_node root) {
  Counts counts;
  pugi::xml_node suite = root.append_child("testsuite");
  set(suite, "name", "verdict");
  pugi::xml_node properties = suite.append_child("properties");
  add_property(properties, "headline", report.verdict().headline());
  add_property(properties, "result", report.verdict().result());
  add_property(properties, "source", report.run().source());
  add_property(properties, "series", report.series().title());
  for (const v1::Finding& finding : report.findings()) {
    pugi::xml_node node = add_case(suite, "verdict", finding_name(finding), 0);
    ++counts.tests;
    const bool fails = finding.class_() == "regression" || finding.class_() == "build-failure";
    if (fails) {
      ++counts.failures;
      add_word(node, "failure", finding.class_(), finding.summary());
    } else if (finding.class_() == "known") {
      ++counts.skipped;
      add_word(node, "skipped", "", "known issue, " + finding.known());
    }
    add_text(node, "system-out", finding.explain().empty() ? finding.summary() : finding.explain());
  }
  if (report.verdict().exit_code() != 0 && counts.failures == 0) {
    pugi::xml_node node = add_case(suite, "verdict", "verdict", 0);
    ++counts.tests;
    ++counts.errors;
    add_word(node, "error", report.verdict().result(), report.verdict().headline());
  }
  set_counts(suite, counts);
  return counts;
}

}  // namespace

std::string to_junit(const v1::RunReport& report) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node root = document.append_child("testsuites");
  set(root, "name", report.run().job_name());
  Counts all = add_verdict(report, root);
  for (const v1::Cell& cell : report.cells()) all.add(add_cell(report, cell, root));
  set_counts(root, all);
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace kiln::report
