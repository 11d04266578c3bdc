#include "lib/report/schedule.h"

#include <fmt/format.h>

#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

/// What happened, behind its state: "run 412  no-regression: No regression ...".
std::string what_words(const v1::Firing& firing) {
  std::string out;
  if (firing.run_id() > 0) out = fmt::format("run {}", firing.run_id());
  const auto add = [&out](const std::string& words) {
    if (!words.empty()) out += (out.empty() ? "" : "; ") + words;
  };
  if (firing.count() > 1) add(fmt::format("{} times up to this one", firing.count()));
  add(clean_line(firing.reason()));
  if (!firing.result().empty())
    add(clean_line(firing.result()) + ": " + clean_line(firing.headline()));
  if (firing.since_good() > 0)
    add(fmt::format("{} worse than in the last good night",
                    count_words(firing.since_good(), "test", "tests")));
  return out;
}

std::string firing_line(const v1::Firing& firing, std::string_view label = "") {
  // 25 columns: a time with its offset; a `Z` for the offset makes it shorter.
  const std::string head = fmt::format("{}{} {} ", label, padded(clean_line(firing.planned()), 25),
                                       padded(clean_line(firing.state()), 8));
  return wrapped(head, what_words(firing), 9);
}

std::string rules_words(const v1::Schedule& schedule) {
  std::string out = schedule.missed() == "skip"
                        ? "missed times are skipped"
                        : fmt::format("a missed time runs once, up to {} late",
                                      duration(schedule.max_late_seconds()));
  out += schedule.overlap() == "queue" ? "; one waits for the run before it"
                                       : "; skipped while its run is under way";
  out += schedule.unchanged() == "run" ? "; also when nothing changed"
                                       : "; skipped when nothing changed";
  if (schedule.jitter_seconds() > 0)
    out += fmt::format("; starts up to {} later", duration(schedule.jitter_seconds()));
  return out;
}

}  // namespace

std::string schedule_to_text(const v1::Schedule& schedule) {
  std::string out =
      wrapped(clean_line(schedule.name()) + "  ",
              fmt::format("{} ({})", clean_line(schedule.cron()), clean_line(schedule.zone())));
  out += wrapped("   job   ", clean_line(schedule.job_file()));
  out += wrapped("   rules ", rules_words(schedule));
  if (schedule.has_removed()) {
    out += "   removed " + time_words(schedule.removed()) + "\n";
  } else if (schedule.has_paused()) {
    out += "   paused since " + time_words(schedule.paused()) + "\n";
  } else if (!schedule.problem().empty()) {
    out += wrapped("   cannot start: ", clean_line(schedule.problem()));
  }
  for (int i = 0; i < schedule.next_size(); ++i)
    out += fmt::format("   {} {}\n", i == 0 ? "next " : "     ", clean_line(schedule.next(i)));
  if (schedule.running() > 0) out += fmt::format("   now   run {}\n", schedule.running());
  if (schedule.has_last()) out += firing_line(schedule.last(), "   last  ");
  return out;
}

std::string schedules_to_text(const v1::ListSchedulesReply& reply) {
  if (reply.schedules().empty()) return "no schedules (kiln schedule add --help has examples)\n";
  std::string out;
  for (const v1::Schedule& schedule : reply.schedules()) out += schedule_to_text(schedule);
  return out;
}

std::string firings_to_text(const v1::ListFiringsReply& reply) {
  if (reply.firings().empty()) return "nothing was due yet\n";
  std::string out;
  for (const v1::Firing& firing : reply.firings()) out += firing_line(firing);
  return out;
}

std::string firing_to_text(const v1::Firing& firing) {
  if (firing.state() == "started" || firing.state() == "ended")
    return fmt::format("{} run {}\n", clean_line(firing.state()), firing.run_id());
  return wrapped(clean_line(firing.state()) + "  ", what_words(firing));
}

}  // namespace kiln::report
