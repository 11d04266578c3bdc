#include "lib/nights/night.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::nights {
namespace {

template <typename Predicate>
const Night* first(std::span<const Night> nights, Predicate wanted) {
  const auto found = std::find_if(nights.begin(), nights.end(), wanted);
  return found == nights.end() ? nullptr : &*found;
}

}  // namespace

bool is_complete(const Night& night) {
  return night.ended && night.got == night.planned &&
         (night.result == "no-regression" || night.result == "regression" ||
          night.result == "inconclusive");
}

bool is_good(const Night& night) {
  return is_complete(night) && night.result == "no-regression" && night.regressed == 0;
}

const Night* last_complete(std::span<const Night> nights) {
  return first(nights, is_complete);
}

const Night* last_good(std::span<const Night> nights) {
  return first(nights, is_good);
}

std::optional<std::string> unchanged(const Print& now, std::span<const Night> nights) {
  const Night* last = last_complete(nights);
  if (last == nullptr || last->print != now) return std::nullopt;
  return fmt::format("nothing changed since run {}", last->run_id);
}

}  // namespace kiln::nights
