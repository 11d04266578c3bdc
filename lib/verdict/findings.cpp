#include "lib/verdict/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/verdict/known.h"
#include "lib/verdict/shared_reports.h"

namespace kiln::verdict {
namespace {

constexpr size_t kMostReports = 4;
constexpr size_t kMostEvidence = 6;
constexpr size_t kMostTold = 6;

/// One test with one class, over the configs that have it.
struct Item {
  std::string test;
  size_t order = 0;
  Cls cls = Cls::kNone;
  Classified how;
  std::vector<size_t> configs;         ///< indices into views
  std::vector<const TestView*> tests;  ///< per views' index, nullptr = not there
  std::string interaction;
  std::string cause;    ///< what groups it
  std::string told_by;  ///< confirmed by that test, whose kernel report it shares; "" = by itself
  std::vector<KernelReport> kernel;
  std::vector<Occurrence> seen;  ///< what known issues may cover
  std::vector<int64_t> known;    ///< filters that together cover it
};

const TestView* find_test(const ConfigView& view, const std::string& name) {
  const auto found = std::find_if(view.tests.begin(), view.tests.end(),
                                  [&](const TestView& test) { return test.test == name; });
  return found == view.tests.end() ? nullptr : &*found;
}

/// A parent of a lost dynamic subtest that itself went bad tells why the child is missing.
bool explained_by_parent(const TestView& test, const ConfigView& view) {
  if (test.patched.state() != State::kMissing) return false;
  return std::any_of(view.tests.begin(), view.tests.end(), [&](const TestView& other) {
    return other.test != test.test && covers(other.test, test.test) &&
           other.patched.count(Kind::kBad) > 0;
  });
}

void add_reports(const SideView& side, const std::string& test, std::vector<KernelReport>* out) {
  const auto known = [&](const std::string& signature) {
    return std::any_of(out->begin(), out->end(),
                       [&](const KernelReport& report) { return report.signature == signature; });
  };
  for (const Observation& one : side.seen) {
    bool cut = false;
    for (const KernelReport& report : one.session->kernel) {
      if (report.foreign || !tells_of(report, test, one.outcome)) continue;
      cut = true;
      if (out->size() < kMostReports && !known(report.signature)) out->push_back(report);
    }
    if (cut || one.row == nullptr || !kernel_words_bad(one.row->kernel_words)) continue;
    if (!out->empty()) continue;  // the same words of the next boot say nothing new
    KernelReport words;
    words.kind = "message";
    words.text = one.row->kernel_words;
    words.title = telling_line(words.text);
    words.test = test;
    out->push_back(std::move(words));
  }
}

/// The side that a reader wants to see: where it is bad, or else where it is missing.
const SideView& telling_side(const Item& item, size_t config) {
  const TestView& test = *item.tests[config];
  return item.cls == Cls::kFix ? test.baseline : test.patched;
}

std::string cause_of(const Item& item) {
  if (item.cls == Cls::kCoverageLost) {
    const SideView& side = telling_side(item, item.configs.front());
    if (side.count(Kind::kMissing) > 0) return "missing";
    for (const Observation& one : side.seen)
      if (one.row != nullptr && !one.row->reason.empty()) return "skip: " + one.row->reason;
  }
  for (const KernelReport& report : item.kernel)
    if (!report.signature.empty()) return "kernel: " + report.signature;
  return "binary: " + binary_of(item.test);
}

std::string config_names(const std::vector<ConfigView>& views, const std::vector<size_t>& in) {
  std::vector<std::string> names;
  for (const size_t c : in) names.push_back(views[c].config);
  return join(names, ", ");
}

/// Configs beside the item's own that are so.
template <typename Is>
std::vector<size_t> elsewhere(const Item& item, const std::vector<ConfigView>& views, Is is) {
  std::vector<size_t> out;
  for (size_t c = 0; c < views.size(); ++c)
    if (std::find(item.configs.begin(), item.configs.end(), c) == item.configs.end() && is(c))
      out.push_back(c);
  return out;
}

bool ran(const SideView& side) {
  return side.count(Kind::kPass) + side.count(Kind::kBad) > 0;
}

/// interaction_of(), where the other configs show that it is true: the test ran there, and the
/// series does not look as bad there. Where a test is bad with no series at all no simple word is.
std::string interaction_word(const Item& item, const std::vector<ConfigView>& views) {
  if (item.cls == Cls::kFlaky && !item.how.only_patched) return "";  // the series has no part in it
  const auto bad_before = [&](size_t c) {
    return item.tests[c] != nullptr && item.tests[c]->baseline.count(Kind::kBad) > 0;
  };
  const std::vector<size_t> anyway = elsewhere(item, views, bad_before);
  if (item.cls == Cls::kRegression && !anyway.empty())
    return fmt::format("by the series in {}; bad without it too in {}",
                       config_names(views, item.configs), config_names(views, anyway));
  const bool bad = item.cls == Cls::kRegression || item.cls == Cls::kWarning ||
                   item.cls == Cls::kFlaky || item.cls == Cls::kNotTheSeries;
  if (!bad) return interaction_of(views, item.configs, item.cls);
  const std::vector<size_t> unseen = elsewhere(item, views, [&](size_t c) {
    const TestView* test = item.tests[c];
    return views[c].comparable() &&
           (test == nullptr || !ran(test->baseline) || !ran(test->patched));
  });
  const std::vector<size_t> alike = elsewhere(item, views, [&](size_t c) {
    return views[c].comparable() && item.tests[c] != nullptr && !bad_before(c) &&
           item.tests[c]->patched.count(Kind::kBad) > 0;
  });
  if (unseen.empty() && alike.empty()) return interaction_of(views, item.configs, item.cls);
  std::string out = item.cls == Cls::kNotTheSeries ? "fails with and without the series" : "seen";
  out += " in " + config_names(views, item.configs);
  if (!alike.empty()) out += "; bad with the series in " + config_names(views, alike) + " too";
  if (!unseen.empty()) out += "; nothing to compare in " + config_names(views, unseen);
  return out;
}

/// Bad on both sides: both are what a filter must cover.
void look_for_known(const KnownIssues& known, const std::vector<ConfigView>& views, Item* item) {
  if (!may_be_known(item->cls)) return;
  const bool both = item->cls == Cls::kNotTheSeries || item->cls == Cls::kFlaky;
  for (const size_t c : item->configs)
    for (const SideView* side : {&item->tests[c]->baseline, &item->tests[c]->patched}) {
      if (!both && side != &telling_side(*item, c)) continue;
      const auto seen = occurrences_of(*side, item->test, views[c].config, item->cls);
      item->seen.insert(item->seen.end(), seen.begin(), seen.end());
    }
  item->known = known.cover(&item->seen);
}

/// What a test is that shares its report with a confirmed regression.
Classified by_speaker(const Speaker& speaker) {
  Classified out;
  out.cls = Cls::kRegression;
  out.confidence = speaker.confidence;
  return out;
}

std::vector<Item> collect_items(const Input& input, const std::vector<ConfigView>& views,
                                const KnownIssues& known) {
  std::vector<Item> items;
  const stats::RateRules rules = rate_rules(input.job);
  std::map<std::pair<std::string, Cls>, size_t> at;
  std::set<std::string> regressed;
  for (size_t c = 0; c < views.size(); ++c) {
    if (!views[c].comparable()) continue;
    const SharedReports shared = shared_reports(input, views[c], rules);
    for (const TestView& test : views[c].tests) {
      Classified how = classify(test, views[c], rules, prior_of(input, views[c].config, test.test));
      const auto told = shared.told_by.find(test.test);
      if (told != shared.told_by.end()) how = by_speaker(told->second);
      if (how.cls == Cls::kNone) continue;
      if (how.cls == Cls::kCoverageLost && explained_by_parent(test, views[c])) continue;
      const bool unsure =
          how.cls == Cls::kFlaky || how.cls == Cls::kWarning || how.cls == Cls::kCoverageLost;
      if (unsure && spoken_for(test, views[c], rules)) continue;
      if (how.cls == Cls::kRegression) regressed.insert(test.test);
      const auto [found, is_new] = at.emplace(std::pair{test.test, how.cls}, items.size());
      if (is_new) {
        items.push_back({test.test, test.order, how.cls, how, {}, {}, "", "", "", {}, {}, {}});
        for (const ConfigView& view : views)
          items.back().tests.push_back(find_test(view, test.test));
      }
      Item& item = items[found->second];
      // Where its own boots say it in one config, it needs no other's word.
      if (told == shared.told_by.end()) {
        item.told_by.clear();
      } else if (is_new) {
        item.told_by = told->second.test;
      }
      item.configs.push_back(c);
      item.how.unconfirmed = item.how.unconfirmed || how.unconfirmed;
      item.how.only_patched = item.how.only_patched || how.only_patched;
      item.how.no_baseline = item.how.no_baseline || how.no_baseline;
      item.how.confidence = std::max(item.how.confidence, how.confidence);
    }
  }
  // Where a test regresses in one config, its being bad anyway in another is in its counts.
  std::erase_if(items, [&](const Item& item) {
    return item.cls == Cls::kNotTheSeries && regressed.count(item.test) > 0;
  });
  for (Item& item : items) {
    // What is as bad without the series is shown as it is without it.
    for (const size_t c : item.configs)
      add_reports(item.cls == Cls::kNotTheSeries ? item.tests[c]->baseline : telling_side(item, c),
                  item.test, &item.kernel);
    item.interaction = interaction_word(item, views);
    item.cause = cause_of(item);
    look_for_known(known, views, &item);
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::pair(a.order, a.test) < std::pair(b.order, b.test);
  });
  return items;
}

std::string summary_of(const Item& item, const std::vector<ConfigView>& views) {
  const TestView& test = *item.tests[item.configs.front()];
  const std::string before = test.baseline.words();
  const std::string after = test.patched.words();
  const std::string where = config_names(views, item.configs);
  switch (item.cls) {
    case Cls::kNotTheSeries:
      return fmt::format("{} without the series and {} with it ({})", before, after, where);
    case Cls::kCoverageLost:
      return fmt::format("{} without the series, but {} with it ({}){}", before, after, where,
                         item.how.unconfirmed ? "; not confirmed by further boots" : "");
    case Cls::kNewTest:
      return fmt::format("{} with the series, {} without it ({})", after, before, where);
    case Cls::kWarning:
      if (item.how.no_baseline)
        return fmt::format(
            "{} with the series, and the baseline gave no result to compare with ({})", after,
            where);
      [[fallthrough]];
    default:
      return fmt::format("{} with the series, {} without it ({}){}", after, before, where,
                         item.how.unconfirmed ? "; not confirmed by further boots" : "");
  }
}

std::vector<CellCounts> counts_of(const Item& item, const std::vector<ConfigView>& views) {
  std::vector<CellCounts> out;
  for (size_t c = 0; c < views.size(); ++c) {
    if (item.tests[c] == nullptr) continue;
    for (const auto& [variant, side] : {std::pair{"baseline", &item.tests[c]->baseline},
                                        std::pair{"patched", &item.tests[c]->patched}}) {
      if (side->seen.empty()) continue;
      CellCounts counts{variant, views[c].config, side->outcomes(), {}};
      for (const Observation& one : side->seen) counts.session_ids.push_back(one.session->id);
      out.push_back(std::move(counts));
    }
  }
  return out;
}

std::vector<std::string> evidence_of(const Item& item) {
  std::vector<std::string> out;
  for (const size_t c : item.configs)
    for (const Observation& one : telling_side(item, c).seen) {
      if (out.size() >= kMostEvidence) return out;
      if (kind_of(one.outcome) == Kind::kPass) continue;
      std::string line = fmt::format("session {}: {}", one.session->id, one.outcome);
      if (one.row != nullptr && !one.row->reason.empty()) line += ": " + one.row->reason;
      if (one.row == nullptr && !one.session->error.empty()) line += ": " + one.session->error;
      if (one.row != nullptr)
        if (const std::string rule = dmesg_rule(*one.row, one.session->kernel); !rule.empty())
          line += fmt::format(" ({})", rule);
      out.push_back(std::move(line));
    }
  return out;
}

/// "earlier runs without a series: bad in 2 of 14 boots (i386-highmem)"
std::string prior_words(const Input& input, const Item& item,
                        const std::vector<ConfigView>& views) {
  std::vector<std::string> parts;
  for (const size_t c : item.configs) {
    const stats::RatePrior prior = prior_of(input, views[c].config, item.test);
    if (prior.runs > 0)
      parts.push_back(
          fmt::format("bad in {:.0f} of {:.0f} ({})", prior.failures, prior.runs, views[c].config));
  }
  return parts.empty() ? "" : "earlier boots without the series: " + join(parts, ", ");
}

Judged to_finding(const Input& input, const std::vector<const Item*>& group,
                  const std::vector<ConfigView>& views, const KnownIssues& known) {
  // Boots of its own say more than another test's word; a dynamic subtest says more than the
  // subtest above it that merely repeats it.
  const auto own = std::find_if(group.begin(), group.end(),
                                [](const Item* item) { return item->told_by.empty(); });
  const Item* first = own == group.end() ? group.front() : *own;
  for (const Item* item : group)
    if (item != first && item->told_by == first->told_by && covers(first->test, item->test))
      first = item;
  Judged out;
  Finding& finding = out.finding;
  finding.cls = to_string(first->cls);
  finding.test = first->test;
  finding.summary = summary_of(*first, views);
  finding.counts = counts_of(*first, views);
  finding.interaction = first->interaction;
  finding.kernel = first->kernel;
  finding.evidence = evidence_of(*first);
  finding.confidence = first->how.confidence;
  if (first->cls == Cls::kRegression) out.config = views[first->configs.front()].config;
  finding.prior = prior_words(input, *first, views);
  for (const Item* item : group) {
    if (item != first) finding.also.push_back(item->test);
    if (!item->told_by.empty() && finding.evidence.size() < kMostEvidence + kMostTold)
      finding.evidence.push_back(fmt::format("{}: not repeated, by the same kernel report as {}",
                                             item->test, item->told_by));
    out.unconfirmed = out.unconfirmed || item->how.unconfirmed;
    out.only_patched = out.only_patched || item->how.only_patched;
    out.no_baseline = out.no_baseline || item->how.no_baseline;
    out.seen.insert(out.seen.end(), item->seen.begin(), item->seen.end());
  }
  finding.only_patched = std::none_of(first->tests.begin(), first->tests.end(), [](const auto* t) {
    return t != nullptr && t->baseline.count(Kind::kBad) > 0;
  });
  known.apply(first->known, &out);
  return out;
}

}  // namespace

std::string interaction_of(const std::vector<ConfigView>& views, const std::vector<size_t>& in,
                           Cls cls) {
  std::set<size_t> high;
  std::set<size_t> low;
  size_t comparable = 0;
  for (size_t c = 0; c < views.size(); ++c) {
    if (!views[c].comparable()) continue;
    ++comparable;
    if (views[c].highmem.has_value()) (*views[c].highmem ? high : low).insert(c);
  }
  const std::set<size_t> here(in.begin(), in.end());
  if (comparable < 2) return cls == Cls::kNotTheSeries ? "fails with and without the series" : "";
  const bool axis = !high.empty() && !low.empty();
  if (cls == Cls::kNotTheSeries) {
    if (axis && here == high) return "HIGHMEM alone breaks it, the series is innocent";
    if (axis && here == low) return "fails only without HIGHMEM, the series is innocent";
    return "fails with and without the series";
  }
  if (axis && here == high) return "only with HIGHMEM and the series";
  if (axis && here == low) return "only without HIGHMEM";
  if (axis && here.size() == comparable) return "both with and without HIGHMEM";
  if (here.size() < comparable) return "only in " + config_names(views, in);
  return "";
}

std::vector<Judged> test_findings(const Input& input, const std::vector<ConfigView>& views) {
  const KnownIssues known(input);
  const std::vector<Item> items = collect_items(input, views, known);
  std::vector<Judged> out;
  for (const Cls cls : {Cls::kRegression, Cls::kCoverageLost, Cls::kWarning, Cls::kFlaky, Cls::kFix,
                        Cls::kNewTest, Cls::kNotTheSeries}) {
    std::vector<std::string> keys;
    std::map<std::string, std::vector<const Item*>> groups;
    for (const Item& item : items) {
      if (item.cls != cls) continue;
      // What stands on different ground is not one finding.
      const std::string key = fmt::format(
          "{}|{}|{}{}{}|{}", item.cause, config_names(views, item.configs), item.how.unconfirmed,
          item.how.only_patched, item.how.no_baseline, fmt::join(item.known, " "));
      auto& group = groups[key];
      if (group.empty()) keys.push_back(key);
      group.push_back(&item);
    }
    for (const std::string& key : keys) out.push_back(to_finding(input, groups[key], views, known));
  }
  return out;
}

}  // namespace kiln::verdict
