/// The drawing of the table: boxes on a grid, one arrow for each pair of states with its events.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "lib/base/text.h"
#include "lib/machine/life.h"

namespace kiln::machine {
namespace {

using S = LifeState;

struct Place {
  LifeState state;
  double column;
  double row;
  const char* fill;
};
constexpr const char* kIdle = "#e8eef7";
constexpr const char* kWork = "#e6f4ea";
constexpr const char* kTrouble = "#fdecea";
constexpr const char* kPeople = "#f3e8fd";

/// In the order of LifeState: the session runs round, trouble stands below.
constexpr std::array<Place, 17> kPlaces{{{S::kOffline, 0, 0, kIdle},
                                         {S::kVerifying, 0, 1.5, kIdle},
                                         {S::kQualifying, 0, 3, kIdle},
                                         {S::kReady, 1, 2, kIdle},
                                         {S::kLeased, 1, 0, kWork},
                                         {S::kDeploying, 2, 0, kWork},
                                         {S::kArmed, 3, 0, kWork},
                                         {S::kRebooting, 4, 0, kWork},
                                         {S::kBooting, 5, 0, kWork},
                                         {S::kIdentifying, 5, 1.5, kWork},
                                         {S::kTesting, 4, 1.5, kWork},
                                         {S::kCollecting, 3, 1.5, kWork},
                                         {S::kTriage, 5, 3, kTrouble},
                                         {S::kCleaning, 2, 2.3, kWork},
                                         {S::kRecovering, 3, 3.6, kTrouble},
                                         {S::kQuarantined, 1, 4.2, kTrouble},
                                         {S::kHeld, 2, 4.2, kPeople}}};

constexpr double kWidth = 120;
constexpr double kHeight = 40;
constexpr double kStepX = 210;
constexpr double kStepY = 105;
constexpr double kMargin = 40;

struct Point {
  double x;
  double y;
};

Point centre(LifeState state) {
  const Place& at = kPlaces[static_cast<size_t>(state)];
  return {kMargin + kWidth / 2 + at.column * kStepX, kMargin + kHeight / 2 + at.row * kStepY};
}

/// Where the line from a box's centre towards `to` leaves the box.
Point border(Point from, Point to) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double scale = std::min(dx == 0 ? 1e9 : kWidth / 2 / std::abs(dx),
                                dy == 0 ? 1e9 : kHeight / 2 / std::abs(dy));
  return {from.x + dx * scale, from.y + dy * scale};
}

std::string limit_words(const StateRow& row) {
  if (row.limit.count() == 0) return "";
  const auto seconds = row.limit.count() / 1000;
  return seconds < 120 ? fmt::format("{} s", seconds) : fmt::format("{} min", seconds / 60);
}

/// Bent to its right, so that the two arrows of a pair do not lie on each other.
std::string arrow(LifeState from, LifeState to, const std::vector<std::string>& words,
                  bool is_trouble) {
  const Point a = centre(from);
  const Point b = centre(to);
  const double length = std::hypot(b.x - a.x, b.y - a.y);
  const double bend = 14 + length / 25;
  const Point middle{(a.x + b.x) / 2 - (b.y - a.y) / length * bend,
                     (a.y + b.y) / 2 + (b.x - a.x) / length * bend};
  const Point start = border(a, middle);
  const Point end = border(b, middle);
  const Point label{(start.x + 2 * middle.x + end.x) / 4, (start.y + 2 * middle.y + end.y) / 4};
  const char* colour = is_trouble ? "#b3261e" : "#38598b";
  std::string out = fmt::format(
      "<path d=\"M{:.1f} {:.1f} Q{:.1f} {:.1f} {:.1f} {:.1f}\" fill=\"none\" stroke=\"{}\""
      " marker-end=\"url(#{})\"/>\n",
      start.x, start.y, middle.x, middle.y, end.x, end.y, colour, is_trouble ? "bad" : "good");
  double y = label.y - 5.5 * static_cast<double>(words.size() - 1) + 3;
  for (const std::string& word : words) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"e\" fill=\"{}\">{}</text>\n",
                       label.x, y, colour, word);
    y += 11;
  }
  return out;
}

}  // namespace

std::string life_svg() {
  struct Between {
    std::vector<std::string> words;
    bool is_trouble = false;
  };
  std::map<std::pair<LifeState, LifeState>, Between> arrows;
  for (const Edge& edge : life_edges()) {
    if (edge.event == LifeEvent::kLost || edge.event == LifeEvent::kStopped) continue;
    Between& between = arrows[{edge.from, edge.to}];
    std::string word(to_string(edge.event));
    if (!edge.ending.empty()) word += fmt::format(": {}", edge.ending);
    between.words.push_back(std::move(word));
    between.is_trouble |= edge.event == LifeEvent::kFailed || edge.event == LifeEvent::kTimeout ||
                          edge.event == LifeEvent::kReset || edge.event == LifeEvent::kDoubtful;
  }
  const double width = 2 * kMargin + 5 * kStepX + kWidth + 40;
  const double height = 2 * kMargin + 4.2 * kStepY + kHeight + 60;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\">\n"
      "<title>A test machine's states</title>\n"
      "<style>text{{font-family:sans-serif;text-anchor:middle}}.s{{font-size:13px;font-weight:600}}"
      ".l{{font-size:10px;fill:#555}}.e{{font-size:9.5px;paint-order:stroke;stroke:#fff;"
      "stroke-width:3px}}.n{{font-size:11px;text-anchor:start;fill:#333}}</style>\n"
      "<defs>",
      width, height);
  for (const auto& [id, colour] : {std::pair("good", "#38598b"), std::pair("bad", "#b3261e")})
    out += fmt::format(
        "<marker id=\"{}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\""
        " markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{}\"/></marker>",
        id, colour);
  out += fmt::format("</defs>\n<rect width=\"{:.0f}\" height=\"{:.0f}\" fill=\"#fff\"/>\n", width,
                     height);
  for (const auto& [ends, between] : arrows)
    out += arrow(ends.first, ends.second, between.words, between.is_trouble);
  for (const Place& place : kPlaces) {
    const StateRow& row = row_of(place.state);
    const Point at = centre(place.state);
    const std::string limit = limit_words(row);
    out += fmt::format(
        "<g><title>{}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.0f}\""
        " rx=\"6\" fill=\"{}\" stroke=\"#555\"/><text x=\"{:.1f}\" y=\"{:.1f}\" class=\"s\">{}"
        "</text>",
        row.does, at.x - kWidth / 2, at.y - kHeight / 2, kWidth, kHeight, place.fill, at.x,
        at.y + (limit.empty() ? 4 : -1), row.name);
    if (!limit.empty())
      out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"l\">at most {}</text>", at.x,
                         at.y + 13, limit);
    out += "</g>\n";
  }
  const double notes = height - 45;
  out += fmt::format(
      "<text x=\"{0:.0f}\" y=\"{1:.0f}\" class=\"n\">stop (cancelled, lease lost) leads from each"
      " state of a session to collecting; lost leads from each state to offline.</text>\n"
      "<text x=\"{0:.0f}\" y=\"{2:.0f}\" class=\"n\">Words in capitals: the class of the session"
      " that ends by that arrow. Drawn from lib/machine/life.cpp.</text>\n</svg>\n",
      kMargin, notes, notes + 18);
  return out;
}

}  // namespace kiln::machine
