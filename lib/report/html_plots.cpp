#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/report/html_parts.h"

namespace kiln::report {
namespace {

constexpr double kWidth = 360;
constexpr double kSide = 14;  ///< free at both ends, for dots and labels

double change_of(const v1::PairValue& pair) {
  if (pair.left() > 0 && pair.right() > 0) return 100 * (pair.right() / pair.left() - 1);
  if (pair.left() != 0) return 100 * (pair.right() - pair.left()) / std::fabs(pair.left());
  return 0;
}

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the range.
double nice_step(double range, int wanted) {
  const double rough = range / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power) return factor * power;
  return 10 * power;
}

/// Maps values to x.
struct Axis {
  double low;
  double high;
  [[nodiscard]] double at(double value) const {
    const double share = (value - low) / (high - low);
    return kSide + std::clamp(share, 0.0, 1.0) * (kWidth - 2 * kSide);
  }
};

std::string line(std::string_view cls, double x1, double y1, double x2, double y2) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                     cls, x1, y1, x2, y2);
}

std::string ticks(const Axis& axis, double top, double bottom, std::string_view unit) {
  std::string out;
  const double step = nice_step(axis.high - axis.low, 5);
  const double first = std::ceil(axis.low / step) * step;
  for (int i = 0; i < 12; ++i) {
    const double value = first + i * step;
    if (value > axis.high + step * 1e-6) break;
    const double x = axis.at(value);
    const bool zero = std::fabs(value) < step * 1e-6;
    out += line("tick", x, top, x, bottom);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}{}</text>", x,
                       bottom + 12, zero ? "0" : fmt::format("{:g}", value), unit);
  }
  return out;
}

std::string pair_mark(const v1::PairValue& pair, double x, double y) {
  if (!pair.excluded().empty())
    return line("out", x - 3, y - 3, x + 3, y + 3) + line("out", x - 3, y + 3, x + 3, y - 3);
  if (pair.order() == "AB" || pair.order() == "BA") {
    const double d = pair.order() == "AB" ? 1 : -1;  // points the way the boots went
    return fmt::format("<path class=\"dot\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\"/>",
                       x - 3 * d, y - 3.4, x - 3 * d, y + 3.4, x + 3.6 * d, y);
  }
  return fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", x, y);
}

std::string mean_style(const v1::Comparison& c) {
  if (c.answer() == "inconclusive") return "mean open";
  if (!c.decides()) return "mean inform";
  if (c.answer() == "slower") return "mean worse";
  if (c.answer() == "faster") return "mean better";
  return "mean";
}

std::string svg(double height, const std::string& name, const std::string& body) {
  return fmt::format("<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">{}</svg>",
                     kWidth, height, escape(name), body);
}

bool has_both(const v1::PairValue& pair) {
  return pair.excluded().empty() || (pair.left() != 0 && pair.right() != 0);
}

}  // namespace

PercentScale scale_for(const v1::RunReport& report, const v1::Comparison& comparison) {
  PercentScale scale;
  const auto add = [&](double value) {
    if (!std::isfinite(value)) return;
    scale.low = std::min(scale.low, value);
    scale.high = std::max(scale.high, value);
  };
  for (const v1::Comparison& c : report.comparisons()) {
    if (c.metric() != comparison.metric() || c.kind() != comparison.kind() ||
        c.left() != comparison.left())
      continue;
    for (const double value : {c.change_percent(), c.ci_low_percent(), c.ci_high_percent(),
                               c.margin_percent(), -c.margin_percent()})
      add(value);
    for (const v1::PairValue& pair : c.pairs())
      if (has_both(pair)) add(change_of(pair));
  }
  const double range = scale.high - scale.low;
  if (range <= 0) return {-1, 1};
  return {scale.low - 0.05 * range, scale.high + 0.05 * range};
}

std::string plot_change(const v1::Comparison& c, const PercentScale& scale) {
  const Axis axis{scale.low, scale.high};
  constexpr double kTop = 6;
  constexpr double kDots = 22;
  constexpr double kInterval = 50;
  constexpr double kBottom = 66;
  std::string body = ticks(axis, kTop, kBottom, " %");
  if (c.margin_percent() > 0) {
    const double low = axis.at(-c.margin_percent());
    const double high = axis.at(c.margin_percent());
    body += fmt::format(
        "<rect class=\"band\" x=\"{:.1f}\" y=\"{:g}\" width=\"{:.1f}\" "
        "height=\"{:g}\"/>",
        low, kTop, high - low, kBottom - kTop);
    body += line("margin", low, kTop, low, kBottom) + line("margin", high, kTop, high, kBottom);
  }
  body += line("zero", axis.at(0), kTop, axis.at(0), kBottom);
  body += line("axis", kSide, kBottom, kWidth - kSide, kBottom);
  int lane = 0;  // neighbours lie in other lanes, so that equal pairs stay apart
  for (const v1::PairValue& pair : c.pairs())
    if (has_both(pair))
      body += pair_mark(pair, axis.at(change_of(pair)), kDots + 7 * (lane++ % 3 - 1));
  if (has_interval(c)) {
    const double low = axis.at(c.ci_low_percent());
    const double high = axis.at(c.ci_high_percent());
    body += line("thin", low, kInterval, high, kInterval);
    body += line("thin", low, kInterval - 4, low, kInterval + 4);
    body += line("thin", high, kInterval - 4, high, kInterval + 4);
    body += line("thick", axis.at(c.ci90_low_percent()), kInterval, axis.at(c.ci90_high_percent()),
                 kInterval);
  }
  if (pairs_counted(c) > 0)
    body += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:g}\" r=\"5\"/>", mean_style(c),
                        axis.at(c.change_percent()), kInterval);
  return svg(82,
             fmt::format("{} in {}: {}, {}", c.metric(), c.config(), change_words(c),
                         mark_of_answer(c).word),
             body);
}

std::string plot_counts(const v1::Comparison& c) {
  constexpr int kMostRows = 24;
  double low = 0;
  double high = 0;
  for (const v1::PairValue& pair : c.pairs()) {
    if (!has_both(pair)) continue;
    low = std::min({low, pair.left(), pair.right()});
    high = std::max({high, pair.left(), pair.right()});
  }
  if (high <= low) return "";  // nothing but zeros: no picture says more than the figure
  const Axis axis{low, high + 0.03 * (high - low)};
  const int rows = std::min(c.pairs_size(), kMostRows);
  const double bottom = 8 + 7.5 * rows;
  std::string body = ticks(axis, 4, bottom, "");
  body += line("axis", kSide, bottom, kWidth - kSide, bottom);
  for (int i = 0; i < rows; ++i) {
    const v1::PairValue& pair = c.pairs(i);
    const double y = 8 + 7.5 * i;
    if (!pair.excluded().empty()) {
      body += pair_mark(pair, kSide, y);
      continue;
    }
    const double left = axis.at(pair.left());
    const double right = axis.at(pair.right());
    body += line("link", left, y, right, y);
    body += fmt::format("<circle class=\"left\" cx=\"{:.1f}\" cy=\"{:g}\" r=\"3\"/>", left, y);
    body += fmt::format("<circle class=\"right\" cx=\"{:.1f}\" cy=\"{:g}\" r=\"2.6\"/>", right, y);
  }
  return svg(bottom + 16,
             fmt::format("{} in {}: {}, {}", c.metric(), c.config(), change_words(c),
                         mark_of_answer(c).word),
             body);
}

}  // namespace kiln::report
