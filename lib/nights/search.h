#pragma once
/// Is a night in which tests became worse a reason to look for the commit? Pure.
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace kiln::nights {

/// Tests with their configs.
using Tests = std::set<std::pair<std::string, std::string>>;

/// A night against the last good one.
struct SearchFacts {
  std::string repository;   ///< the source's, a folder of this computer; "" = another source
  std::string good_commit;  ///< "" = not known: no good night, or one of an older Kiln
  std::string commit;
  bool has_series = false;  ///< the job has one of its own
  Tests worse;              ///< without a series, than in the good night
  Tests told;               ///< so already in the night before this one, against the same good one
};

/// Why the commits between the nights are not searched, for people; nullopt: they are. "" as a
/// reason: there is nothing to search for.
std::optional<std::string> why_not_search(const SearchFacts& facts);

}  // namespace kiln::nights
