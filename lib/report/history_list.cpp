#include "lib/report/history_list.h"

#include <fmt/format.h>

#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

constexpr int kNameWidth = 44;

std::string rate_words(const v1::GridTest& test) {
  if (test.boots() == 0) return "";
  return fmt::format("bad in {} of {} ({:.1f} to {:.1f} %)", test.bad_boots(),
                     count_words(test.boots(), "boot", "boots"), 100 * test.rate_low(),
                     100 * test.rate_high());
}

}  // namespace

std::string tests_to_text(const v1::TestGridReply& reply) {
  if (reply.runs().empty()) return "no run has tested yet\n";
  std::string out = fmt::format(
      "runs {} to {}, oldest first\n. pass  F fail  ~ both  S skip  L lost  I infrastructure"
      "  K known\n",
      reply.runs(0).id(), reply.runs(reply.runs_size() - 1).id());
  for (const v1::GridTest& test : reply.tests()) {
    out += fmt::format("\n{:<{}}  {}\n", clean_line(test.test()), kNameWidth, rate_words(test));
    out += fmt::format("  HIGHMEM on   {}\n  HIGHMEM off  {}\n", clean_line(test.on()),
                       clean_line(test.off()));
  }
  if (reply.tests().empty()) out += "\nno test was other than the same throughout\n";
  if (reply.total_tests() > reply.tests_size())
    out += fmt::format("\n{} of {}\n", reply.tests_size(),
                       count_words(reply.total_tests(), "test", "tests"));
  return out;
}

std::string metric_names_to_text(const v1::MetricHistoryReply& reply) {
  std::string out;
  for (const std::string& name : reply.metrics()) out += clean_line(name) + "\n";
  return out.empty() ? "nothing was measured yet\n" : out;
}

std::string metric_to_text(const v1::MetricHistoryReply& reply) {
  if (reply.points().empty()) return "no run measured it\n";
  std::string out = fmt::format("{:>6}  {:<16}  {:<10}  {:<16}  {:<9}  {:>12}  boots\n", "run",
                                "time", "machine", "config", "variant", clean_line(reply.unit()));
  for (const v1::MetricPoint& point : reply.points())
    out += fmt::format("{:>6}  {:<16.16}  {:<10}  {:<16}  {:<9}  {:>12}  {}\n", point.run_id(),
                       time_words(point.time()), clean_line(point.machine()),
                       clean_line(point.config()), clean_line(point.variant()),
                       number(point.median()), point.boots_size());
  for (const v1::MetricChange& change : reply.changes())
    out += fmt::format("changed by {} between runs {} and {}\n", percent(change.change_percent()),
                       change.before_run(), change.after_run());
  return out;
}

std::string configs_to_text(const v1::CompareConfigsReply& reply) {
  if (reply.differences().empty()) return "the same config\n";
  std::string out;
  for (const v1::ConfigDifference& each : reply.differences()) {
    const auto value = [](const std::string& text) {
      return text.empty() ? std::string("not set") : clean_line(text);
    };
    out += fmt::format("{:<36}  {} -> {}\n", clean_line(each.symbol()), value(each.left()),
                       value(each.right()));
  }
  return out;
}

}  // namespace kiln::report
