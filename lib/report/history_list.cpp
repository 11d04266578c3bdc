#include "lib/report/history_list.h"

#include <fmt/format.h>

#include "lib/base/text.h"
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

std::string endings_words(const v1::MachineHistoryReply& reply) {
  std::vector<std::string> words;
  for (const v1::MachineEndings& each : reply.endings())
    words.push_back(
        clean_line(fmt::format("{} {}{}{}", each.sessions(), each.ending(),
                               each.error_class().empty() ? "" : " ", each.error_class())));
  return words.empty() ? "nothing has ended" : join(words, ", ");
}

std::string noise_words(const v1::MachineNoise& noise) {
  std::string out =
      fmt::format("{}: {:.2f} % ({} of the baseline against itself)", clean_line(noise.metric()),
                  noise.sd_percent(), count_words(noise.pairs(), "pair", "pairs"));
  if (noise.detectable_percent() > 0)
    out += fmt::format(", six pairs show {:.2f} %", noise.detectable_percent());
  if (noise.experiments() > 0)
    out += fmt::format(", {} in {}", count_words(noise.alarms(), "false alarm", "false alarms"),
                       count_words(noise.experiments(), "comparison", "comparisons"));
  if (!noise.believed()) out += ": its alarms are not believed";
  return out;
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

std::string machine_to_text(const v1::MachineHistoryReply& reply) {
  std::string out;
  if (reply.days() > 0) {
    out += fmt::format("in {} days: {}\n", reply.days(), endings_words(reply));
    for (const v1::MachineNoise& noise : reply.noise())
      out += fmt::format("noise: {}\n", noise_words(noise));
    out += "\n";
  }
  out += fmt::format("{:>8}  {:>6}  {:<16}  {:<14}  {:<34}  {:>8}  {:>8}  {}\n", "session", "run",
                     "started", "for", "kernel", "took", "idle", "ended");
  for (const v1::MachineSession& each : reply.sessions()) {
    const std::string ended =
        each.ending().empty() ? "goes on"
        : each.error().empty()
            ? clean_line(each.ending())
            : clean_line(fmt::format("{} {}: {}", each.ending(), each.error_class(), each.error()));
    out += fmt::format("{:>8}  {:>6}  {:<16.16}  {:<14}  {:<34}  {:>8}  {:>8}  {}\n", each.id(),
                       each.run_id(), time_words(each.started()), clean_line(each.purpose()),
                       clean_line(each.variant() + "/" + each.config()), duration(each.seconds()),
                       each.idle_seconds() < 0 ? "" : duration(each.idle_seconds()), ended);
  }
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
