#include "lib/report/review.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/known/filter.h"
#include "lib/report/paragraph.h"
#include "lib/report/report.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

constexpr int kMostChanges = 20;  // that are shown one by one

std::string day(const google::protobuf::Timestamp& time) {
  return time_words(time).substr(0, 10);
}

/// "filter 3: igt@gem_pread@* in *-highmem"
std::string filter_line(const v1::KnownFilter& filter) {
  const std::string name = filter.id() > 0 ? fmt::format("{}  ", filter.id()) : "new  ";
  return wrapped(name, clean_line(known::describe(to_filter(filter))));
}

std::string why_line(const v1::KnownFilter& filter) {
  std::string text = clean_line(filter.reason());
  if (!filter.link().empty()) text += " <" + clean_line(filter.link()) + ">";
  text += fmt::format(" ({}, {})", clean_line(filter.author()), day(filter.created()));
  return wrapped("   ", text);
}

std::string use_line(const v1::KnownUse& use) {
  std::string text;
  if (use.filter().removed()) {
    text = "removed";
  } else if (use.expired()) {
    text = "expired " + day(use.filter().expires());
  } else {
    text = use.filter().has_expires() ? "until " + day(use.filter().expires()) : "no end";
  }
  if (use.last_run() > 0) {
    text += fmt::format("; last match in run {} on {}, makes {} known", use.last_run(),
                        day(use.last_match()), count_words(use.findings(), "finding", "findings"));
  } else {
    text += "; no match yet";
  }
  text = wrapped("   ", text);
  if (use.propose_removal())
    text +=
        fmt::format("   nothing in {}: kiln known remove {}\n",
                    count_words(use.runs_since(), "judged run", "judged runs"), use.filter().id());
  return text;
}

std::string change_line(const v1::KnownChange& change) {
  std::string what =
      change.tests().empty()
          ? clean_line(change.summary())
          : clean_line(change.tests(0)) +
                (change.tests_size() > 1 ? fmt::format(" and {} more", change.tests_size() - 1)
                                         : "");
  if (change.only_patched()) what += "  (seen with the series only: look twice)";
  return wrapped(fmt::format("  run {} {}  {} -> {}  ", change.run_id(), change.finding(),
                             change.from_class(), change.to_class()),
                 what, 4);
}

const v1::StoredVerdict* newest(const v1::JudgeRunReply& reply) {
  return reply.stored().empty() ? nullptr : &reply.stored(0);
}

}  // namespace

std::string judge_to_text(const v1::JudgeRunReply& reply) {
  const v1::RunReport& report = reply.report();
  std::string out =
      fmt::format("run {}  {}\n", report.run().id(), clean_line(report.run().title()));
  if (const v1::StoredVerdict* before = newest(reply)) {
    out += wrapped(fmt::format("stored  {} (rules {}, {})  ", time_words(before->judged()),
                               before->rules(), clean_line(before->cause())),
                   clean_line(before->verdict().headline()), 8);
  }
  out += wrapped(fmt::format("now     rules {}  ", reply.now().rules()),
                 clean_line(report.verdict().headline()), 8);
  for (const v1::Finding& finding : report.findings()) {
    const std::string what = finding.test().empty() ? finding.summary() : finding.test();
    out += wrapped(fmt::format("  {:<4} {:<15} ", finding.id(), finding.class_()), clean_line(what),
                   22);
  }
  if (reply.stored_size() > 1)
    out += fmt::format("judged {} before\n", count_words(reply.stored_size(), "time", "times"));
  return out;
}

std::string known_to_text(const v1::ListKnownReply& reply) {
  if (reply.filters().empty()) return "no known issues (kiln known add --help has examples)\n";
  std::string out;
  for (const v1::KnownUse& use : reply.filters())
    out += filter_line(use.filter()) + why_line(use.filter()) + use_line(use);
  return out;
}

std::string known_change_to_text(const v1::ChangeKnownReply& reply) {
  std::string out;
  if (reply.has_before())
    out += "before\n" + filter_line(reply.before()) + why_line(reply.before());
  if (reply.has_after())
    out += (reply.has_before() ? "after\n" : "") + filter_line(reply.after()) +
           why_line(reply.after());
  const std::string looked_at =
      fmt::format("{} with {} planned results",
                  count_words(reply.runs(), "judged run", "judged runs"), reply.results());
  std::string matches =
      reply.has_after()
          ? fmt::format("covers {} of {}",
                        count_words(reply.matches(), "bad boot of a test", "bad boots of tests"),
                        looked_at)
          : "looked at " + looked_at;
  if (reply.only_patched() > 0)
    matches += fmt::format(", {} of them seen with a series only", reply.only_patched());
  out += wrapped("", matches);
  if (reply.changes().empty()) return out + "no finding changes its class\n";
  const int shown = std::min(kMostChanges, reply.changes_size());
  for (int i = 0; i < shown; ++i) out += change_line(reply.changes(i));
  if (shown < reply.changes_size())
    out += fmt::format("  ... and {} more\n", reply.changes_size() - shown);
  return out;
}

std::string known_audit_to_text(const v1::AuditKnownReply& reply) {
  if (reply.entries().empty()) return "no change of a known issue yet\n";
  std::string out;
  for (const v1::KnownAudit& entry : reply.entries()) {
    out += fmt::format("{}  {} {} {}: {} judged again, {} changed\n", time_words(entry.time()),
                       clean_line(entry.who()), entry.action(), entry.filter_id(),
                       count_words(entry.runs(), "run", "runs"),
                       count_words(entry.findings(), "finding", "findings"));
    const v1::KnownFilter& now = entry.has_after() ? entry.after() : entry.before();
    out += wrapped("   ", clean_line(known::describe(to_filter(now))));
    out += why_line(now);
  }
  return out;
}

}  // namespace kiln::report
