#include "lib/verdict/shared_reports.h"

#include <algorithm>
#include <vector>

namespace kiln::verdict {
namespace {

/// The signature that the test's own row of the boot shows first, "" = none.
std::string signature_in(const Observation& one, const std::string& test) {
  if (kind_of(one.outcome) != Kind::kBad) return "";
  for (const KernelReport& report : one.session->kernel)
    if (!report.foreign && !report.signature.empty() && tells_of(report, test, one.outcome))
      return report.signature;
  return "";
}

bool is_first_boot(const Observation& one) {
  return one.session->purpose == "functional";
}

std::string signature_of(const TestView& test) {
  for (const Observation& one : test.patched.seen)
    if (is_first_boot(one))
      if (std::string signature = signature_in(one, test.test); !signature.empty())
        return signature;
  return "";
}

/// Signatures of any boot without the series.
std::set<std::string> without_series(const CellView& baseline) {
  std::set<std::string> out;
  for (const auto* sessions : {&baseline.functional, &baseline.confirmations})
    for (const SessionRow* session : *sessions)
      for (const KernelReport& report : session->kernel) out.insert(report.signature);
  return out;
}

/// Did most of the confirming boots that went bad show the report again?
bool came_again(const TestView& test, const std::string& signature) {
  int bad = 0;
  int with = 0;
  for (const Observation& one : test.patched.seen) {
    if (is_first_boot(one) || kind_of(one.outcome) != Kind::kBad) continue;
    ++bad;
    with += std::any_of(one.session->kernel.begin(), one.session->kernel.end(),
                        [&](const KernelReport& r) { return r.signature == signature; })
                ? 1
                : 0;
  }
  return 2 * with > bad;
}

/// A test of a group with what its own boots say.
struct Member {
  const TestView* test = nullptr;
  Classified how;
};

/// Bad in its first boots with the series, never without it, and not decided by boots of its own.
bool can_be_told(const Member& member) {
  return member.how.unconfirmed && member.how.more_each > 0 && member.how.cls == Cls::kWarning &&
         member.test->baseline.count(Kind::kBad) == 0;
}

const Member* speaker_of(const std::vector<Member>& group, const std::string& signature) {
  const auto found = std::find_if(group.begin(), group.end(), [&](const Member& member) {
    return member.how.cls == Cls::kRegression && came_again(*member.test, signature);
  });
  return found == group.end() ? nullptr : &*found;
}

void speak(const Member& speaker, const std::string& signature, const std::vector<Member>& group,
           SharedReports* out) {
  for (const Member& member : group)
    if (can_be_told(member))
      out->told_by[member.test->test] = {speaker.test->test, signature, speaker.how.confidence};
}

/// Subtests of one planned test run together: what is confirmed is the first planned name.
void wait_for_first(const std::vector<Member>& group, SharedReports* out) {
  std::string asked;
  for (const Member& member : group) {
    if (member.how.more_each == 0) continue;
    if (asked.empty()) asked = member.test->planned;
    if (member.test->planned != asked && can_be_told(member))
      out->waiting.insert(member.test->test);
  }
}

}  // namespace

SharedReports shared_reports(const Input& input, const ConfigView& view,
                             const stats::RateRules& rules) {
  SharedReports out;
  const auto& boots = view.patched.functional;
  if (!view.comparable() || std::all_of(boots.begin(), boots.end(), [](const SessionRow* session) {
        return session->kernel.empty();
      }))
    return out;
  const std::set<std::string> old = without_series(view.baseline);
  std::map<std::string, std::vector<Member>> groups;
  for (const TestView& test : view.tests) {
    const std::string signature = differs(test) ? signature_of(test) : "";
    if (signature.empty() || old.contains(signature)) continue;
    groups[signature].push_back(
        {&test, classify(test, view, rules, prior_of(input, view.config, test.test))});
  }
  for (const auto& [signature, group] : groups) {
    if (const Member* speaker = speaker_of(group, signature); speaker != nullptr) {
      speak(*speaker, signature, group, &out);
    } else {
      wait_for_first(group, &out);
    }
  }
  return out;
}

}  // namespace kiln::verdict
