/// What people said of findings before, and what the series' version before showed.
#include <fmt/format.h>

#include "lib/report/html_parts.h"

namespace kiln::report {
namespace {

std::string filter_words(const v1::KnownFilter& filter) {
  std::string out = fmt::format("filter {}: {}", filter.id(), escape(filter.reason()));
  // An address is a text here: a page that loads nothing links nowhere by itself.
  if (!filter.link().empty()) out += " (" + escape(filter.link()) + ")";
  out += ", by " + escape(filter.author());
  out += filter.has_expires() ? ", until " + time_words(filter.expires()).substr(0, 10)
                              : ", without an end";
  return out;
}

std::string list(const char* title, const google::protobuf::RepeatedPtrField<std::string>& items) {
  if (items.empty()) return "";
  std::string out = fmt::format("<p class=\"note\">{}</p><ul>", title);
  for (const std::string& item : items) out += "<li>" + escape(item) + "</li>";
  return out + "</ul>";
}

std::string tests(const char* title,
                  const google::protobuf::RepeatedPtrField<v1::NightTest>& items) {
  if (items.empty()) return "";
  std::string out = fmt::format("<p class=\"note\">{}</p><ul>", title);
  for (const v1::NightTest& item : items) out += "<li>" + escape(night_test_words(item)) + "</li>";
  return out + "</ul>";
}

}  // namespace

std::string html_known(const v1::RunReport& report) {
  std::string body;
  for (const v1::Finding& finding : report.findings())
    if (finding.class_() == "known") body += html_finding(finding);
  if (body.empty()) return "";
  std::string filters;
  for (const v1::KnownFilter& filter : report.known_filters())
    filters += "<li>" + filter_words(filter) + "</li>";
  if (!filters.empty()) body = "<ul>" + filters + "</ul>" + body;
  return section("known", "Known issues", "seen, and covered by a filter", body);
}

std::string html_predecessor(const v1::RunReport& report) {
  if (!report.has_predecessor()) return "";
  const v1::Predecessor& before = report.predecessor();
  std::string body = list("Fixed", before.fixed()) + list("Broken", before.broke()) +
                     list("Still broken", before.still()) +
                     list("Patches", before.changed_patches());
  if (body.empty()) body = "<p>Nothing that was broken then or is now.</p>";
  return section("predecessor", fmt::format("Since v{}", before.version()),
                 fmt::format("judged as run {}; {}", before.run_id(), before.why()), body);
}

std::string html_last_good_night(const v1::RunReport& report) {
  if (!report.has_last_good_night()) return "";
  const v1::LastGoodNight& night = report.last_good_night();
  const std::string body = tests("Regressed", night.regressed()) +
                           tests("Worse, in too few boots to be sure", night.worse()) +
                           tests("Lost: it passed, and no longer runs", night.lost()) +
                           tests("Fixed", night.fixed()) +
                           tests("Better, in too few boots to be sure", night.better());
  return section("last-good-night", "Since the last good night", "schedule " + night.schedule(),
                 "<p>" + escape(night_words(night)) + "</p>" + body);
}

}  // namespace kiln::report
