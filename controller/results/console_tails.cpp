#include "controller/results/console_tails.h"

#include <algorithm>

namespace kiln::results {

void ConsoleTails::add(int64_t session_id, std::string_view line) {
  auto tails = tails_.lock();
  Tail& tail = (*tails)[session_id];
  ++tail.all_lines;
  tail.all_bytes += static_cast<int64_t>(line.size()) + 1;
  std::string& kept = tail.lines.emplace_back(line.substr(0, kMostLine));
  if (line.size() > kMostLine) kept += "...";
  tail.kept += kept.size();
  const size_t share = std::clamp(total_ / tails->size(), kLeast, kMost);
  while (tail.kept > share && tail.lines.size() > 1) {
    tail.kept -= tail.lines.front().size();
    tail.lines.pop_front();
  }
}

void ConsoleTails::drop(int64_t session_id) {
  tails_.lock()->erase(session_id);
}

ConsoleTails::Said ConsoleTails::of(int64_t session_id) const {
  auto tails = tails_.lock();
  const auto found = tails->find(session_id);
  if (found == tails->end()) return {};
  const Tail& tail = found->second;
  return {tail.all_lines - static_cast<int64_t>(tail.lines.size()) + 1,
          {tail.lines.begin(), tail.lines.end()},
          tail.all_lines,
          tail.all_bytes};
}

}  // namespace kiln::results
