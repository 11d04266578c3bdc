#include "lib/verdict/predecessor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/text.h"

namespace kiln::verdict {
namespace {

bool is_sure(const std::string& cls) {
  return cls == "regression" || cls == "build-failure";
}

/// Seen, and not decided: neither fixed nor broken.
bool is_doubtful(const std::string& cls) {
  return cls == "warning" || cls == "flaky" || cls == "coverage-lost";
}

const Breakage* find(const std::vector<Breakage>& in, const Breakage& what) {
  const auto found = std::find_if(in.begin(), in.end(), [&](const Breakage& one) {
    return one.subject == what.subject && one.config == what.config;
  });
  return found == in.end() ? nullptr : &*found;
}

void add(const Breakage& one, std::vector<Breakage>* out) {
  for (Breakage& known : *out)
    if (known.subject == one.subject && known.config == one.config) {
      known.sure = known.sure || one.sure;
      return;
    }
  out->push_back(one);
}

/// One line a subject, its configs behind it.
std::vector<std::string> lines_of(const std::vector<Breakage>& list) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> configs;
  for (const Breakage& one : list) {
    const auto [found, is_new] = configs.try_emplace(one.subject);
    if (is_new) order.push_back(one.subject);
    if (!one.config.empty()) found->second.push_back(one.config);
  }
  std::vector<std::string> out;
  for (const std::string& subject : order) {
    const auto& in = configs[subject];
    out.push_back(in.empty() ? subject : fmt::format("{} ({})", subject, join(in, ", ")));
  }
  return out;
}

}  // namespace

std::vector<Breakage> breakages(const std::vector<Finding>& findings,
                                const std::vector<Occurrence>& occurrences) {
  std::vector<Breakage> out;
  for (const Finding& finding : findings) {
    const bool sure = is_sure(finding.cls);
    if (!sure && !is_doubtful(finding.cls)) continue;
    if (finding.test.empty()) {
      // A report outside of tests, a measurement, a build: it is one thing in all configs.
      if (!finding.subject.empty()) add({finding.subject, "", false, sure}, &out);
      continue;
    }
    for (const Occurrence& seen : occurrences)
      if (seen.finding == finding.id) add({seen.test, seen.config, true, sure}, &out);
  }
  return out;
}

VersionChange compare_versions(const std::vector<Breakage>& before,
                               const std::vector<Breakage>& now,
                               const std::function<bool(const Breakage&)>& ran_before,
                               const std::function<bool(const Breakage&)>& ran_now) {
  std::vector<Breakage> fixed;
  std::vector<Breakage> broke;
  std::vector<Breakage> still;
  for (const Breakage& one : before) {
    if (!one.sure) continue;
    const Breakage* today = find(now, one);
    if (today != nullptr) {
      if (today->sure) still.push_back(one);
    } else if (!one.is_test || ran_now(one)) {
      fixed.push_back(one);
    }
  }
  for (const Breakage& one : now)
    if (one.sure && find(before, one) == nullptr && (!one.is_test || ran_before(one)))
      broke.push_back(one);
  return {lines_of(fixed), lines_of(broke), lines_of(still)};
}

}  // namespace kiln::verdict
