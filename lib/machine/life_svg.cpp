/// The drawing of the table: boxes on a grid, one arrow for each pair of states with its events.
#include <fmt/format.h>

#include <algorithm>
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
                                         {S::kTesting, 4.2, 0.85, kWork},
                                         {S::kCollecting, 3, 1.5, kWork},
                                         {S::kTriage, 5, 3, kTrouble},
                                         {S::kCleaning, 2, 2.3, kWork},
                                         {S::kRecovering, 3, 3.6, kTrouble},
                                         {S::kQuarantined, 1, 4.2, kTrouble},
                                         {S::kHeld, 2, 4.2, kPeople}}};

constexpr double kWidth = 120;
constexpr double kHeight = 40;
constexpr double kStepX = 240;
constexpr double kStepY = 120;
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

struct Box {
  double left, top, right, bottom;
};

double overlap(const Box& a, const Box& b) {
  const double wide = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double high = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return wide > 0 && high > 0 ? wide * high : 0;
}

/// What stands on the drawing already, and room for words beside it.
class Drawing {
 public:
  Drawing() {
    for (const Place& place : kPlaces) {
      const Point at = centre(place.state);
      taken_.push_back(
          {at.x - kWidth / 2, at.y - kHeight / 2, at.x + kWidth / 2, at.y + kHeight / 2});
    }
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
    const Point label = room(start, middle, end, words);
    const char* colour = is_trouble ? "#b3261e" : "#38598b";
    std::string out = fmt::format(
        "<path d=\"M{:.1f} {:.1f} Q{:.1f} {:.1f} {:.1f} {:.1f}\" fill=\"none\" stroke=\"{}\""
        " marker-end=\"url(#{})\"/>\n",
        start.x, start.y, middle.x, middle.y, end.x, end.y, colour, is_trouble ? "bad" : "good");
    double y = label.y - kLine / 2 * static_cast<double>(words.size() - 1) + 3;
    for (const std::string& word : words) {
      out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"e\" fill=\"{}\">{}</text>\n",
                         label.x, y, colour, word);
      y += kLine;
    }
    return out;
  }

 private:
  static constexpr double kLine = 11;
  static constexpr double kLetter = 5.2;

  /// Of the places along the curve the one, as near to its middle as can be, where the words cover
  /// least of what is there.
  Point room(Point start, Point middle, Point end, const std::vector<std::string>& words) {
    size_t letters = 0;
    for (const std::string& word : words) letters = std::max(letters, word.size());
    const double wide = kLetter * static_cast<double>(letters) / 2 + 2;
    const double high = kLine * static_cast<double>(words.size()) / 2 + 1;
    double least = 1e9;
    Point best{};
    Box box{};
    for (const double t : {.5, .45, .55, .4, .6, .35, .65, .3, .7, .25, .75, .2, .8}) {
      const Point at{(1 - t) * (1 - t) * start.x + 2 * t * (1 - t) * middle.x + t * t * end.x,
                     (1 - t) * (1 - t) * start.y + 2 * t * (1 - t) * middle.y + t * t * end.y};
      const Box here{at.x - wide, at.y - high, at.x + wide, at.y + high};
      double covers = 0;
      for (const Box& other : taken_) covers += overlap(here, other);
      if (covers >= least) continue;
      least = covers;
      best = at;
      box = here;
    }
    taken_.push_back(box);
    return best;
  }

  std::vector<Box> taken_;
};

/// "failed, timeout: INFRA_DUT", a line for each ending.
std::vector<std::string> label_words(const std::vector<Edge>& edges) {
  std::vector<std::pair<std::string, std::string>> by_ending;
  for (const Edge& edge : edges) {
    const auto found = std::find_if(by_ending.begin(), by_ending.end(),
                                    [&](const auto& one) { return one.first == edge.ending; });
    if (found == by_ending.end())
      by_ending.emplace_back(edge.ending, to_string(edge.event));
    else
      found->second += fmt::format(", {}", to_string(edge.event));
  }
  std::vector<std::string> out;
  for (const auto& [ending, events] : by_ending)
    out.push_back(ending.empty() ? events : events + ": " + ending);
  return out;
}

}  // namespace

std::string life_svg() {
  struct Between {
    std::vector<Edge> edges;
    bool is_trouble = false;
  };
  std::map<std::pair<LifeState, LifeState>, Between> arrows;
  for (const Edge& edge : life_edges()) {
    if (edge.event == LifeEvent::kLost || edge.event == LifeEvent::kStopped) continue;
    Between& between = arrows[{edge.from, edge.to}];
    between.edges.push_back(edge);
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
  Drawing drawing;
  for (const auto& [ends, between] : arrows)
    out += drawing.arrow(ends.first, ends.second, label_words(between.edges), between.is_trouble);
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
