#include <fmt/format.h>

#include "lib/report/html_parts.h"

namespace kiln::report {
namespace {

/// The pairs behind the plot: what cannot be read off a picture.
std::string pairs_table(const v1::Comparison& c) {
  std::string rows;
  for (int i = 0; i < c.pairs_size(); ++i) {
    const v1::PairValue& pair = c.pairs(i);
    rows += fmt::format(
        "<tr><td class=\"num\">{}</td><td class=\"num\">{}</td>"
        "<td class=\"num\">{}</td><td>{}</td><td>{}</td></tr>",
        i + 1, number(pair.left()), number(pair.right()), escape(pair.order()),
        escape(pair.excluded()));
  }
  return fmt::format(
      "<details class=\"long\"><summary>{} as numbers</summary><table><thead><tr><th "
      "class=\"num\">#</th>"
      "<th class=\"num\">{}</th><th class=\"num\">{}</th><th>order</th><th>excluded</th></tr>"
      "</thead><tbody>{}</tbody></table></details>",
      count_words(c.pairs_size(), "pair", "pairs"), escape(c.left()), escape(c.right()), rows);
}

std::string statistics(const v1::Comparison& c) {
  std::string out = fmt::format(
      "{} {} against {} {}{}{}", escape(c.right()), number(c.right_typical()), escape(c.left()),
      number(c.left_typical()), c.unit().empty() ? "" : " ", escape(c.unit()));
  out += " · " + sample_words(c);
  if (is_tested(c))
    out += fmt::format(
        " · p {:.2g}, {}{:.2g} among all, sign-flip {:.2g} · these pairs show {:.1f} %",
        c.p_value(), looks_p_words(c), c.p_adjusted(), c.p_signflip(), c.detectable_percent());
  if (c.answer() == "inconclusive" && c.decides() && c.more_pairs() > 0)
    out += fmt::format(" · <b>{} more needed</b>", count_words(c.more_pairs(), "pair", "pairs"));
  return out;
}

std::string comparison_card(const v1::RunReport& report, const v1::Comparison& c) {
  const bool counter = c.kind() == "counter";
  std::string out = "<article><div class=\"pair\"><div>";
  out += fmt::format("<h3><span class=\"mono\">{}</span> <span class=\"dim\">{}, {}</span></h3>",
                     escape(c.metric()), escape(c.config()), escape(c.kind()));
  out +=
      fmt::format("<p class=\"figure-big\">{}{} <span class=\"tag\">{}</span></p>",
                  chip(mark_of_answer(c)), escape(change_words(c)), escape(mark_of_answer(c).word));
  out += "<p class=\"note\">" + statistics(c) + "</p>";
  if (!c.note().empty()) out += "<p class=\"note\">" + escape(c.note()) + "</p>";
  out += "</div><figure>";
  if (c.pairs_size() > 0) out += counter ? plot_counts(c) : plot_change(c, scale_for(report, c));
  out += "</figure></div>";
  if (c.pairs_size() > 0) out += pairs_table(c);
  return out + "</article>\n";
}

/// HIGHMEM x patch, where it says something.
std::string interaction_table(const v1::RunReport& report) {
  std::string rows;
  for (const v1::Interaction& x : report.interactions()) {
    if (!says_something(x)) continue;
    rows += fmt::format(
        "<tr><td><span class=\"mono\">{}</span><br><span class=\"dim\">{}, {} against "
        "{}</span></td>"
        "<td>{}<br><span class=\"dim\">{} against {}</span></td><td>{}</td></tr>",
        escape(x.metric()), escape(x.kind()), escape(x.right()), escape(x.left()),
        escape(effects_words(x)), escape(x.on().config()), escape(x.off().config()),
        escape(interaction_words(x)));
  }
  if (rows.empty()) return "";
  return "<h3>HIGHMEM × patch</h3><table class=\"cards\"><tbody>" + rows + "</tbody></table>\n";
}

std::string noise_note(const v1::RunReport& report) {
  std::string out;
  for (const v1::Noise& noise : report.noise())
    out += fmt::format("<p class=\"note\">Noise of {}, <span class=\"mono\">{}</span>: {}</p>\n",
                       escape(noise.machine()), escape(noise.family()), escape(noise_words(noise)));
  return out;
}

std::string hygiene_note(const v1::RunReport& report) {
  std::string out;
  for (const v1::Hygiene& one : report.hygiene()) {
    const std::string words = hygiene_words(one);
    if (words.empty()) continue;
    out +=
        fmt::format("<p class=\"note\">Conditions of {}: {}", escape(one.machine()), escape(words));
    for (const v1::UnfitBoot& boot : one.unfit()) out += "<br>" + escape(unfit_words(boot));
    out += "</p>\n";
  }
  return out;
}

}  // namespace

std::string html_performance(const v1::RunReport& report) {
  if (report.comparisons().empty()) return "";
  std::string decide;
  std::string inform;
  for (const v1::Comparison& c : report.comparisons())
    (c.decides() ? decide : inform) += comparison_card(report, c);
  std::string body =
      "<p class=\"legend\">Change in percent: ▷ a pair, baseline first; ◁ patched first; ○ two "
      "arms of "
      "one boot; × excluded. Thin line: 95 % interval, a change shows when it leaves 0 out. Thick "
      "line: 90 % interval, the same shows when it lies in the band. Hollow: undecided. Counts: ○ "
      "left, ● right, a row a boot.</p>";
  if (!decide.empty()) body += decide;
  body += interaction_table(report);
  if (!inform.empty()) body += "<p class=\"where\"><b>For information only</b></p>" + inform;
  body += noise_note(report);
  body += hygiene_note(report);
  return section("performance", "Performance",
                 count_words(report.comparisons_size(), "comparison", "comparisons"), body);
}

std::string html_claims(const v1::RunReport& report) {
  if (report.claims().empty()) return "";
  std::string rows;
  for (const v1::Claim& claim : report.claims()) {
    rows += fmt::format("<tr><td>{}</td><td><q>{}</q>", chip_word(mark_of_claim(claim.answer())),
                        escape(claim.text()));
    if (!claim.figure().empty())
      rows += "<br><span class=\"mono\">" + escape(claim.figure()) + "</span>";
    if (!claim.why().empty()) rows += "<br><span class=\"dim\">" + escape(claim.why()) + "</span>";
    rows += "</td></tr>";
  }
  return section("claims", "Claims", "of the cover letter",
                 "<table class=\"cards claims\"><tbody>" + rows + "</tbody></table>");
}

}  // namespace kiln::report
