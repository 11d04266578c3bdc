#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/report/formats.h"

namespace kiln::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMajor = 5;
constexpr int kMinor = 3;
constexpr size_t kMostExcerpt = 16'000;  // the schema allows 16384

/// No null byte, valid UTF-8.
std::string text_of(std::string_view bytes) {
  std::string out = to_valid_utf8(bytes);
  std::erase(out, '\0');
  return out;
}

/// Its end matters more than its beginning in a log; cut between characters.
std::string excerpt(std::string_view bytes) {
  std::string out = text_of(bytes);
  if (out.size() <= kMostExcerpt) return out;
  size_t at = out.size() - kMostExcerpt;
  while (at < out.size() && (static_cast<unsigned char>(out[at]) & 0xC0) == 0x80) ++at;
  return out.substr(at);
}

/// Adds a text that is there: KCIDB knows no null and gives "" no meaning.
void put(Json* json, const char* name, std::string_view text) {
  if (!text.empty()) (*json)[name] = text_of(text);
}

void put_time(Json* json, const char* name, const google::protobuf::Timestamp& time) {
  if (time.seconds() <= 0 || time.seconds() > 253'402'300'799) return;
  (*json)[name] = to_rfc3339(WallTime(Millis(time.seconds() * 1000 + time.nanos() / 1'000'000)));
}

/// "igt.gem_pread.basic" of "igt@gem_pread@basic": parts of letters, digits, _ and -.
std::string path_of(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool separator = c == '@' || c == '/' || c == '.';
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
    if (!separator) {
      out += word ? c : '_';
    } else if (!out.empty() && out.back() != '.') {
      out += '.';
    }
  }
  while (!out.empty() && out.back() == '.') out.pop_back();
  return out;
}

/// KCIDB's word: FAIL blames the tested code, ERROR the test, MISS the lab.
const char* status_of(const std::string& outcome) {
  if (outcome == "pass") return "PASS";
  if (outcome == "skip") return "SKIP";
  if (outcome == "notrun" || outcome == "missing") return "MISS";
  if (outcome == "crash" || outcome == "abort") return "ERROR";
  return "FAIL";  // fail, warn, dmesg-*, timeout, incomplete: the kernel's doing as far as known
}

class Writer {
 public:
  Writer(const v1::RunReport& report, const KcidbOptions& options)
      : report_(report),
        origin_(options.origin),
        run_(fmt::format("{}:run-{}-{}", origin_, report.run().started().seconds(),
                         report.run().id())) {}

  Json write() {
    Json out;
    out["version"] = {{"major", kMajor}, {"minor", kMinor}};
    for (const char* variant : {"baseline", "patched"}) add_checkout(variant);
    for (const v1::Build& build : report_.builds()) add_build(build);
    for (const v1::Session& session : report_.sessions()) add_session(session);
    for (const v1::LostResult& lost : report_.lost()) add_lost(lost);
    for (const v1::Finding& finding : report_.findings()) add_issue(finding);
    out["checkouts"] = std::move(checkouts_);
    out["builds"] = std::move(builds_);
    out["tests"] = std::move(tests_);
    out["issues"] = std::move(issues_);
    out["incidents"] = std::move(incidents_);
    return out;
  }

 private:
  Json object(const std::string& id) const { return {{"id", id}, {"origin", origin_}}; }
  std::string checkout_id(std::string_view variant) const {
    return fmt::format("{}-{}", run_, variant);
  }
  std::string build_id(std::string_view variant, std::string_view config) const {
    return fmt::format("{}-{}", checkout_id(variant), config);
  }

  void add_checkout(const char* variant) {
    const bool there = std::any_of(report_.cells().begin(), report_.cells().end(),
                                   [&](const v1::Cell& cell) { return cell.variant() == variant; });
    if (!there) return;
    Json checkout = object(checkout_id(variant));
    const bool patched = std::string_view(variant) == "patched";
    put(&checkout, "comment",
        patched ? report_.series().title() : "base of: " + report_.run().title());
    if (patched && report_.series().message_id().find('@') != std::string::npos)
      put(&checkout, "message_id", report_.series().message_id());
    put_time(&checkout, "start_time", report_.run().started());
    checkout["valid"] = true;
    Json misc = {{"variant", variant}};
    put(&misc, "source", report_.run().source());
    put(&misc, "baseline_tree", report_.run().source_tree());
    for (const v1::Patch& patch : report_.series().patches())
      if (patched) misc["patch_ids"].push_back(text_of(patch.patch_id()));
    checkout["misc"] = std::move(misc);
    checkouts_.push_back(std::move(checkout));
  }

  void add_build(const v1::Build& build) {
    const size_t slash = build.cell().find('/');
    const std::string variant = build.cell().substr(0, slash);
    if (slash == std::string::npos || (variant != "baseline" && variant != "patched")) return;
    const std::string config = build.cell().substr(slash + 1);
    Json out = object(build_id(variant, config));
    out["checkout_id"] = checkout_id(variant);
    if (std::isfinite(build.elapsed_seconds())) out["duration"] = build.elapsed_seconds();
    put(&out, "compiler", report_.run().toolchain());
    put(&out, "config_name", config);
    out["status"] = build.state() == "failed" ? "FAIL" : "PASS";
    put(&out, "log_excerpt", excerpt(build.error()));
    Json misc = {{"key", build.key()}};
    put(&misc, "release", build.release());
    put(&misc, "kernel_build_id", build.kernel_build_id());
    misc["from_store"] = build.state() == "cached";
    out["misc"] = std::move(misc);
    builds_.push_back(std::move(out));
  }

  Json test(const v1::Session& session, const std::string& id, const std::string& name) {
    Json out = object(id);
    out["build_id"] = build_id(session.variant(), session.config());
    out["path"] = path_of(name);
    put_time(&out, "start_time", session.started());
    Json environment;
    put(&environment, "comment", session.machine());
    Json misc;
    put(&misc, "boot_id", session.identity().boot_id());
    put(&misc, "cmdline", session.identity().cmdline());
    misc["mem_total_kib"] = session.identity().mem_total_kib();
    misc["high_total_kib"] = session.identity().high_total_kib();
    environment["misc"] = std::move(misc);
    out["environment"] = std::move(environment);
    out["misc"] = {{"session", session.id()}, {"purpose", session.purpose()}};
    return out;
  }

  void add_session(const v1::Session& session) {
    // Boots of parts of the series belong to no checkout that is told here.
    if (session.variant() != "baseline" && session.variant() != "patched") return;
    if (session.ending() == "infrastructure" || session.ending() == "cancelled") return;
    int number = 0;
    for (const v1::Result& result : session.results()) {
      const std::string id = fmt::format("{}-session-{}-{}", run_, session.id(), number++);
      test_ids_[{session.id(), result.test()}] = id;
      Json out = test(session, id, result.test());
      out["status"] = status_of(result.outcome());
      if (std::isfinite(result.seconds())) out["duration"] = result.seconds();
      put(&out, "comment", result.reason());
      if (result.outcome() != "pass") put(&out, "log_excerpt", excerpt(result.kernel_words()));
      out["misc"]["outcome"] = result.outcome();
      out["misc"]["name"] = text_of(result.test());
      tests_.push_back(std::move(out));
    }
    for (const v1::Measurement& m : session.measurements()) {
      if (!std::isfinite(m.value())) continue;
      Json out = test(session, fmt::format("{}-session-{}-{}", run_, session.id(), number++),
                      m.bench() + "." + m.metric());
      out["status"] = "DONE";
      out["number"] = {{"value", m.value()}};
      put(&out["number"], "unit", m.unit());
      out["misc"]["name"] = text_of(m.metric());
      if (session.pair() > 0) out["misc"]["pair"] = session.pair();
      tests_.push_back(std::move(out));
    }
  }

  void add_lost(const v1::LostResult& lost) {
    Json out = object(fmt::format("{}-lost-{}", run_, ++lost_));
    out["build_id"] = build_id(lost.variant(), lost.config());
    out["path"] = path_of(lost.test());
    out["status"] = "MISS";
    put(&out, "comment", lost.why());
    out["misc"] = {{"name", text_of(lost.test())}};
    tests_.push_back(std::move(out));
  }

  void add_issue(const v1::Finding& finding) {
    if (finding.class_() != "regression" && finding.class_() != "build-failure") return;
    const std::string id = fmt::format("{}-{}", run_, finding.id());
    Json issue = object(id);
    issue["version"] = 1;
    put(&issue, "report_subject", finding.summary());
    put(&issue, "comment", finding.explain());
    issue["culprit"] = {{"code", true}, {"tool", false}, {"harness", false}};
    Json misc;
    put(&misc, "patch", finding.patch());
    put(&misc, "where", finding.interaction());
    for (const v1::KernelReport& report : finding.kernel())
      if (!report.signature().empty()) misc["signatures"].push_back(text_of(report.signature()));
    if (!misc.is_null()) issue["misc"] = std::move(misc);
    issues_.push_back(std::move(issue));
    for (const v1::CellCounts& counts : finding.counts()) {
      if (counts.variant() != "patched") continue;
      for (const int64_t session : counts.session_ids()) add_incident(id, session, finding.test());
    }
  }

  void add_incident(const std::string& issue, int64_t session, const std::string& test) {
    const auto found = test_ids_.find({session, test});
    if (found == test_ids_.end()) return;
    const std::string& test_id = found->second;
    const auto row = std::find_if(tests_.begin(), tests_.end(),
                                  [&](const Json& each) { return each.at("id") == test_id; });
    const auto status = row->at("status").get<std::string>();
    Json incident = object(fmt::format("{}-incident-{}", run_, ++incident_));
    incident["issue_id"] = issue;
    incident["issue_version"] = 1;
    incident["test_id"] = test_id;
    incident["present"] = status != "PASS" && status != "SKIP";
    incidents_.push_back(std::move(incident));
  }

  const v1::RunReport& report_;
  std::string origin_;
  std::string run_;  ///< begins every id
  Json checkouts_ = Json::array(), builds_ = Json::array(), tests_ = Json::array(),
       issues_ = Json::array(), incidents_ = Json::array();
  std::map<std::pair<int64_t, std::string>, std::string> test_ids_;  ///< by session and test
  int lost_ = 0;
  int incident_ = 0;
};

}  // namespace

Result<std::string> to_kcidb(const v1::RunReport& report, const KcidbOptions& options) {
  const bool good = !options.origin.empty() &&
                    options.origin.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
                        std::string::npos;
  if (!good)
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is no origin", options.origin))
                    .with_hint("letters a to z, digits and _, as registered with KCIDB"));
  return Writer(report, options)
      .write()
      .dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kiln::report
