#pragma once
/// Pieces of the HTML report. Every string of the message goes through escape(). Each section is
/// empty when it has nothing to say. Pure.
#include <string>
#include <string_view>

#include "kiln/v1/report.pb.h"
#include "lib/report/words.h"

namespace kiln::report {

/// Text for an HTML element or a quoted attribute: valid UTF-8, & < > " ' as references, control
/// characters but newline and tab as U+FFFD.
std::string escape(std::string_view bytes);

/// The page's own styles: nothing is loaded from outside.
std::string_view html_styles();

/// The glyph in a box; colour is never the only sign.
std::string chip(const Mark& mark);
/// The glyph in a box, and the word.
std::string chip_word(const Mark& mark);
/// <section id="ID"><h2>TITLE <small>NOTE</small></h2>BODY</section>; "" when the body is.
std::string section(std::string_view id, std::string_view title, std::string_view note,
                    const std::string& body);

std::string html_matrix(const v1::RunReport& report);
std::string html_differences(const v1::RunReport& report);
/// One finding as an article.
std::string html_finding(const v1::Finding& finding);
std::string html_known(const v1::RunReport& report);
std::string html_predecessor(const v1::RunReport& report);
std::string html_last_good_night(const v1::RunReport& report);
std::string html_not_the_series(const v1::RunReport& report);
std::string html_performance(const v1::RunReport& report);
std::string html_claims(const v1::RunReport& report);
std::string html_not_tested(const v1::RunReport& report);
std::string html_reach(const v1::RunReport& report);
std::string html_statics(const v1::RunReport& report);
std::string html_lost(const v1::RunReport& report);
std::string html_series(const v1::RunReport& report);
std::string html_builds(const v1::RunReport& report);
std::string html_sessions(const v1::RunReport& report);
std::string html_results(const v1::RunReport& report);
std::string html_reproduce(const v1::RunReport& report);

/// The x axis of a plot of changes in percent.
struct PercentScale {
  double low = 0;
  double high = 0;
};
/// Wide enough for the pairs, intervals and margins of all comparisons of this metric and kind, so
/// that configs can be compared by eye.
PercentScale scale_for(const v1::RunReport& report, const v1::Comparison& comparison);
/// Pairs as triangles (which way they point is the order of the boots), the 95 % interval thin, the
/// 90 % interval thick, the margin of equivalence as a band.
std::string plot_change(const v1::Comparison& comparison, const PercentScale& scale);
/// A counter: one row a boot or pair, both values joined.
std::string plot_counts(const v1::Comparison& comparison);

}  // namespace kiln::report
